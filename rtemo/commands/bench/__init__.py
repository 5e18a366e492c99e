"""`rtemo bench`: what the engine and the window cost on this computer."""
