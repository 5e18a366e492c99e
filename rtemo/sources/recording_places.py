"""Where a recording may lie: the room on its disk, and where it goes on whose own folder no longer works."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import platformdirs

RECORDING = "recording.xdf"  # of a session, in its folder
_NOT_ON_WINDOWS = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)\s*(\.|$)', re.IGNORECASE)
NAME_BYTES = 120  # of a subject's name in a folder's: systems allow 255 in all


def free_bytes(recording: Path) -> int:
    """The room that a recording's disk has; a disk that does not answer counts as full."""
    try:
        return shutil.disk_usage(recording.parent).free
    except OSError:
        return 0


def places_elsewhere(recording: Path) -> tuple[Path, ...]:
    """Folders in which a recording goes on where its own folder no longer works: on the user's disk, then a temporary
    one. Each recording has its own.
    """
    name = recording.parent.name if recording.name == RECORDING else recording.stem
    own = safe_name(name)
    return (
        platformdirs.user_data_path("rtemo", appauthor=False) / "recordings" / own,
        Path(tempfile.gettempdir()) / f"rtemo-recordings-{own}",
    )


def safe_name(subject: str) -> str:
    """A subject's name as a part of a folder's name on any system."""
    cleaned = re.sub(r"[^\w-]+", "-", subject).strip("-_")
    short = cleaned[:60].encode()[:NAME_BYTES].decode("utf-8", "ignore")
    return short or "anonymous"


def is_portable(name: str) -> bool:
    """Whether every system takes it as the name of a file or folder: Windows reserves some names and characters."""
    return 0 < len(name.encode(errors="replace")) <= 255 and not _NOT_ON_WINDOWS.search(name)
