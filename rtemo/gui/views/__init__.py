"""The views of the main window, one file each."""
