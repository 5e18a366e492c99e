"""Interface of data set loaders: recordings, streams, trials and released features.

A loader is a function `load(root, mapping) -> Dataset`. It looks at file names and headers only; samples are read when
a recording's items are asked for. What it cannot use it lists as an `Omission`, with the reason. It never guesses a
label: a file whose trials cannot be told apart for certain is left out.

**One recording is one session of one person**, on one invented clock (LSL seconds, clock offset 0), so that the
person's normaliser sees the whole session in order. Data sets that ship trials instead of a session have their trials
laid out in the order of presentation, each starting on a multiple of TRIAL_GRID_S, with at least TRIAL_GAP_S of nothing
in between. The real pauses are not in the releases. The pipeline meets a gap as it does live: the filters restart, the
normaliser goes on. Within a segment the stamps are regular, start + i / rate.

Nothing here filters, resamples, scales or re-references: samples are handed on in the unit that the stream's channels
name. The one exception is a code that a data set documents for "missing", which becomes NaN.
"""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from offline.datasets.feature_sources import CAUSAL
from rtemo.core.channel_map import EegChannelMap, GazeChannelMap, Screen
from rtemo.core.types import BoolArray, Chunk, FloatArray, Item, Modality, StreamInfo
from rtemo.model.personal.session_notes import Note

TRIAL_GRID_S = 4.0  # the released windows are 4 s long, so their ends fall on every hop that divides 4 s
TRIAL_GAP_S = 20.0  # long enough that nobody takes it for lost packets
BLOCK_S = 1.0


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What is true of the whole data set. `labels` maps each published word to its published code."""

    name: str
    title: str
    labels: Mapping[str, int]
    licence: str
    citation: str
    url: str
    notes: tuple[str, ...] = ()  # what is inferred or unverified, and what the loader does about it
    faults: tuple[str, ...] = ()  # put in on purpose, by offline.perturb
    eeg: tuple[str, ...] = (CAUSAL,)  # where its features can come from (feature_sources.py), the usual choice first
    eye: tuple[str, ...] = (CAUSAL,)


@dataclass(frozen=True, slots=True)
class Omission:
    """Something of the data set that is not used. kind: file, recording, trial, eeg, eye, gaze, side-car or event."""

    kind: str
    where: str
    why: str

    def __str__(self) -> str:
        return " ".join(f"{self.kind} left out: {self.where}: {self.why}".split())  # one line each


SIMULATED = "simulated people"  # whose data it is, in manifests and cards
SIMULATED_NOTE = "it is of a simulated person"  # of a recording, for whoever says whose data a corpus holds


@dataclass(frozen=True, slots=True)
class RowCount:
    """Rows of one kind, such as events: how many were read, used, and left out. The rest is what nobody asked for."""

    read: int = 0
    used: int = 0
    left_out: int = 0

    def __add__(self, other: RowCount) -> RowCount:
        return RowCount(self.read + other.read, self.used + other.used, self.left_out + other.left_out)


@dataclass(frozen=True, slots=True)
class Trial:
    """One presentation. clip names the stimulus, the same for everyone who saw it; None where it is unknown.

    number counts from 1 within the session, as published. start_s and stop_s are on the recording's clock. label is the
    published word, or None where the data set has none. targets are other published values, such as a gaze position.
    lead_in_s: how much earlier than its presentation it begins, so that a whole window lies in it.
    """

    number: int
    clip: str | None
    label: str | None
    start_s: float
    stop_s: float
    targets: Mapping[str, float] = field(default_factory=dict)
    lead_in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of a recording. `chunks(block_s)` yields its samples in order, in chunks of at most block_s seconds.

    info names the columns, as an LSL stream would: rtemo.sources.devices.profile makes the layout from it.
    Electrode positions that came with the data are in its channels. screen: what gaze refers to, None where nobody
    knows. channel_map: how its columns are read, where the recording states it. follows: the stream_id of the lost one
    whose place it took; it is used from where the items announce it.
    """

    info: StreamInfo
    modality: Modality
    chunks: Callable[[float], Iterator[Chunk]]
    screen: Screen | None = None
    channel_map: EegChannelMap | GazeChannelMap | None = None
    follows: str = ""


@dataclass(frozen=True, slots=True)
class EyeWindows:
    """Eye features of one trial that exist only per window, in the order of the core's eye feature schema.

    values: (W, 33) float32, NaN where not valid; valid: (W, 33) bool. Window k covers
    [start_s + k * window_s, start_s + (k + 1) * window_s) of its trial. causal is False where a window's features
    also depend on what came later in the trial.
    """

    values: FloatArray
    valid: BoolArray
    window_s: float
    causal: bool

    def row_for(self, since_start_s: float) -> int | None:
        """The window that ends nearest to this many seconds into the trial, at most half a window off; else None."""
        row = math.ceil(since_start_s / self.window_s - 1.5)
        return row if 0 <= row < len(self.values) else None


