"""Programs that write what rtemo ships in assets/, from MNE. Run once, not by users."""
