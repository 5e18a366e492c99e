"""The baseline: the rest at the start of a session that features are normalised by."""
