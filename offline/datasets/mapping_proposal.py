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
from rtemo.model.bundle_schema import in_labels
from rtemo.sources.xdf.file import ENDINGS, ending_of

_FILES = 40  # that are looked at
_WORDS_SHOWN = 20
_MOST_LABELS = 30  # different words that may be labels; more are clips, numbers or times
_TIMES = ("onset", "duration")
_STANDARD = ("onset", "duration", "sample", "value", "stim_file", "response_time")
_LABEL_WORDS = ("emotion", "label", "condition", "category", "class", "trial_type")
_CLIP_WORDS = ("video", "clip", "film", "movie", "stim")
_BEGIN = re.compile(r"(?i)\b(start|begin|on|onset)\b")
_END = re.compile(r"(?i)\b(end|stop|off|offset)\b")
_BASELINE = re.compile(r"(?i)\bbaseline\b")
_NO_TRIAL = re.compile(r"(?i)\b(session|experiment|baseline|rest|break|pause|practice|instruction\w*)\b")
_VALUE = re.compile(  # key=value, or a number by itself
    r"(?:(?<![^\s;,|/])(?P<key>[^\W\d]\w*)[=:](?=\S)|(?<![^\s;,|/_-])(?=\d+(?![^\s;,|/])))(?P<value>[^\s;,|]+)"
)


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
    recordings = sorted(path for path in root.rglob("*") if ending_of(path))
    if tables:
        return _text(root, _of_bids(tables), "column")
    if recordings:
        return _text(root, _of_xdf(recordings), "marker")
    found = f"neither sub-*/**/*_events.tsv nor {', '.join(f'*{one}' for one in ENDINGS)} is below it"
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
    return [*rules, *_label_rules(words)]


def _xdf_rules(seen: Seen) -> list[str]:
    """Markers that look like starts and ends become these; else every marker is one to choose from."""
    shapes = _shapes(seen.words.get("marker", Counter()))
    ends = [one for one in shapes if one.says(_END)]
    begins = [one for one in shapes if one not in ends and one.says(_BEGIN)]
    begins = begins or [one for one in shapes if one not in ends]
    rest = next((one for one in begins if one.says(_BASELINE)), None)
    begins = [one for one in begins if not one.says(_NO_TRIAL)] or begins
    begins = [one for one in begins if one.label is not None] or begins
    stops = [one for one in ends if any(one.ends(begin) for begin in begins)]
    words = list(dict.fromkeys(word for one in begins for word in one.labels()))
    rules = ["[trials]", f"start = {_quoted(_start(begins, words))}"]
    if stops:
        rules += [f"stop = {_quoted('|'.join(one.pattern() for one in stops))}"]
    else:
        rules += ["duration_s = 10.0  # no marker looks like an end: state how long a trial lasts, or a stop"]
    rules += _label_rules(words)
    over = next((one for one in ends if rest is not None and one.ends(rest)), None)
    if rest is not None and over is not None:
        rules += ["", "[baseline]", f"start = {_quoted(rest.pattern())}", f"stop = {_quoted(over.pattern())}"]
    return rules


@dataclass(frozen=True, slots=True)
class _Shape:
    """Markers that are alike but for values: "clip 3 emotion=sad" and "clip 4 emotion=fear".

    parts: the text between the values; keys: a value's own name, "" for a bare number; rows: the values.
    """

    parts: tuple[str, ...]
    keys: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def label(self) -> int | None:
        """Which value is the label."""
        return self._key(_LABEL_WORDS, _MOST_LABELS)

    @property
    def clip(self) -> int | None:
        """Which value names the clip: by its name, else the one number."""
        found = self._key((*_CLIP_WORDS, "item", "trial", "id"), 1 << 30)
        bare = [i for i, key in enumerate(self.keys) if not key]
        return found if found is not None or len(bare) != 1 else bare[0]

    def says(self, word: re.Pattern[str]) -> bool:
        """Whether the text without its values has the word."""
        return any(word.search(part) for part in self.parts)

    def ends(self, begin: _Shape) -> bool:
        """Whether it is the end of what the other begins: the same text but for the word, or nothing but the word."""
        mine, other = (rule.sub("", " ".join(one.parts)) for rule, one in ((_END, self), (_BEGIN, begin)))
        return not mine.strip() or mine.strip() == other.strip() or mine.split()[:1] == other.split()[:1]

    def labels(self) -> list[str]:
        """The words that would be labels: the label's values, or the marker itself."""
        if self.label is not None:
            return list(dict.fromkeys(row[self.label] for row in self.rows))
        return list(dict.fromkeys(self._text(row) for row in self.rows))

    def pattern(self, *, named: bool = False) -> str:
        """A regular expression for all of them. named: with label and clip as groups."""
        groups = {self.label: "label"} | ({self.clip: "clip"} if self.clip != self.label else {}) if named else {}
        values = [rf"(?P<{groups[i]}>\S+)" if i in groups else r"\S+" for i in range(len(self.keys))]
        return "".join(part + value for part, value in zip(map(_escaped, self.parts), [*values, ""], strict=True))

    def _key(self, hints: Sequence[str], most: int) -> int | None:
        for hint in hints:
            for i, key in enumerate(self.keys):
                if hint in key.casefold() and 0 < len({row[i] for row in self.rows}) <= most:
                    return i
        return None

    def _text(self, row: Sequence[str]) -> str:
        return "".join(part + value for part, value in zip(self.parts, [*row, ""], strict=True))


def _shapes(words: Iterable[str]) -> list[_Shape]:
    """The markers, by what they have in common."""
    rows: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[str, ...]]] = {}
    for word in words:
        parts, keys, values, at = [], [], [], 0
        for found in _VALUE.finditer(word):
            parts.append(word[at : found.start("value")])
            keys.append(found["key"] or "")
            values.append(found["value"])
            at = found.end("value")
        rows.setdefault(((*parts, word[at:]), tuple(keys)), []).append(tuple(values))
    return [_Shape(parts, keys, tuple(found)) for (parts, keys), found in rows.items()]


def _start(begins: Sequence[_Shape], words: Sequence[str]) -> str:
    """What trials begin with. Where no marker has a label of its own, each is one, as it is."""
    labelled = next((one for one in begins if one.label is not None), None)
    if labelled is not None:
        return labelled.pattern(named=True)
    return f"(?P<label>{_any_of(words)})" if words else ".*"


def _label_rules(words: Sequence[str]) -> list[str]:
    return ["", "[labels]  # their word = ours", *(f"{_quoted(word)} = {_quoted(_ours(word))}" for word in words)]


def _ours(word: str) -> str:
    """The word itself where a label can be called so."""
    return "".join(c if in_labels(c) else "_" for c in word.strip()) or "_"


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
    return "|".join(map(_escaped, words)) or ".*"


def _escaped(text: str) -> str:
    """The text as a regular expression, without the signs that need no escaping and only hinder reading."""
    return re.sub(r"\\([ #&~\-])", r"\1", re.escape(text))


def _quoted(text: str) -> str:
    """A TOML string, literal where it can be: regular expressions are read there as they are meant."""
    if text.isprintable() and "'" not in text and "\\" in text:
        return f"'{text}'"
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text) + '"'


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:60]
