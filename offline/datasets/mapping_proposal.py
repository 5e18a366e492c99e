"""Look at a folder and propose a mapping file: what events there are, how often, and what they would become.

The proposal is itself a mapping file: what was seen stands in it as comments. Nothing is guessed about what a word
means: labels are the words as they are, for a person to correct.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from offline.datasets.account import Account
from offline.datasets.bids.side_cars import read_table
from offline.datasets.cells import given, number
from offline.datasets.xdf import marker_events
from rtemo.core.errors import RtemoError

_FILES = 40  # that are looked at
_WORDS_SHOWN = 20
_MOST_LABELS = 30  # different words that may be labels; more are clips, numbers or times
_TIMES = ("onset", "duration")
_STANDARD = ("onset", "duration", "sample", "value", "stim_file", "response_time")
_LABEL_WORDS = ("emotion", "label", "condition", "category", "class", "trial_type")
_CLIP_WORDS = ("video", "clip", "film", "movie", "stim")


@dataclass(slots=True)
class Seen:
    """What the events of a folder hold. words: column -> word -> how often. lasting: those with a duration."""

    kind: str
    files: int = 0
    events: int = 0
    words: dict[str, Counter[str]] = field(default_factory=dict)
    lasting: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, columns: Mapping[str, str], text: str, duration_s: float | None) -> None:
        """One more event."""
        self.events += 1
        for column, word in columns.items():
            if given(word):
                self.words.setdefault(column, Counter())[word] += 1
        if duration_s:
            self.lasting[text] += 1


def propose(root: Path) -> str:
    """The text of a mapping file for a BIDS folder or one of XDF files. RtemoError where it is neither."""
    if not root.is_dir():
        found = "it is a file" if root.exists() else "it is not there"
        raise RtemoError(f"{root} is no folder", found, "name the data set's folder")
    tables = sorted(root.glob("sub-*/**/*_events.tsv")) + sorted(root.glob("*_events.tsv"))
    recordings = sorted(path for path in root.rglob("*") if path.suffix.casefold() == ".xdf")
    if tables:
        return _text(root, _of_bids(tables), "column")
    if recordings:
        return _text(root, _of_xdf(recordings), "marker")
    found = "neither sub-*/**/*_events.tsv nor *.xdf is below it"
    raise RtemoError(f"{root} has no events to look at", found, "without a mapping file every BIDS run is one trial")


def _of_bids(tables: Sequence[Path]) -> Seen:
    seen, account = Seen("bids"), Account()
    for path in tables[:_FILES]:
        with account.omitting("side-car", path.name):
            table = read_table(path, account)
            seen.files += 1
            for row in table:
                columns = {name: word for name, word in row.cells.items() if name.casefold() not in _TIMES}
                seen.add(columns, row.get("trial_type"), number(row.get("duration")))
    seen.problems += [*map(str, account.omissions), *account.notes]
    return seen


def _of_xdf(recordings: Sequence[Path]) -> Seen:
    seen = Seen("xdf")
    for path in recordings[:_FILES]:
        try:
            events = marker_events(path)
        except RtemoError as error:
            seen.problems.append(f"{path.name}: {error}")
            continue
        seen.files += 1
        for event in events:
            seen.add({"marker": event.text, **_further(event.columns)}, event.text, None)
    return seen


def _further(columns: Mapping[str, str]) -> dict[str, str]:
    """The columns of a marker behind its first, by number."""
    return {name: word for name, word in columns.items() if name.isdecimal() and name != "1"}


def _text(root: Path, seen: Seen, main: str) -> str:
    lines = [f"# proposed for {root.name}: {seen.events} events in {seen.files} files. Correct it, then:"]
    lines += [f"# python -m offline build {seen.kind} --root {root} --mapping THIS_FILE --out CORPUS", "#"]
    for column, words in seen.words.items():
        lines += [f"# {main if column == 'marker' else 'column'} {column}: {_shown(words)}"]
    lines += [f"# could not be used: {problem}" for problem in seen.problems]
    lines += [""]
    return "\n".join([*lines, *(_bids_rules(seen) if seen.kind == "bids" else _xdf_rules(seen))]) + "\n"


def _shown(words: Counter[str]) -> str:
    most = [f"{_one_line(word)} ({n})" for word, n in words.most_common(_WORDS_SHOWN)]
    return ", ".join(most) + (f" and {len(words) - _WORDS_SHOWN} more" if len(words) > _WORDS_SHOWN else "")


def _bids_rules(seen: Seen) -> list[str]:
    column = "trial_type" if "trial_type" in seen.words else next(iter(seen.words), "trial_type")
    label = _named(seen.words, _LABEL_WORDS, _MOST_LABELS)
    clip = _named(seen.words, _CLIP_WORDS, 1 << 30)
    there = list(seen.words.get(column, ()))
    starts = [word for word in there if word in seen.lasting] or there
    rules = ["[trials]", f"column = {_quoted(column)}"]
    if label is None or label == column:
        words = starts
        rules += [f"start = {_quoted('(?P<label>' + _any_of(words) + ')')}"]
    else:
        words = list(seen.words[label])
        rules += [f"start = {_quoted(_any_of(starts))}", f"label_column = {_quoted(label)}"]
    if clip is not None and clip not in (label, column):
        rules += [f"clip_column = {_quoted(clip)}"]
    if not seen.lasting:
        rules += ["duration_s = 10.0  # the events have no duration: state it, or a stop"]
    ratings = [name for name, own in seen.words.items() if _is_rating(name, own)]
    if ratings:
        rules += [f"targets = [{', '.join(map(_quoted, ratings))}]"]
    return [*rules, "", "[labels]  # their word = ours", *(f"{_quoted(word)} = {_quoted(word)}" for word in words)]


def _xdf_rules(seen: Seen) -> list[str]:
    """Markers that look like starts and ends become these; else every marker is one to choose from."""
    words = seen.words.get("marker", Counter())
    ends = [word for word in words if re.search(r"(?i)\b(end|stop|off|offset)\b", word)]
    starts = [word for word in words if word not in ends and re.search(r"(?i)\b(start|begin|on|onset)\b", word)]
    starts = starts or [word for word in words if word not in ends]
    rules = ["[trials]", f"start = {_quoted('(?P<label>' + _any_of(starts) + ')')}"]
    if ends:
        rules += [f"stop = {_quoted(_any_of(ends))}"]
    else:
        rules += ["duration_s = 10.0  # no marker looks like an end: state how long a trial lasts, or a stop"]
    return [*rules, "", "[labels]  # their word = ours", *(f"{_quoted(word)} = {_quoted(word)}" for word in starts)]


def _named(words: Mapping[str, Counter[str]], hints: Sequence[str], most: int) -> str | None:
    """The first column whose name holds one of the hints, in their order, and that has two words or more."""
    for hint in hints:
        for column, own in words.items():
            if hint in column.casefold() and column.casefold() not in _STANDARD and 1 < len(own) <= most:
                return column
    return None


def _is_rating(column: str, own: Counter[str]) -> bool:
    numbers = [value for value in map(number, own) if value is not None]
    fractions = any(value != round(value) for value in numbers)
    return column.casefold() not in _STANDARD and len(numbers) == len(own) > 1 and fractions


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in words) or ".*"


def _quoted(text: str) -> str:
    """A TOML string."""
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text) + '"'


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:60]
