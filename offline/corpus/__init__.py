"""The corpus: windows of many people on disk, how it is built, and what is in it."""
