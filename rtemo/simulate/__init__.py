"""Simulated people: EEG and gaze with known emotions, for the demonstration, the tests and the synthetic data sets.

Nothing in here is a recording of a person. Everything is drawn from seeds, and every stream states it in its metadata.
"""
