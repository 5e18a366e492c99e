"""Dialogs and their pages."""
