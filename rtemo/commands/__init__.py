"""The commands: each wires objects together for one run and returns an exit code. Arguments are read in cli.py."""
