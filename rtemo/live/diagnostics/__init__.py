"""What is on the network and what is wrong with this computer: `rtemo streams` and `rtemo doctor`."""
