"""The bars above and below the views."""
