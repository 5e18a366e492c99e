"""A participant withdraws: what there is of them in a folder of sessions, and erasing it for good.

Nothing outside the folder of sessions is touched: no link is followed, and only session folders right in it are erased.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.recordings.study.session_list import SessionEntry, list_sessions, of_participant

RECORDING_S = 10.0  # a recording that was written to so lately may still be made


@dataclass(frozen=True, slots=True)
class KeptSession:
    """One session of the participant. files: all in its folder, with their sizes in bytes."""

    entry: SessionEntry
    files: tuple[tuple[Path, int], ...]

    @property
    def n_bytes(self) -> int:
        return sum(size for _, size in self.files)


def kept_sessions(root: Path, subject: str) -> list[KeptSession]:
    """What there is of a participant in a folder of sessions. Raises RtemoError where it is no folder, or no id."""
    if not subject.strip():
        raise RtemoError("a withdrawal needs the participant's id", "found none", "name one")
    if not root.is_dir():
        raise RtemoError("there is no such folder of sessions", f"found no folder {root}", "name it with --root")
    found = of_participant(list_sessions(root), subject)
    return [KeptSession(entry, tuple(_files(entry.folder))) for entry in reversed(found)]


def erase_sessions(root: Path, sessions: Sequence[KeptSession]) -> None:
    """Erase these sessions of a folder for good.

    Raises RtemoError, and erases nothing, for one that is not right in that folder, may be recorded now, or is of
    others as well; with what is left where the system refuses.
    """
    for kept in sessions:
        folder = kept.entry.folder
        if folder.is_symlink() or folder.resolve().parent != root.resolve():
            raise RtemoError(f"{folder} is not erased", f"it does not lie in {root}", "look after it yourself")
        if len(kept.entry.participants) > 1:
            todo = "export the others' data first (rtemo export --bids), then erase the folder yourself"
            found = f"it is of {', '.join(kept.entry.participants)} together"
            raise RtemoError(f"{folder} is not erased", found, todo)
        newest_s = max((path.lstat().st_mtime for path, _ in kept.files if not path.is_symlink()), default=0.0)
        if time.time() - newest_s < RECORDING_S:
            raise RtemoError(f"{folder} may be recorded now", "it was written to just now", "stop the session first")
    for kept in sessions:
        try:
            shutil.rmtree(kept.entry.folder)
        except OSError as error:
            left = [one.entry.folder.name for one in sessions if one.entry.folder.exists()]
            raise RtemoError(
                f"{kept.entry.folder} was not erased", str(error), f"still there: {', '.join(left)}"
            ) from error


def _files(folder: Path) -> list[tuple[Path, int]]:
    paths = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file())
    return [(path, path.lstat().st_size) for path in paths]
