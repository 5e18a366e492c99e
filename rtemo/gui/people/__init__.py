"""Several participants in one window: a card for each, whom the views show, and their synchrony."""
