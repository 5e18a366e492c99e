"""The window: a client of the engine process. It paints snapshots and sends commands; it owns no signal processing."""
