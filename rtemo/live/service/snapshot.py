"""Snapshots that the engine sends to a client many times a second: all that a window can show, as plain records.

A snapshot holds the current state and what is new since the client's last one (samples, predictions, events). Records
hold numpy arrays, numbers and text only, so that they are sent without pickle. Nothing here computes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.types import StreamState

if TYPE_CHECKING:
    from rtemo.recorder.recorder import RecorderStatus  # the window does without the recorder's code


class Phase(StrEnum):
    """The phase of the engine: what it does with the streams."""

    IDLE = "idle"  # looking for streams, or none chosen
    PREVIEW = "preview"  # streams are read and shown, nothing is recorded
    RUNNING = "running"  # a session: everything is recorded
    PAUSED = "paused"  # a session whose predictions are suspended; the recording goes on
    REPLAY = "replay"  # a recording is played
    FAILED = "failed"  # the engine stopped with an error, named in `failure`


@dataclass(frozen=True, slots=True)
class ColumnStatus:
    """One channel of a stream as the stream describes it, and what it is used as.

    use: an electrode, or left_x, pupil, ...; empty where it is not used. why: the reason for that.
    """

    label: str
    type: str
    unit: str
    use: str
    why: str


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream on the network or in the file. NaN where a number is not known.

    columns: only before a session, for EEG and gaze in use. n_lost, n_twice: samples that never came, or came twice, by
    the device's own counter; -1 where it sends none.
    """

    stream_id: str
    name: str
    type: str
    hostname: str
    source_id: str
    n_channels: int
    channel_format: str
    nominal_hz: float
    measured_hz: float
    age_s: float  # of the newest sample
    state: StreamState
    role: str  # eeg, gaze, markers, or empty
    profile: str  # the matched device profile, or empty
    why: str  # why it was chosen, or why not
    labels: tuple[str, ...] = ()
    n_samples: int = 0
    n_missing: int = 0
    n_gaps: int = 0
    n_returns: int = 0
    clock_offset_ms: float = float("nan")
    clock_uncertainty_ms: float = float("nan")
    columns: tuple[ColumnStatus, ...] = ()
    recorded: bool = True  # whether a session records it
    n_lost: int = -1
    n_twice: int = -1
    participant: str = ""  # whose own it is, of several
    units: tuple[str, ...] = ()  # of the channels, where it has no role


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One EEG channel: its position (unit sphere, x right, y front, z up) and its fault."""

    label: str
    x: float
    y: float
    z: float
    fault: str  # empty: good. Else the reason: flat, railed, line noise, noisy, bridged, missing samples
    excluded: bool  # by the researcher
    mark: str = ""  # bad or good, where the researcher has marked it in this session
    impedance_kohm: float = float("nan")  # as the device sent it last


@dataclass(frozen=True, slots=True)
class EegBlock:
    """New conditioned EEG on the 200 Hz grid. times (n,) LSL seconds; microvolts (n, C), NaN where absent."""

    times: NDArray[np.float64]
    microvolts: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class GazeBlock:
    """New gaze samples. times (n,); xy (n, 2) in screen units, both eyes' mean, NaN invalid; pupils_mm (n, 2)."""

    times: NDArray[np.float64]
    xy: NDArray[np.float32]
    pupils_mm: NDArray[np.float32]


TRACE_CHANNELS = 8  # of each further stream, that are shown


@dataclass(frozen=True, slots=True)
class TraceBlock:
    """New samples of a stream without a role, as ECG. times (n,) LSL seconds; values (n, C), its first channels."""

    stream_id: str
    times: NDArray[np.float64]
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class GazeEventRecord:
    """A fixation, saccade or blink that has ended. x, y: position (of a saccade: its end), in screen units."""

    kind: str
    start_s: float
    end_s: float
    x: float
    y: float
    amplitude_deg: float


@dataclass(frozen=True, slots=True)
class WindowBlock:
    """A window that the model has seen, for a script; see rtemo.core.types.Window. F frames, C channels, B bands.

    eeg (F * C, B): normalised log-power, frame by frame; eeg_mask (F, C), eye_valid (E,): 1 where it can be used; eye
    (E,): normalised eye features.
    """

    end_s: float
    settled: bool
    channels: tuple[str, ...]
    eeg: NDArray[np.float32]
    eeg_mask: NDArray[np.float32]
    eye: NDArray[np.float32]
    eye_valid: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RecorderView:
    """Status of the recorder."""

    path: str
    state: str  # recording, waiting, failed, closed
    error: str
    bytes_written: int
    free_bytes: int
    n_files: int = 1  # more than one where it went on in a next file
    problem: str = ""  # the newest that was met
    n_lost: int = 0  # samples that are in no file


def recorder_view(status: RecorderStatus, recording: Path, free_bytes: int) -> RecorderView:
    """How a recording stands. recording: its first file. free_bytes: of its disk."""
    return RecorderView(
        path=str(status.paths[-1] if status.paths else recording),
        state=status.state.value,
        error=status.error,
        bytes_written=status.bytes_written,
        free_bytes=free_bytes,
        n_files=max(len(status.paths), 1),
        problem=status.problems[-1] if status.problems else "",
        n_lost=sum(status.lost.values()),
    )


