"""A user's own script beside a session, in a process of its own."""
