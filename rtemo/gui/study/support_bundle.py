"""A zip archive that a lab can send to whoever helps: versions, the doctor's report, the program's log. No Qt.

It holds no participant data: names of session folders, participants' ids and the user's home are left out of the texts.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from rtemo.live.log_file import log_folder
from rtemo.recordings.session_folder import versions

SESSION_FOLDER = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[^\s/\\'\";,]+")
SUBJECT = "<participant>"
SHORTEST = 2  # characters of an id that is looked for; a shorter one is in every word


def write_support_bundle(path: Path, doctor: str, participants: Iterable[str], logs: Path | None = None) -> None:
    """Write the archive. participants: ids that must not be in it. logs: the folder of logs. Raises OSError."""
    folder = logs or log_folder()
    names = sorted({name for name in participants if len(name) >= SHORTEST}, key=len, reverse=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("versions.json", json.dumps(versions(), indent=1))
        archive.writestr("doctor.txt", without_participants(doctor, names))
        for file in sorted(folder.glob("*.log*")) if folder.is_dir() else ():
            text = file.read_text(encoding="utf-8", errors="replace")
            archive.writestr(f"log/{file.name}", without_participants(text, names))


def without_participants(text: str, names: Iterable[str]) -> str:
    """A text without session folders' names, these ids and the user's home folder."""
    text = SESSION_FOLDER.sub(SUBJECT, text).replace(str(Path.home()), "~")
    for name in names:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", SUBJECT, text, flags=re.IGNORECASE)
    return text