@dataclass(frozen=True, slots=True)
class OutputView:
    """An output of the session besides the recording. state: working, behind, failed, closed."""

    name: str
    state: str
    error: str
    n_written: int
    n_dropped: int


@dataclass(frozen=True, slots=True)
class BundleView:
    """The model in use."""

    name: str
    labels: tuple[str, ...]
    trained_on: str
    fingerprint: str
    hop_s: float
    lag_s: float = float("nan")  # of the smoothed emotion behind a change, see rtemo.model.response_lag
    calibrated: bool = True  # whether its probabilities were fitted on held-out people
    window_s: float = float("nan")  # the length of its windows
    path: str = ""  # its folder


@dataclass(frozen=True, slots=True)
class ElectrodePlaces:
    """How well the places of the EEG channels are known. n_unplaced: channels that have none, and are left out.
    doubtful: electrodes whose place was assumed, or is claimed by two channels.
    """

    n_unplaced: int
    doubtful: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a baseline or a calibration. NaN total: its length is not known. refused: it is not in effect."""

    name: str
    done_s: float
    total_s: float
    verdict: str = ""
    refused: bool = False
    poor: bool = False  # in effect, but on signals that are worse than they should be
    extended: bool = False  # longer than was asked for, until there is enough usable data


@dataclass(frozen=True, slots=True)
class ParticipantView:
    """One of several participants, in short; their predictions, streams and events name them.

    n_channels: EEG channels in use; n_good of them have no fault, n_placed a known place. gaze_valid: share of the gaze
    of the last 10 s; NaN without any. progress: of a baseline or a calibration.
    """

    id: str
    n_channels: int
    n_good: int
    n_placed: int
    places: ElectrodePlaces | None = None
    gaze_valid: float = float("nan")
    progress: Progress | None = None


class ReportState(StrEnum):
    """Status of the last session's report."""

    WRITING = "writing"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ReportView:
    """The report of the last session. error: why there is none."""

    path: str
    state: ReportState
    error: str = ""


@dataclass(frozen=True, slots=True)
class ReplayView:
    """The recording that is played. Times but first_s count from the recording's first sample.

    ready_s: how far it has been read. waiting: the position that was sought has not been read yet. marks_s (n,):
    markers and annotations, of many only some. participants: who are told apart in it; participant: who is shown.
    """

    path: str
    first_s: float  # LSL time
    length_s: float
    ready_s: float
    playing: bool
    waiting: bool
    speed: float
    marks_s: NDArray[np.float64]
    participants: tuple[str, ...] = ()
    participant: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Latency, losses and load of the engine."""

    latency_p50_ms: float = float("nan")  # end of the window to published prediction
    latency_p99_ms: float = float("nan")
    n_forced: int = 0
    n_skipped: int = 0
    cpu_percent: float = float("nan")
    memory_mb: float = float("nan")
    handling_p50_ms: float = float("nan")  # arrival of a window's last sample to published prediction
    handling_p99_ms: float = float("nan")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The current state, and what is new since the client's last snapshot.

    predictions: records with the fields of rtemo.model.prediction.FIELDS. events: records of
    rtemo.recordings.events.Event. settings: the session's settings as the text of a TOML file, see
    rtemo.sources.session_settings. era: a new number means that clients clear what came before: a recording was
    opened, closed, or sought in. window: the newest, while a script runs. explanation: of the newest explained
    prediction, feature -> share, largest first; empty where there is none.

    participants: where several are told apart. Channels, places, samples, gaze events, window, progress and explanation
    are those of `participant` then, whom the client asked for; all else is everybody's.
    """

    seq: int
    time_s: float  # LSL time now; in a replay the position
    phase: Phase
    failure: str = ""
    subject: str = ""
    folder: str = ""
    started_s: float = float("nan")
    bundle: BundleView | None = None
    streams: tuple[StreamStatus, ...] = ()
    channels: tuple[ChannelStatus, ...] = ()
    places: ElectrodePlaces | None = None
    eeg: EegBlock | None = None
    gaze: GazeBlock | None = None
    gaze_events: tuple[GazeEventRecord, ...] = ()
    traces: tuple[TraceBlock, ...] = ()
    window: WindowBlock | None = None
    predictions: tuple[dict[str, Any], ...] = ()
    events: tuple[dict[str, Any], ...] = ()
    recorder: RecorderView | None = None
    outputs: tuple[OutputView, ...] = ()
    progress: Progress | None = None
    health: Health = field(default_factory=Health)
    explanation: dict[str, float] = field(default_factory=dict)
    settings: str = ""
    report: ReportView | None = None
    replay: ReplayView | None = None
    era: int = 0
    participant: str = ""
    participants: tuple[ParticipantView, ...] = ()
