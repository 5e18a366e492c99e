"""Benchmarks of speed and of uncertainty estimates on simulated people; each runs as `python -m`."""
