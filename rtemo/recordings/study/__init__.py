"""A study over many sessions: listing them, withdrawing a participant; conditions and annotations of a session."""
