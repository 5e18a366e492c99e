"""Measurements of what a person's own labels are worth."""
