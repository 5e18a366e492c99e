"""Markers of rtemo's own experiments: how they are written, and how clips are read from them.

A text is `<what>/<phase>` and then `key=value` fields, separated by blanks:

    session/start seed=7 simulated=1        session/end
    baseline/start                          baseline/end
    clip/start id=3 emotion=fear            clip/end id=3 emotion=fear
    rest/start                              rest/end

`what` is session, baseline, clip or rest; `phase` is start or end. `id` numbers the stimulus; the same id is the same
film for everybody in a study. `emotion` is the emotion that the clip is meant to evoke, one of EMOTIONS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rtemo.core.types import STRING_FORMAT

EMOTIONS = ("neutral", "sad", "fear", "happy")
WHATS = ("session", "baseline", "clip", "rest")
PHASES = ("start", "end")
CLIP_START = re.compile(r"clip/start id=(?P<clip>\S+) emotion=(?P<label>\S+)")
CLIP_END = re.compile(r"clip/end id=(?P<clip>\S+).*")
SIMULATED_STREAM = "rtemo simulated"  # what the names of a simulated person's streams begin with
_SIMULATED = re.compile(r"session/start\b.*\bsimulated=1\b")


def marker_text(row: Iterable[Any], channel_format: str) -> str:
    """One sample of a marker stream as a text: its columns, those that are not empty, with a blank between them."""
    texts = (str(value) if channel_format == STRING_FORMAT else f"{value:g}" for value in row)
    return " ".join(text for text in texts if text)


def is_simulated(texts: Iterable[str]) -> bool:
    """Whether names of streams or texts of markers are those of a simulated person."""
    return any(text.startswith(SIMULATED_STREAM) or _SIMULATED.match(text) for text in texts)


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker text, taken apart."""

    what: str
    phase: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def emotion(self) -> str | None:
        return self.fields.get("emotion")

    @property
    def clip(self) -> int | None:
        found = self.fields.get("id", "")
        return int(found) if found.isdecimal() else None

    @property
    def text(self) -> str:
        return " ".join([f"{self.what}/{self.phase}", *(f"{key}={value}" for key, value in self.fields.items())])


def parse_marker(text: str) -> Marker | None:
    """The marker that a text holds; None for a text that is none of ours (other programs send markers too)."""
    head, *rest = text.split() or [""]
    what, _, phase = head.partition("/")
    if what not in WHATS or phase not in PHASES or not all("=" in part for part in rest):
        return None
    fields = dict(part.split("=", 1) for part in rest)
    if fields.get("emotion", EMOTIONS[0]) not in EMOTIONS:
        return None
    return Marker(what, phase, fields)


def labelled_clips(markers: Iterable[tuple[float, str]]) -> list[tuple[str, float, float]]:
    """(label, begin_s, end_s) of each clip, from its start marker to the next end marker of the same clip.

    markers: (time_s, text), by time. Labels are not checked: they are those of the experiment.
    """
    found: list[tuple[str, float, float]] = []
    begun: dict[str, tuple[str, float]] = {}
    for time_s, text in markers:
        if start := CLIP_START.fullmatch(text):
            begun[start["clip"]] = (start["label"], time_s)
        elif (end := CLIP_END.fullmatch(text)) and end["clip"] in begun:
            found.append((*begun.pop(end["clip"]), time_s))
    return found
