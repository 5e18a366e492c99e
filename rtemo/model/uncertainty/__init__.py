"""Uncertainty of predictions: calibration, conformal sets, novelty, smoothing."""
