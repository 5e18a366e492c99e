"""A model that is dropped onto the window. Loads nothing of models: the window opens faster."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QDropEvent

SPEC_FILE = "bundle.json"  # as in rtemo.model.bundle


def model_in(event: QDropEvent) -> str:
    """The folder of a model in a drag-and-drop event, also where a file in it is dragged; empty without one."""
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile()) if url.isLocalFile() else None
        folder = path.parent if path is not None and path.name == SPEC_FILE else path
        if folder is not None and (folder / SPEC_FILE).is_file():
            return str(folder)
    return ""
