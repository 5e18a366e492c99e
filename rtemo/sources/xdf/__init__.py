"""XDF files: reading, checking, writing."""
