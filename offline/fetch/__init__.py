"""Downloading open data sets: what there is and where, listing a set's files, transferring them whole."""
