"""What rtemo writes into a recording about its session, and how it is read back."""
