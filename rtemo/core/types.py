"""Data types as frozen records: streams, chunks, clock offsets, annotations, windows.

All times are seconds. A stamp is *raw* while it is in its sender's clock and *LSL time* once the sender's clock
offset has been added. Nothing here computes; nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_TIME_S = 1e11  # no clock shows more

FloatArray = NDArray[np.float32]
TimeArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

STRING_FORMAT = "string"


class Modality(StrEnum):
    """What a stream is used for."""

    EEG = "eeg"
    GAZE = "gaze"
    SECOND_EYE = "second_eye"  # of a tracker with one stream per eye: it belongs to the gaze
    MARKERS = "markers"


class StreamState(StrEnum):
    """Where a stream stands, as its own watchdog sees it."""

    WAITING = "waiting"  # looked for, no sample yet
    STREAMING = "streaming"
    STALLED = "stalled"  # found, but no sample for longer than its watchdog allows
    LOST = "lost"  # gone from the network; looked for again
    FAILED = "failed"  # its worker stopped with an error


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel as its stream describes it. Everything may be empty: real streams leave out anything."""

    label: str = ""
    type: str = ""
    unit: str = ""
    eye: str = ""  # left, right, both
    location_mm: tuple[float, float, float] | None = None  # x right, y front, z up


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream, as it describes itself. `stream_id` is unique within a session or a file; chunks refer to it."""

    stream_id: str
    name: str
    type: str
    channel_format: str  # float32, double64, int8, int16, int32, int64, string
    nominal_rate_hz: float  # 0: irregular
    channels: tuple[Channel, ...]  # one each, in order; labels may be empty
    source_id: str = ""
    hostname: str = ""
    uid: str = ""
    xml: str = ""  # the whole description as sent, for the recording

    @property
    def n_channels(self) -> int:
        return len(self.channels)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(channel.label for channel in self.channels)

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What identifies the stream across restarts: name, type, source_id, hostname, channel count."""
        return (self.name, self.type, self.source_id, self.hostname, self.n_channels)

    def describe(self) -> str:
        """One line for lists and errors: all by which it can be chosen."""
        return (
            f"name={self.name!r} type={self.type!r} source_id={self.source_id!r} hostname={self.hostname!r} "
            f"({self._size}, {self.channel_format})"
        )

    def brief(self) -> str:
        """What people call it, for lists that have no room."""
        return f"{self.name} ({self._size})"

    @property
    def _size(self) -> str:
        channels = "1 channel" if self.n_channels == 1 else f"{self.n_channels} channels"
        return f"{channels}, {self.nominal_rate_hz:g} Hz" if self.nominal_rate_hz else f"{channels}, irregular"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some samples of one stream, in the order they came, with raw stamps.

    stamps: (n,) float64, seconds in the sender's clock. values: (n, n_channels) in the stream's own dtype; for string
    streams an object array of str. n may be 0. arrived_s: LSL time when the newest sample came into this process, NaN
    where it did not come just now; latencies count from it, and nothing else may depend on it.
    """

    stream_id: str
    stamps: TimeArray
    values: NDArray[Any]
    arrived_s: float = float("nan")

    def __len__(self) -> int:
        return len(self.stamps)


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """One measurement of a sender's clock: LSL time = raw stamp + offset_s, from raw stamp time_s on.

    time_s is in the sender's clock, as XDF keeps it.
    """

    stream_id: str
    time_s: float
    offset_s: float


@dataclass(frozen=True, slots=True)
class StreamUp:
    """A stream is there: found, found again, or back under another description.

    replaces: the stream_id of a lost stream whose place it takes under another description; empty where it takes none.
    """

    info: StreamInfo
    replaces: str = ""


@dataclass(frozen=True, slots=True)
class StreamDown:
    """A stream stopped delivering, with the reason."""

    stream_id: str
    state: StreamState
    reason: str


@dataclass(frozen=True, slots=True)
class StreamNotice:
    """What arrival or the network shows about a stream, and its stamps alone do not.

    trusted: whether the times of the samples that follow it in their stream can be believed; None where it is not about
    that. It is recorded with its place among the stream's samples, so that a replay decides as the live session did.
    """

    stream_id: str
    text: str
    trusted: bool | None = None


Item = Chunk | ClockOffset | StreamUp | StreamDown | StreamNotice


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened at one moment: a marker of a stream or a note of the researcher. LSL time."""

    time_s: float
    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """How windows are cut. Ends lie on multiples of hop_s in LSL time."""

    length_s: float = 4.0
    hop_s: float = 0.25
    frame_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Window:
    """One synchronised cut of both modalities that ends at end_s (LSL time). The model's whole input.

    F frames of WindowSpec.frame_s, C channels, B bands, E eye features:
    eeg          (F, C, B) float32, normalised log-power, 0 where masked
    eeg_power    (F, C, B) float32, the same before normalisation: ln(uV^2/Hz), NaN where masked
    eeg_mask     (F, C) bool, True where the channel can be used
    eye          (E,) float32, normalised, 0 where not valid
    eye_raw      (E,) float32, in the units of the schema, NaN where not valid
    eye_valid    (E,) bool
    positions    (C, 3) float32, unit sphere, x right, y front, z up
    eeg_coverage, gaze_coverage: share of the window with usable samples, 0 to 1
    signal       (S, C) float32, conditioned EEG in microvolts on the grid, 0 where absent; None where nobody asked
    signal_size  (C,) float32, each channel's size in the session so far, see rtemo.core.eeg.signal; None likewise
    settled      filters and normaliser have had the data that they need
    forced       cut before every expected stream had reached end_s
    """

    end_s: float
    eeg: FloatArray
    eeg_power: FloatArray
    eeg_mask: BoolArray
    eye: FloatArray
    eye_raw: FloatArray
    eye_valid: BoolArray
    positions: FloatArray
    channels: tuple[str, ...]
    eeg_coverage: float
    gaze_coverage: float
    bad_channels: Mapping[str, str] = field(default_factory=dict)  # label, or "gaze" or "pupil" -> what is wrong
    settled: bool = False
    forced: bool = False
    signal: FloatArray | None = None
    signal_size: FloatArray | None = None
