"""The signals: live, painted by ourselves, and the past, in a plot to zoom and pan in."""
