"""LabRecorder's `filename` command: its fields, and the file that a template makes of them.

    filename {root:/data} {template:sub-%p/ses-%s/sub-%p_ses-%s_task-%b_run-%r.xdf} {participant:P01} {run:2}

%p participant, %s session, %b task ("block"), %r or %n run, %a acquisition, %m modality, %h computer; what stands in
[brackets] is left out where a field in it is empty. Without a run, the first one whose file is not there is taken.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, fields, replace
from itertools import count
from pathlib import Path, PureWindowsPath

from rtemo.core.errors import RtemoError
from rtemo.sources.recording_places import is_portable, safe_name

MAX_RUN = 10_000
_FIELD = re.compile(r"\{(\w+):([^{}]*)\}")
_WILDCARDS = {"p": "participant", "s": "session", "b": "task", "r": "run", "n": "run", "a": "acquisition",
              "m": "modality"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileName:
    """The fields of LabRecorder's command; empty where nothing is asked for."""

    root: str = ""
    template: str = ""
    study: str = ""
    participant: str = ""
    session: str = ""
    task: str = ""
    run: str = ""
    acquisition: str = ""
    modality: str = ""

    def with_fields(self, text: str) -> FileName:
        """With what a command gives; the other fields stay. Raises RtemoError for a field that there is not."""
        found = dict(_FIELD.findall(text))
        known = {field.name for field in fields(FileName)}
        if unknown := [name for name in found if name not in known]:
            raise RtemoError(f"there is no field {unknown[0]!r}", "", f"the fields are {', '.join(sorted(known))}")
        if not found or _FIELD.sub("", text).strip():
            raise RtemoError("filename takes fields", f"found {text.strip()!r:.200}", "for example {participant:P01}")
        return replace(self, **{name: value.strip() for name, value in found.items()})

    def recording(self, root: Path) -> Path | None:
        """The file to record into; None without a template: then a session folder is made below the root.

        Raises RtemoError for a template that cannot be used, and where the file is there: nothing is overwritten.
        """
        if not self.template:
            return None
        if self.run or not {"%r", "%n"} & set(re.findall(r"%\w", self.template)):
            path = root / self._filled(self.run)
            if path.exists():
                raise RtemoError(f"{path} exists already", "nothing is overwritten", "give another run, or none")
            return path
        for number in count(1):
            path = root / self._filled(f"{number:02d}" if self.modality else str(number))
            if not path.exists():
                return path
            if number >= MAX_RUN:
                break
        raise RtemoError(f"there is no free run in {root}", f"up to {MAX_RUN}", "give a run, or another template")

    def _filled(self, run: str) -> Path:
        values = {letter: getattr(self, name) for letter, name in _WILDCARDS.items()}
        values |= {"r": run, "n": run, "h": socket.gethostname()}
        values["m"] = values["m"] or "eeg"

        def fill(text: str) -> str:
            return re.sub(r"%(\w)", lambda found: _value(found[1], values, self.template), text)

        def part(found: re.Match[str]) -> str:
            letters = re.findall(r"%(\w)", found[1])
            return fill(found[1]) if all(values.get(letter) for letter in letters) else ""

        filled = PureWindowsPath(fill(re.sub(r"\[([^\[\]]*)\]", part, self.template)))  # takes both kinds of slashes
        if filled.root or filled.drive or ".." in filled.parts or not filled.name:
            raise RtemoError("the template leaves its root", f"it gives {filled}", "put what is above into {root:…}")
        if filled.suffix.casefold() != ".xdf":
            filled = filled.with_name(f"{filled.name}.xdf")
        if unfit := [name for name in filled.parts if not is_portable(name)]:
            raise RtemoError(
                "the template gives a name that not every system takes", f"found {unfit[0]!r:.100}", "use another name"
            )
        return Path(*filled.parts)


def _value(letter: str, values: dict[str, str], template: str) -> str:
    if letter not in values:
        known = ", ".join(f"%{one}" for one in values)
        raise RtemoError(f"the template has %{letter}, which means nothing", f"found {template}", f"use {known}")
    return safe_name(values[letter]) if values[letter] else ""
