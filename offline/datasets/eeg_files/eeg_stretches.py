"""Where an EEG file's samples were interrupted: EDF+D and BDF+D records, EEGLAB boundaries, BrainVision segments; and
what an annotation BAD_ACQ_SKIP covers, as MNE writes it: such samples were not recorded.

MNE hands on all samples of such files as if nothing were missing between them. The stretches here put each one at its
time. What lay between two stretches may be known (EDF+D, stamped segments, boundaries with a length) or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from offline.datasets.base import TRIAL_GAP_S
from offline.datasets.foreign import reading
from rtemo.core.errors import RtemoError

Note = tuple[float, float, str]  # onset_s, duration_s, text
_BOUNDARY = re.compile(r"(.*\b)?boundary|-99", re.IGNORECASE)  # EEGLAB's, as text or as number
_SEGMENT = re.compile(r"^Mk\d+=New Segment,[^,]*,(\d+),[^,]*,[^,]*(?:,(\d{20}))?", re.MULTILINE)
_MARKER_FILE = re.compile(r"^MarkerFile=(.+)$", re.MULTILINE)
_SKIPPED = "bad_acq_skip"
_MIN_GAP = 0.5  # samples
_TAL = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14((?:[^\x00\x14]*\x14)*)\x00")


@dataclass(frozen=True, slots=True)
class SampleStretch:
    """Samples [first, first + n) without a gap; the first of them is start_s after the file's first sample."""

    first: int
    n: int
    start_s: float


@dataclass(frozen=True, slots=True)
class SampleStretches:
    """A file's samples in order. real_time: times of events count the pauses; else they count samples only.

    guessed: the length of a pause is not known, and TRIAL_GAP_S stands for it. annotations: None: as MNE reads them.
    """

    parts: tuple[SampleStretch, ...]
    real_time: bool = True
    guessed: bool = False
    annotations: tuple[Note, ...] | None = None


def whole(n_samples: int) -> SampleStretches:
    """A file without a gap."""
    return SampleStretches((SampleStretch(0, n_samples, 0.0),))


def stretches(path: Path, rate_hz: float, n_samples: int, annotations: Sequence[Note]) -> SampleStretches:
    """The stretches of a file that MNE has read the header of. RtemoError where its records make no sense."""
    found = _interrupted(path, rate_hz, n_samples, annotations)
    return _without_skipped(found, rate_hz, found.annotations if found.annotations is not None else annotations)


def _interrupted(path: Path, rate_hz: float, n_samples: int, annotations: Sequence[Note]) -> SampleStretches:
    ending = path.suffix.casefold()
    if ending in (".edf", ".bdf"):
        return _of_records(path, rate_hz, n_samples)
    if ending == ".set":
        pauses = [
            (onset_s, max(0.0, length_s) or None) for onset_s, length_s, text in annotations if _is_boundary(text)
        ]
        return _of_pauses(pauses, rate_hz, n_samples)
    if ending == ".vhdr":
        return _of_pauses(_segments(path, rate_hz), rate_hz, n_samples)
    return whole(n_samples)


def is_mark(text: str) -> bool:
    """Whether an annotation marks a break in the recording, and not of what happened in it."""
    return _is_boundary(text) or _is_skipped(text) or text.startswith("New Segment/")


def _is_boundary(text: str) -> bool:
    return _BOUNDARY.fullmatch(text.strip()) is not None


def _is_skipped(text: str) -> bool:
    return text.strip().casefold().rpartition("/")[2] == _SKIPPED  # BrainVision's comments have their type before it


def _without_skipped(found: SampleStretches, rate_hz: float, notes: Sequence[Note]) -> SampleStretches:
    """The same without the samples that are marked as not recorded. notes: on the clock that the stretches count by."""
    skipped = [(onset_s, onset_s + length_s) for onset_s, length_s, text in notes if _is_skipped(text)]
    parts = []
    for part in found.parts:
        begin_s = part.start_s if found.real_time else part.first / rate_hz
        kept = [(0, part.n)]
        for from_s, until_s in skipped:
            gone = [min(max(round((at_s - begin_s) * rate_hz), 0), part.n) for at_s in (from_s, until_s)]
            kept = [(a, b) for c, d in kept for a, b in ((c, min(d, gone[0])), (max(c, gone[1]), d)) if b > a]
        parts += [SampleStretch(part.first + a, b - a, part.start_s + a / rate_hz) for a, b in kept]
    return replace(found, parts=tuple(parts)) if parts else found


def _of_pauses(pauses: Sequence[tuple[float, float | None]], rate_hz: float, n_samples: int) -> SampleStretches:
    """pauses: where they are, in seconds of samples, and how long they lasted, None where nobody knows."""
    inner = {round(at_s * rate_hz): length_s for at_s, length_s in sorted(pauses, key=lambda one: one[0])}
    cuts = [at for at in inner if 0 < at < n_samples]
    parts, shift_s = [], 0.0
    for first, last in pairwise([0, *cuts, n_samples]):
        if first:
            length_s = inner[first]
            shift_s += TRIAL_GAP_S if length_s is None else length_s
        parts.append(SampleStretch(first, last - first, first / rate_hz + shift_s))
    return SampleStretches(tuple(parts), real_time=False, guessed=any(inner[at] is None for at in cuts))


