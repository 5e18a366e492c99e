"""Simulated EEG: heads, cortex, muscles."""
