"""What a prediction is sure of: calibration, conformal sets, novelty, smoothing."""
