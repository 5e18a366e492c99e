"""EEG files of any format that MNE reads, as streams in uV. MNE opens the files; nothing of its processing is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mne
import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import Segment, slices
from offline.datasets.eeg_files.cnt_header import cnt_notes, read_cnt
from offline.datasets.eeg_files.eeg_stretches import SampleStretch, SampleStretches, is_mark, stretches, whole
from offline.datasets.foreign import check_content, collected_warnings, isolated, reading
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo
from rtemo.sources.edf_header import reader_options

_READ_AT_ONCE_S = 16.0
_CRASHING = (".set",)  # damaged ones crash the reader and its process; those that it has read once, it reads again


@dataclass(frozen=True, slots=True)
class RawFile:
    """The header of an EEG file. channels: (name, MNE's channel type), in file order.

    annotations: onset_s from the first sample, duration_s, text. day: YYYYMMDD, "" where it is not known. measured_s:
    Unix time of the first sample, None where it is not known. notes: what the reader warned of.
    """

    path: Path
    rate_hz: float
    n_samples: int
    channels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[float, float, str], ...]
    day: str = ""
    measured_s: float | None = None
    interruptions: SampleStretches | None = None
    notes: tuple[str, ...] = ()

    @property
    def stretches(self) -> tuple[SampleStretch, ...]:
        """The samples without the gaps between them."""
        return (SampleStretch(0, self.n_samples, 0.0),) if self.interruptions is None else self.interruptions.parts

    @property
    def duration_s(self) -> float:
        """From the first sample to the end of the last one, pauses included."""
        last = self.stretches[-1]
        return last.start_s + last.n / self.rate_hz

    @property
    def samples_s(self) -> float:
        """The latest time that an event can have, on the clock that the file's events count by."""
        counts_pauses = self.interruptions is None or self.interruptions.real_time
        return self.duration_s if counts_pauses else self.n_samples / self.rate_hz

    def real_s(self, event_s: float) -> float:
        """Seconds since the first sample of a time on the clock that the file's events count by."""
        if self.interruptions is None or self.interruptions.real_time:
            return event_s
        before = [part for part in self.stretches if part.first / self.rate_hz <= event_s] or self.stretches[:1]
        return before[-1].start_s + event_s - before[-1].first / self.rate_hz


def open_raw(path: Path) -> Any:
    """An unread mne.io.Raw. RtemoError where MNE cannot read the file, whatever the reason."""
    with reading(path, "as EEG"):
        check_content(path)
        if path.suffix.casefold() == ".cnt":
            return read_cnt(path)
        return mne.io.read_raw(path, preload=False, verbose="WARNING", **reader_options(path))


def header(path: Path) -> RawFile:
    """Reads the header only."""
    if path.suffix.casefold() in _CRASHING:
        with reading(path, "as EEG"):
            check_content(path)
            return isolated(_header, path, what="as EEG")
    return _header(path)


def _header(path: Path) -> RawFile:
    with collected_warnings() as warned:
        raw = open_raw(path)
    with reading(path, "as EEG"):
        marks = raw.annotations
        onsets = marks.onset - (raw.first_time if marks.orig_time is not None else 0.0)
        texts = tuple(
            zip(onsets.tolist(), marks.duration.tolist(), (str(text) for text in marks.description), strict=True)
        )
        channels = tuple(zip(raw.ch_names, raw.get_channel_types(), strict=True))
        measured, rate_hz, n_samples = raw.info["meas_date"], float(raw.info["sfreq"]), int(raw.n_times)
    if not rate_hz > 0 or not n_samples > 0 or not channels:
        found = f"{n_samples} samples of {len(channels)} channels at {rate_hz:g} Hz"
        raise RtemoError(f"{path} holds no EEG", found, "copy the file again")
    doubts = cnt_notes(path) if path.suffix.casefold() == ".cnt" else ()
    found_stretches = stretches(path, rate_hz, n_samples, texts)
    events = texts if found_stretches.annotations is None else found_stretches.annotations
    return RawFile(
        path=path,
        rate_hz=rate_hz,
        n_samples=n_samples,
        channels=channels,
        annotations=tuple(event for event in events if not is_mark(event[2])),
        day="" if measured is None else f"{measured:%Y%m%d}",
        measured_s=None if measured is None else measured.timestamp(),
        interruptions=found_stretches if found_stretches.parts != whole(n_samples).parts else None,
        notes=tuple(f"{path.name}: {text}" for text in (*warned, *doubts)),
    )


def eeg_info(labels: Sequence[str], rate_hz: float) -> StreamInfo:
    """The stream that `segment` delivers."""
    channels = tuple(Channel(label, "EEG", "microvolts") for label in labels)
    return StreamInfo("eeg", "EEG", "EEG", "float32", rate_hz, channels)


def segments(
    file: RawFile, names: Sequence[str], start_s: float, stamps: NDArray[np.float64] | None = None
) -> tuple[Segment, ...]:
    """The named channels of the whole file, in uV, from start_s on the recording's clock: one segment a stretch.

    stamps: of all samples of the stretches, in seconds from the first one, where they are known as they were sent.
    """
    found, done = [], 0
    for part in file.stretches:
        own = None if stamps is None else start_s + stamps[done : done + part.n]
        blocks = partial(_blocks, file, tuple(names), part)
        found.append(Segment(start_s + part.start_s, file.rate_hz, blocks, own))
        done += part.n
    return tuple(found)


def _blocks(file: RawFile, names: tuple[str, ...], part: SampleStretch, n: int) -> Iterator[NDArray[np.floating]]:
    with collected_warnings():
        raw = open_raw(file.path)
    at_once = max(1, round(_READ_AT_ONCE_S * file.rate_hz / n)) * n
    for first in range(part.first, part.first + part.n, at_once):
        last = min(first + at_once, part.first + part.n)
        with reading(file.path, f"from sample {first} on"):
            volts = raw.get_data(picks=list(names), start=first, stop=last, verbose="ERROR")
        yield from slices((volts * 1e6).T, n)
