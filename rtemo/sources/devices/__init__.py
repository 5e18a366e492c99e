"""Devices: profiles, and what each column of a stream holds."""
