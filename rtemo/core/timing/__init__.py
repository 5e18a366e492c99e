"""Time: clock offsets, jitter, gaps and sampling rates."""
