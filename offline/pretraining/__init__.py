"""Self-supervised pretraining: targets, objectives, the loop and its diagnostics."""
