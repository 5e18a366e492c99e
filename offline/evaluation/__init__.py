"""Experiments: a method, a protocol and a corpus give scores with their spread over people."""
