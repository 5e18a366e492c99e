"""Recording: items into an XDF file."""