def _segments(path: Path, rate_hz: float) -> list[tuple[float, float | None]]:
    """The starts of a BrainVision file's segments, and the pause before each by their stamps."""
    with reading(path, "as BrainVision"):
        named = _MARKER_FILE.search(path.read_text(encoding="utf-8", errors="replace"))
        markers = path.with_name(named[1].strip().replace("$b", path.stem)) if named else path.with_suffix(".vmrk")
        text = markers.read_text(encoding="utf-8", errors="replace") if markers.is_file() else ""
    found = [((int(at) - 1) / rate_hz, _stamp(stamp)) for at, stamp in _SEGMENT.findall(text)]
    pauses: list[tuple[float, float | None]] = []
    for (before_s, before), (at_s, at) in pairwise(sorted(found, key=lambda one: one[0])):
        length_s = None if before is None or at is None else (at - before).total_seconds() - (at_s - before_s)
        pauses.append((at_s, None if length_s is None or length_s < 0 else length_s))
    return pauses


def _stamp(text: str) -> datetime | None:
    """YYYYMMDDhhmmssuuuuuu; None where it was left at zero."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S%f")
    except ValueError:
        return None


def _of_records(path: Path, rate_hz: float, n_samples: int) -> SampleStretches:
    """The stretches of an EDF or BDF file by the onsets of its records; without annotations there are no onsets."""
    with reading(path, "as EDF"):
        header = _EdfHeader.read(path)
        if header is None:
            return whole(n_samples)
        talks = list(header.annotations_of_records(path))
    onsets = [_first_onset(path, talk) for talk in talks]
    per_record = round(header.record_s * rate_hz)
    parts: list[SampleStretch] = []
    for record, onset_s in enumerate(onsets):
        start_s, first = onset_s - onsets[0], record * per_record
        n = min(per_record, n_samples - first)
        if n <= 0:
            break
        last = parts[-1] if parts else None
        ahead = 0.0 if last is None else (start_s - last.start_s) * rate_hz - last.n
        if last is not None and ahead < -_MIN_GAP:
            raise RtemoError(f"{path} has records that overlap", f"record {record + 1} begins at {onset_s:g} s")
        if last is not None and ahead <= _MIN_GAP:
            parts[-1] = SampleStretch(last.first, last.n + n, last.start_s)
        else:
            parts.append(SampleStretch(first, n, start_s))
    if len(parts) <= 1:
        return whole(n_samples)
    return SampleStretches(tuple(parts), annotations=tuple(_texts(talks, onsets[0])))


@dataclass(frozen=True, slots=True)
class _EdfHeader:
    """What is needed to find the annotations of each record."""

    header_bytes: int
    n_records: int
    record_s: float
    record_bytes: int
    begin: int  # of the annotations in a record
    length: int

    @classmethod
    def read(cls, path: Path) -> _EdfHeader | None:
        """None where the file has no annotation signal. ValueError where the header makes no sense."""
        width = 3 if path.suffix.casefold() == ".bdf" else 2
        with path.open("rb") as file:
            fixed = file.read(256)
            n_signals = int(fixed[252:256])
            fields = file.read(256 * n_signals)
        labels = [fields[16 * i : 16 * i + 16].strip() for i in range(n_signals)]
        counts = [int(fields[216 * n_signals + 8 * i :][:8]) for i in range(n_signals)]
        places = [i for i, label in enumerate(labels) if label in (b"EDF Annotations", b"BDF Annotations")]
        if not places:
            return None
        header_bytes, record_bytes = int(fixed[184:192]), width * sum(counts)
        n_records = max(0, path.stat().st_size - header_bytes) // max(1, record_bytes)
        begin, length = width * sum(counts[: places[0]]), width * counts[places[0]]
        return cls(header_bytes, n_records, float(fixed[244:252]), record_bytes, begin, length)

    def annotations_of_records(self, path: Path) -> Iterator[bytes]:
        """The bytes of the first annotation signal of each whole record."""
        with path.open("rb") as file:
            for record in range(self.n_records):
                file.seek(self.header_bytes + record * self.record_bytes + self.begin)
                yield file.read(self.length)


def _first_onset(path: Path, talk: bytes) -> float:
    match = _TAL.match(talk)
    if match is None:
        raise RtemoError(f"{path} has a record without its time", f"found {talk[:20]!r}", "convert the file again")
    return float(match[1])


def _texts(talks: Sequence[bytes], zero_s: float) -> Iterator[Note]:
    """Every annotation of the records but the records' own times."""
    for talk in talks:
        for onset, length, texts in _TAL.findall(talk):
            for text in texts.split(b"\x14"):
                if text:
                    yield float(onset) - zero_s, float(length or 0.0), text.decode("utf-8", errors="replace")
