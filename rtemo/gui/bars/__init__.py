"""Tool bars above the views, and the status bar below them."""
