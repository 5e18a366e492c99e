"""How the window and the HTML reports look alike: palette, number formats and the page maker."""
