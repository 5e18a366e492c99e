"""EEG: electrodes, filters, signal quality, band power."""
