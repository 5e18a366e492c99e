"""Diagnostics of the network and this computer, for `rtemo streams` and `rtemo doctor`."""
