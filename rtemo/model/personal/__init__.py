"""Personal calibration: labelled clips of one person refit the heads."""
