"""The window's part of a study: sessions and participants, conditions, protocol, gaze check, model, export."""
