"""BIDS folders with EEG and eye tracking."""
