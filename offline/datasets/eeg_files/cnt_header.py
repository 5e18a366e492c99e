"""Neuroscan CNT files whose header states an impossible number of samples: SEED-V's and SEED-VII's, for example.

The true number follows from where the event table begins, if a sample's width is known. Which width it is, the header's
length in seconds and the events' places decide; the published data sets are 32 bit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mne

from rtemo.core.errors import RtemoError

_SETUP_BYTES, _CHANNEL_BYTES = 900, 75
_EVENT_BYTES = {1: 8, 2: 19, 3: 19}  # by the table's type
_LARGEST = 2_000_000_000  # bytes; the position of the event table is a 32 bit number
_TOLERANCE = 0.01  # of the header's seconds
_MOST = 0.9  # of the events must lie on a sample


@dataclass(frozen=True, slots=True)
class CntHeader:
    """The fields of a CNT file that tell how many samples it holds. event_bytes: the events' offsets in the file."""

    n_channels: int
    rate_hz: int
    n_samples: int
    table: int
    seconds: float
    size: int
    event_bytes: tuple[int, ...]

    @property
    def data_bytes(self) -> int:
        return self.table - _SETUP_BYTES - _CHANNEL_BYTES * self.n_channels

    def samples(self, width: int) -> float:
        """How many samples of this width (bytes) lie before the event table."""
        return self.data_bytes / (width * max(1, self.n_channels))


def read_cnt(path: Path) -> Any:
    """An unread mne.io.Raw. RtemoError where the number of samples cannot be told for certain."""
    head = _header(path)
    stated = _stated_width(head)
    if stated or head.size >= _LARGEST:
        form = {2: "int16", 4: "int32"}[stated or 4]
        return mne.io.read_raw_cnt(path, data_format=form, recompute_n_samples=False, verbose="WARNING")
    if head.table > head.size or head.data_bytes <= 0:
        found = f"it is cut off: its event table should begin at byte {head.table}, the file has {head.size}"
        raise RtemoError(f"{path} cannot be read as EEG", found, "copy the file again")
    form = {2: "int16", 4: "int32"}[_width(path, head)[0]]
    return mne.io.read_raw_cnt(path, data_format=form, recompute_n_samples=True, verbose="WARNING")


def cnt_notes(path: Path) -> tuple[str, ...]:
    """What to state of a file that read_cnt reads in spite of its header."""
    head = _header(path)
    if head.size >= _LARGEST or _stated_width(head):
        return ()
    width, why = _width(path, head)
    stated, n = head.n_samples & 0xFFFFFFFF, round(head.samples(width))
    return (f"its header states {stated} samples; it is read as {8 * width} bit, {n} samples, by {why}",)


def _stated_width(head: CntHeader) -> int:
    """Bytes of a sample by the header's number of samples; 0 where it fits none, or is contradicted."""
    for width, other in ((2, 4), (4, 2)):
        if head.n_samples > 0 and head.samples(width) == head.n_samples:
            evidence = list(_evidence(head, other))
            believed = not any(text.startswith("not") for text in _evidence(head, width))
            better = bool(evidence) and not any(text.startswith("not") for text in evidence)
            return width if believed or not better else 0
    return 0


def _width(path: Path, head: CntHeader) -> tuple[int, str]:
    """Bytes of a sample, and what shows it."""
    fits = {width: list(_evidence(head, width)) for width in (4, 2) if head.samples(width).is_integer()}
    for width, evidence in fits.items():
        against = any(text.startswith("not") for text in evidence)
        if evidence and not against:
            return width, " and ".join(evidence)
    if fits.get(4) == []:
        return 4, "the published data sets' width, as neither events nor a length in seconds contradict it"
    found = "; ".join(f"{8 * width} bit: {', '.join(evidence)}" for width, evidence in fits.items())
    todo = "the file is damaged: copy it again"
    raise RtemoError(f"the number of samples in {path} cannot be told", found or f"{head.data_bytes} bytes", todo)


def _evidence(head: CntHeader, width: int) -> Iterator[str]:
    """What speaks for a width, or, with "not" before it, against it."""
    n = head.samples(width)
    if head.seconds > 0 and head.rate_hz > 0:
        fits = abs(n / head.rate_hz / head.seconds - 1.0) <= _TOLERANCE
        yield f"{'' if fits else 'not '}the header's {head.seconds:.0f} s"
    if head.event_bytes:
        begin, step = _SETUP_BYTES + _CHANNEL_BYTES * head.n_channels, width * head.n_channels
        places = [divmod(offset - begin, step) for offset in head.event_bytes]
        inside = [sample for sample, rest in places if rest == 0 and 0 <= sample <= n]
        fits = len(inside) >= _MOST * len(places)
        yield f"{'' if fits else 'not '}the places of its {len(places)} events"


def _header(path: Path) -> CntHeader:
    with path.open("rb") as file:
        setup = file.read(_SETUP_BYTES)
        if len(setup) < _SETUP_BYTES or not setup.startswith(b"Version 3"):
            found = f"no Neuroscan CNT file begins with {setup[:12]!r}"
            raise RtemoError(f"{path} cannot be read as EEG", found, "copy the file again")
        n_channels, rate_hz = struct.unpack_from("<H", setup, 370)[0], struct.unpack_from("<H", setup, 376)[0]
        n_samples, table = struct.unpack_from("<i", setup, 864)[0], struct.unpack_from("<i", setup, 886)[0]
        seconds, size = struct.unpack_from("<f", setup, 890)[0], path.stat().st_size
        file.seek(max(0, min(table, size)))
        places = tuple(_events(file.read(9), file.read(1 << 20)))
    return CntHeader(n_channels, rate_hz, n_samples, table, seconds, size, places)


def _events(teeg: bytes, table: bytes) -> Iterator[int]:
    """The events' offsets in bytes; tables of the third type count records instead and say nothing."""
    if len(teeg) < 9 or teeg[0] not in (1, 2):
        return
    step = _EVENT_BYTES[teeg[0]]
    for at in range(0, min(struct.unpack_from("<i", teeg, 1)[0], len(table)) - step + 1, step):
        yield struct.unpack_from("<i", table, at + 4)[0]
