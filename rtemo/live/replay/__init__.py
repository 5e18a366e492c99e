"""A recording in the window: analysed, played, shown."""
