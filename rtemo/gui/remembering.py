"""Keeps the session settings that were last used in a file, for the next start. No Qt.

They are remembered when a researcher changes them, not as they were found: a demonstration leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path

from rtemo.live.service.snapshot import Phase, Snapshot


class SettingsMemory:
    """Fed with every snapshot. path: None remembers nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: str | None = None

    def take(self, snapshot: Snapshot) -> None:
        """Write the settings where they are others than before. A disk that refuses is no reason to disturb anybody."""
        if self._path is None or not snapshot.settings or snapshot.phase not in (Phase.IDLE, Phase.PREVIEW):
            return
        if self._known is not None and snapshot.settings != self._known:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                partial = self._path.with_suffix(".partial")
                partial.write_text(snapshot.settings, encoding="utf-8")
                partial.replace(self._path)
            except OSError:
                return
        self._known = snapshot.settings
