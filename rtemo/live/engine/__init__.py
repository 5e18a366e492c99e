"""The engine: items in, predictions out."""
