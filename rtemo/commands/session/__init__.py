"""Commands that run a session or a recording: app, engine, demo, live, replay, calibrate."""
