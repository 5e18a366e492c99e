"""The desktop window (Qt), a client of the engine process: paints snapshots, sends commands, processes no signals."""
