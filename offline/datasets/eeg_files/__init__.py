"""EEG files of foreign formats: opened by MNE, with what it hides: gaps, wrong headers, warnings."""
