"""Sources of samples: LSL streams and XDF files. All follow the Source protocol of base.py."""
