"""What a report is made of, however the session was kept: plain records. Nothing here reads a file or draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.quality import REASONS, ChannelFault
from rtemo.recordings.events import Event
from rtemo.report.further.summary import TraceSummary

FloatTable = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """n predictions over K labels, in order of time.

    times (n,) LSL seconds, the windows' ends; probabilities and smoothed (n, K), NaN where there is none; abstain: the
    reason or "", one each; eeg_coverage, gaze_coverage, novelty (n,); settled (n,) bool; bad: the labels of the bad
    channels, one tuple each; latency_ms (n,), NaN in replay; ratings: by name, (n, 3): estimate, low and
    high, of a model that was fitted on ratings.
    """

    labels: tuple[str, ...]
    times: FloatTable
    probabilities: FloatTable
    smoothed: FloatTable
    abstain: tuple[str, ...]
    eeg_coverage: FloatTable
    gaze_coverage: FloatTable
    novelty: FloatTable
    settled: NDArray[np.bool_]
    latency_ms: FloatTable
    ratings: Mapping[str, FloatTable] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def silent(self) -> NDArray[np.bool_]:
        """Where it abstains, (n,)."""
        return np.array([bool(reason) for reason in self.abstain], bool)


@dataclass(frozen=True, slots=True, eq=False)
class SignalQuality:
    """What was wrong with each EEG channel, second by second, from the recording itself.

    labels: C electrodes; positions (C, 3) unit vectors; times (n,) LSL seconds; faults (n, C) int8, an index into
    `reasons` (0: good).
    """

    labels: tuple[str, ...]
    positions: NDArray[np.float32]
    times: FloatTable
    faults: NDArray[np.int8]
    reasons: tuple[str, ...]

    @property
    def of_stream(self) -> NDArray[np.int8]:
        """The fault of the whole stream at each time (n,): a gap, or what all electrodes have at once; 0: none."""
        found = np.zeros(len(self.times), np.int8)
        if len(self.labels) > 1:
            found = np.where((self.faults == self.faults[:, :1]).all(axis=1), self.faults[:, 0], found)
        if REASONS[ChannelFault.GAP] in self.reasons:
            gap = self.reasons.index(REASONS[ChannelFault.GAP])
            found[(self.faults == gap).any(axis=1)] = gap
        return found

    @property
    def own_faults(self) -> NDArray[np.int8]:
        """The faults (n, C) without those of the whole stream: what is wrong with the electrodes themselves."""
        return np.where(self.faults == self.of_stream[:, None], np.int8(0), self.faults)

    @property
    def bad_share(self) -> FloatTable:
        """Share of the time that each channel itself is bad, (C,)."""
        return np.asarray((self.own_faults > 0).mean(axis=0) if len(self.times) else np.zeros(len(self.labels)))

    def usual_fault(self, channel: int) -> str:
        """The reason that a channel itself is bad for most often, empty where it never is."""
        counts = np.bincount(self.own_faults[:, channel], minlength=len(self.reasons))
        counts[0] = 0
        return self.reasons[int(counts.argmax())] if counts.any() else ""


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """One stream of the recording. rate_hz: measured, NaN where it was not; n_gaps, n_unusable: None likewise.

    n_lost, n_twice: samples that never came, or came twice, by the device's own counter; None where it sends none.
    """

    name: str
    type: str
    role: str
    n_channels: int
    nominal_hz: float
    n_samples: int
    rate_hz: float = float("nan")
    n_gaps: int | None = None
    n_unusable: int | None = None
    n_lost: int | None = None
    n_twice: int | None = None


@dataclass(frozen=True, slots=True)
class ImpedanceSummary:
    """The impedance of one electrode over the session, kilo-ohms, as the device sent it."""

    electrode: str
    first: float
    latest: float
    highest: float


@dataclass(frozen=True, slots=True)
class ModelNotes:
    """The model of the predictions. card: its MODEL_CARD.md, empty where it is not at hand. calibrated: whether it was
    checked on held-out people.
    """

    name: str
    fingerprint: str
    trained_on: str
    window_s: float
    card: str = ""
    calibrated: bool = True

    @property
    def simulated(self) -> bool:
        """Whether it has only ever seen simulated people."""
        return "simulated" in self.trained_on.casefold()


@dataclass(frozen=True, slots=True, eq=False)
class SessionRecord:
    """One session, or one recording that was replayed for the report.

    begin_s, end_s: LSL time. problems: what could not be read or does not fit, one line each. live: whether the
    predictions are those that were shown during the session. conditions: the markers that are; empty for all.
    """

    title: str
    subject: str
    notes: str
    when: str
    begin_s: float
    end_s: float
    live: bool
    predictions: Predictions
    events: tuple[Event, ...]
    streams: tuple[StreamSummary, ...]
    model: ModelNotes
    quality: SignalQuality | None = None
    impedances: tuple[ImpedanceSummary, ...] = ()
    traces: tuple[TraceSummary, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    recording_bytes: int = 0
    problems: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    def local(self, time_s: float) -> datetime | None:
        """The time of day of an LSL time, where the session was; None where its start is not known."""
        try:
            return datetime.fromisoformat(self.when) + timedelta(seconds=time_s - self.begin_s)
        except (ValueError, OverflowError):
            return None

    @property
    def duration_s(self) -> float:
        return max(self.end_s - self.begin_s, 0.0)
