"""Where the session settings that were last used lie, for the next start of the application."""

from __future__ import annotations

from pathlib import Path

import platformdirs

FILE = "last_settings.toml"


def last_settings() -> Path:
    """The file; it need not be there."""
    return platformdirs.user_config_path("rtemo", appauthor=False) / FILE
