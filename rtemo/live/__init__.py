"""Threads and time: the engine, the recorder, the outlet, the session folder. No Qt."""