@dataclass(frozen=True, slots=True)
class EegWindows:
    """Band features of one trial as released: values (W, C, bands), band_hz (bands, 2), window k as in EyeWindows."""

    values: FloatArray
    band_hz: tuple[tuple[float, float], ...]
    channels: tuple[str, ...]
    window_s: float


@dataclass(frozen=True, slots=True)
class Recording:
    """One session of one person. streams may be one, two or, where only released features exist, none.

    eye_windows: per mode ("released", "events") and trial number; the data set's notes describe the modes.
    eeg_windows: per mode a function that reads them. files: everything that it is made of, for hashes.
    rows: what became of the rows that were read, by kind.
    """

    dataset: str
    subject: str
    session: str
    trials: tuple[Trial, ...]
    streams: tuple[Stream, ...]
    files: tuple[Path, ...]
    omissions: tuple[Omission, ...] = ()
    notes: tuple[str, ...] = ()
    eye_windows: Mapping[str, Mapping[int, EyeWindows]] = field(default_factory=dict)
    eeg_windows: Mapping[str, Callable[[], Mapping[int, EegWindows]]] = field(default_factory=dict)
    rests: tuple[tuple[float, float], ...] = ()  # begin and end of what was recorded as a baseline, LSL time
    baseline_planned: bool = False  # the session said that there would be one: no window is settled before it is there
    saved_baseline: Path | None = None  # measured in an earlier session
    replay: Callable[[], Iterator[Item]] | None = None  # a source's own items, where order and clock are recorded
    stated: tuple[Note, ...] = ()  # by its session about its streams: marked channels, what came too late
    rows: Mapping[str, RowCount] = field(default_factory=dict)

    def items(self, block_s: float = BLOCK_S) -> Iterator[Item]:
        """All streams' samples as they would have come in: by the stamp of each chunk's last sample."""
        if self.replay is not None:
            yield from self.replay()
            return
        merged = heapq.merge(*(stream.chunks(block_s) for stream in self.streams), key=_arrival)
        yield from merged


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording that has not been opened. `load` reads headers and raises RtemoError where the files are no good.

    Where its files are not here yet, `present` gives an entry of which they are, for as long as it is entered, and
    made_of states what they are: names, sizes and checksums.
    """

    subject: str
    session: str
    files: tuple[Path, ...]
    load: Callable[[], Recording]
    made_of: tuple[tuple[str, int, str], ...] = ()
    present: Callable[[], AbstractContextManager[Entry]] | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Everything under one root. entries are sorted by subject, numbers as numbers, then by session.

    mapping: the mapping file that makes trials and labels, as its name, SHA-256 and text; empty where there is none.
    """

    card: DatasetCard
    entries: tuple[Entry, ...]
    omissions: tuple[Omission, ...]
    mapping: Mapping[str, str] = field(default_factory=dict)


def _arrival(chunk: Chunk) -> float:
    return float(chunk.stamps[-1])


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts 2 before 10, and names without numbers by letter."""
    parts = (part for part in re.split(r"(\d+)", name) if part)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def lay_out(durations_s: Iterable[float], gap_s: float = TRIAL_GAP_S) -> list[float]:
    """Where each trial starts on a recording's invented clock, in seconds: on the grid, after a gap."""
    starts, clock_s = [], 0.0
    for duration_s in durations_s:
        start_s = math.ceil((clock_s + gap_s) / TRIAL_GRID_S) * TRIAL_GRID_S
        starts.append(start_s)
        clock_s = start_s + duration_s
    return starts


@dataclass(frozen=True, slots=True)
class Segment:
    """A block of regular samples without gaps. `blocks(n)` yields them in order as (<= n, n_channels) arrays.

    stamps (n,): of its samples on the recording's clock, where they are known as they were sent.
    """

    start_s: float
    rate_hz: float
    blocks: Callable[[int], Iterator[NDArray[np.floating]]]
    stamps: NDArray[np.float64] | None = None


def segment_chunks(stream_id: str, segments: Iterable[Segment], block_s: float) -> Iterator[Chunk]:
    """The segments' samples as float32 chunks, with regular stamps where they have none of their own."""
    for segment in segments:
        done = 0
        for block in segment.blocks(max(1, round(block_s * segment.rate_hz))):
            stamps = segment.start_s + np.arange(done, done + len(block)) / segment.rate_hz
            if segment.stamps is not None:
                stamps = segment.stamps[done : done + len(block)]
            yield Chunk(stream_id, stamps, np.ascontiguousarray(block, dtype=np.float32))
            done += len(block)


def slices(samples: NDArray[np.floating], n: int) -> Iterator[NDArray[np.floating]]:
    """(T, n_channels) cut into blocks of n rows."""
    for start in range(0, len(samples), n):
        yield samples[start : start + n]
