"""Where the session settings and the model that were last used lie, for the next start of the application."""

from __future__ import annotations

import contextlib
from pathlib import Path

import platformdirs

FILE = "last_settings.toml"
MODEL_FILE = "last_model.txt"  # beside it: the folder of the model that was chosen in the window


def last_settings() -> Path:
    """The file; it need not be there."""
    return platformdirs.user_config_path("rtemo", appauthor=False) / FILE


def keep_model(path: Path, folder: str) -> None:
    """Remember a model's folder in this file; empty for rtemo's own. A disk that cannot be written to is ignored."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(folder.encode())


def kept_model(path: Path) -> Path | None:
    """The model's folder that is remembered in this file, where it is still there; None for rtemo's own."""
    try:
        folder = Path(path.read_bytes().decode().strip())
    except (OSError, UnicodeDecodeError):
        return None
    return folder if folder.is_absolute() and folder.is_dir() else None
