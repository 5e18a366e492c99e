"""Own models as bundles: an ONNX graph, a torch module, a scikit-learn pipeline, calibrated on held-out people."""
