"""Dialogs of the window, and the pages of the session settings."""
