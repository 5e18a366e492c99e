"""Supervised training: batches, optimiser, checkpoints, the loop."""
