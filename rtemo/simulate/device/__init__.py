"""Simulated devices: sensors, transport, faults, stream descriptions."""
