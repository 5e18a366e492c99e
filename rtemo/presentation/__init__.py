"""How the window and the report look alike: palette and number formats."""
