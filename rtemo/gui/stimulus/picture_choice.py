"""Which picture belongs to the condition that runs now, by the names of conditions and of files. No Qt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rtemo.gui.stimulus import words
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.study.conditions import running_conditions

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
_BETWEEN = re.compile(r"[\W_]+")


def running_at(marks: Iterable[Mapping[str, Any]], now_s: float) -> tuple[str, ...]:
    """The names of the conditions that run at a time, the one that began last first."""
    past = [one for one in marks if one["time_s"] <= now_s]
    return tuple(running_conditions(_event(one) for one in past))


def choose_picture(place: Path, names: Sequence[str]) -> tuple[Path | None, str]:
    """The picture in a place for the conditions that run, and why there is none; neither where no condition runs.

    place: a picture, which is always the one, or a folder.
    """
    try:
        if not place.is_dir():
            return (place, "") if place.is_file() else (None, words.NO_PLACE.format(place=place))
        files = sorted(one for one in place.iterdir() if one.suffix.casefold() in ENDINGS)
    except OSError as error:
        return None, words.UNREADABLE.format(name=place, why=error.strerror or error)
    by_name = {_plain(one.stem): one for one in reversed(files)}
    found = next((by_name[_plain(name)] for name in names if _plain(name) in by_name), None)
    if found is not None or not names:
        return found, ""
    return None, words.NO_PICTURE.format(name=names[0])


def _plain(name: str) -> str:
    """A name without what file systems and spellings make of it."""
    return _BETWEEN.sub(" ", name.casefold()).strip()


def _event(mark: Mapping[str, Any]) -> Event:
    details = mark.get("details") or {}
    stream = str(mark.get("stream", ""))
    return Event(mark["time_s"], EventKind(str(mark["kind"])), str(mark["text"]), stream, details=dict(details))
