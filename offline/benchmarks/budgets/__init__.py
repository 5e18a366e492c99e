"""What rtemo may cost, and what it does: see __main__.py."""
