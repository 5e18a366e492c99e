"""The model path of the live application: bundle, ONNX runtime, decoder. Only network.py imports torch."""
