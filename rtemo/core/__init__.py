"""The pure core: time-stamped chunks in, windows out. Reads no clock, no file of the user's, no network, no Qt."""
