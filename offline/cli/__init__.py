"""The offline commands: what they take from the command line, and what they refuse before any work."""
