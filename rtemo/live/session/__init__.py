"""A session: its folder, its settings, its outputs, from start to stop."""
