"""The window's part of what a session is published by besides its files: settings and states of the outputs."""
