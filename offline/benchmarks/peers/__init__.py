"""rtemo beside programs of other people, on the same streams and files, in one run: see README.md."""
