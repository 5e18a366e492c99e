"""The EEG by frequency: the spectrum of the last seconds, and how it changes (spectrogram)."""
