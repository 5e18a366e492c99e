"""The desktop application: paints snapshots of the engine and owns no signal processing."""
