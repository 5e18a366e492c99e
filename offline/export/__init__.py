"""From a finished training run to a model bundle: calibration, scores, ONNX graph, model card."""
