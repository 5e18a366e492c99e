"""Simulated eyes: movements, pupils, what a tracker sends."""
