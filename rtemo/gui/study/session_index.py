"""The sessions that lie in the folder of sessions, looked through in a thread: disks may be slow. No Qt."""

from __future__ import annotations

import threading
from pathlib import Path

from rtemo.recordings.study.session_list import SessionEntry, list_sessions


class SessionIndex:
    """`sessions` holds what was found last, the newest first; `look` looks again where the folder has changed."""

    def __init__(self) -> None:
        self.sessions: list[SessionEntry] = []
        self.root = ""
        self._seen: tuple[str, float] = ("", -1.0)
        self._thread: threading.Thread | None = None

    def look(self, root: str) -> None:
        """Look through a folder of sessions, unless that is being done or nothing has changed there."""
        if self._thread is not None and self._thread.is_alive():
            return
        try:
            changed_s = Path(root).stat().st_mtime
        except OSError:
            changed_s = -1.0
        if (root, changed_s) == self._seen:
            return
        self._seen = (root, changed_s)
        self._thread = threading.Thread(target=self._list, args=(root,), name="session list", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until it has looked."""
        if self._thread is not None:
            self._thread.join()

    def forget(self) -> None:
        """Look again even though the folder itself is as it was."""
        self._seen = ("", -1.0)

    def _list(self, root: str) -> None:
        self.sessions, self.root = list_sessions(Path(root)), root
