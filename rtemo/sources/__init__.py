"""Where samples come from: LSL, XDF files, generated items. All speak the Source protocol of base.py."""
