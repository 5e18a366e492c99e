"""Where predictions and events go: LSL outlets, files, stdout."""
