"""Device profiles, and channel maps from stream descriptions."""
