"""EEGEyeNet."""
