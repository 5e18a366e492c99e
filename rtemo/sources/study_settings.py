"""What a lab states once for a study, and how its sessions are named: participant, session, task, run.

[study]
name = "Films"
purpose = "Research on emotion and attention"   # what the recordings are used for
consent = "2.1"                                 # version of the form that participants signed
notice = "..."                                  # for the participant to read, instead of rtemo's own text
folder_name = "sub-{subject}_ses-{session}_task-{task}_run-{run}"

A part of the name whose field is empty is left out. The date and time stand before it, so no name is ever taken.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Protocol

from rtemo.core.errors import RtemoError
from rtemo.core.records import Check

FOLDER_NAME = "sub-{subject}_ses-{session}_task-{task}_run-{run}"  # as files are named in BIDS
NAME_FIELDS = ("study", "subject", "session", "task", "run")
MAX_RUN = 999
_NO_LABEL = re.compile(r"[\W_]+")


def _is_template(text: str) -> bool:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return False
    fields = [(name, spec, conversion) for _, name, spec, conversion in parts if name is not None]
    return bool(fields) and all(
        name in NAME_FIELDS and not spec and not conversion for name, spec, conversion in fields
    )


FolderName = Annotated[str, Check(_is_template, f"a name with fields of {', '.join(NAME_FIELDS)} in braces")]


@dataclass(frozen=True, slots=True)
class Study:
    """What is the same for all participants of a study. consent: version of the form. See the module's text."""

    name: str = ""
    purpose: str = ""
    consent: str = ""
    notice: str = ""
    folder_name: FolderName = FOLDER_NAME


@dataclass(frozen=True, slots=True)
class ProtocolBlock:
    """A part of the experiment with a planned length. baseline: its rest sets the baseline. sound: at its end."""

    name: str
    length_s: Annotated[float, Check(lambda s: 1.0 <= s <= 14_400.0, "1 to 14400 seconds")]
    baseline: bool = False
    sound: bool = False


class NamedSession(Protocol):
    """What names a session: rtemo.sources.session_settings.SessionSettings does."""

    @property
    def subject(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def run(self) -> int: ...
    @property
    def study(self) -> Study: ...


def session_name(settings: NamedSession) -> str:
    """A session's name by its study's template; by default the participant alone, where nothing else is given.

    Raises RtemoError for a template that names what there is not.
    """
    study = settings.study
    if study.folder_name == FOLDER_NAME and not (settings.session or settings.task or settings.run):
        return settings.subject
    if not _is_template(study.folder_name):
        raise RtemoError(
            "the study's folder_name is no template", study.folder_name, f"use {', '.join(NAME_FIELDS)} in braces"
        )
    run = f"{settings.run:02d}" if settings.run else ""
    given = {"study": study.name, "subject": settings.subject, "session": settings.session, "task": settings.task}
    labels = {name: _NO_LABEL.sub("", text) for name, text in given.items()} | {"run": run}
    parts = []
    for part in study.folder_name.split("_"):
        names = [name for _, name, _, _ in string.Formatter().parse(part) if name is not None]
        if all(labels[name] for name in names):
            parts.append(part.format(**labels))
    return "_".join(parts) or settings.subject


def next_participant(subject: str, taken: Iterable[str]) -> str:
    """The next participant's id: the last number in this one counted on, as wide as it was, past those that are taken.

    Empty where the id has no number.
    """
    found = re.fullmatch(r"(.*?)(\d{1,9})(\D*)", subject)
    if found is None:
        return ""
    used = {name.casefold() for name in taken}
    number, width = int(found[2]), len(found[2])
    while True:
        number += 1
        name = f"{found[1]}{number:0{width}d}{found[3]}"
        if name.casefold() not in used:
            return name
