"""One file per data set; base.py holds the contract."""
