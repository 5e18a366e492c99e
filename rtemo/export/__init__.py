"""Recordings for other programs: BIDS, MNE, EDF, CSV. What a file holds is at its LSL time; gaps stay gaps."""
