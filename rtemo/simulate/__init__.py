"""Simulated people with known truth, for the demo, the tests and the synthetic data sets. Never real data."""
