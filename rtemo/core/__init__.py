"""The pure part: from time-stamped chunks to windows. Reads no clock, no file of the user's, no network, no Qt."""
