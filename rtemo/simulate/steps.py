"""Steps with known times: a simulated person whose streams lose all values for a moment, now and then, over LSL.

Whoever sends them also receives the predictions, as any other program would, so that one clock in one process, which
knows nothing of the engine, says when a step was handed to its outlet and when the first prediction that shows it came.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pylsl

from rtemo.core.types import Chunk
from rtemo.simulate.device.descriptions import EEG, GAZE
from rtemo.simulate.outlets import SimulatedOutlets, stream
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.stream_xml import stream_info

FIRST_S = 1.5  # from the first prediction to the first step
EVERY_S, LASTS_S = 5.037, 0.2  # no hop divides the distance; a window of 4 s holds one step of a stream
AFTER_S = 2.0  # from the last step to the end
FIND_S, PULL_S, OPEN_S = 1.0, 0.2, 10.0


@dataclass(frozen=True, slots=True)
class SignalStep:
    """All values of a stream are missing from a sample on. stamp: of that sample; pushed_s: when it was handed over."""

    stream: str
    stamp: float
    pushed_s: float


@dataclass(frozen=True, slots=True)
class ReceivedPrediction:
    """A sample of the prediction outlet: its window's end, when it came, and the coverage of both modalities."""

    end_s: float
    received_s: float
    eeg_coverage: float
    gaze_coverage: float


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What the sender saw. LSL times. pushed: of each stream, the last stamp of a block and when it was handed over."""

    steps: list[SignalStep] = field(default_factory=list)
    pushed: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    received: list[ReceivedPrediction] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> StepRecord:
        return cls(
            [SignalStep(**step) for step in data["steps"]],
            {name: [(stamp, at_s) for stamp, at_s in blocks] for name, blocks in data["pushed"].items()},
            [ReceivedPrediction(**one) for one in data["received"]],
        )

    def pushed_s(self, stream: str, stamp: float) -> float | None:
        """When the block with the sample of this stamp was handed over."""
        blocks = self.pushed.get(stream, [])
        at = bisect_left(blocks, (stamp - 1e-9, -np.inf))
        return blocks[at][1] if at < len(blocks) else None

    def shown_by(self, step: SignalStep) -> ReceivedPrediction | None:
        """The first prediction of a window that ends after a step and has less coverage than the one before it."""
        before: ReceivedPrediction | None = None
        for one in self.received:
            if before is not None and one.end_s >= step.stamp:
                eeg, gaze = one.eeg_coverage < before.eeg_coverage, one.gaze_coverage < before.gaze_coverage
                if eeg if step.stream == EEG else gaze:
                    return one if one.end_s < step.stamp + EVERY_S / 2.0 else None
            before = one
        return None


class _StepOutlets(SimulatedOutlets):
    """Takes the values away for the time of a step, and notes when each block is handed over.

    Steps begin once predictions come, those of the two streams in turn; `over` is set some time after the last.
    """

    def __init__(self, n_steps: int, record: StepRecord, over: threading.Event) -> None:
        super().__init__()
        self._n_steps, self._record, self._over = n_steps, record, over
        self._due: dict[str, list[float]] = {EEG: [], GAZE: []}  # stamps at which steps begin
        self._begun: dict[str, int] = {EEG: 0, GAZE: 0}

    def push(self, chunk: Chunk, shift_s: float) -> None:
        kind, stamps = chunk.stream_id, chunk.stamps + shift_s
        if kind not in self._due or not len(chunk):
            super().push(chunk, shift_s)
            return
        if self._record.received and not self._due[EEG]:
            begin_s = float(stamps[-1]) + FIRST_S
            self._due[EEG] = [begin_s + k * EVERY_S for k in range(self._n_steps)]
            self._due[GAZE] = [begin_s + (k + 0.5) * EVERY_S for k in range(self._n_steps)]
        away = np.zeros(len(chunk), dtype=bool)
        for begin_s in self._due[kind]:
            away |= (stamps >= begin_s) & (stamps < begin_s + LASTS_S)
        sent = replace(chunk, values=np.where(away[:, None], np.nan, _whole(chunk.values)).astype(np.float32))
        now_s = pylsl.local_clock()
        super().push(sent, shift_s)
        self._record.pushed.setdefault(kind, []).append((float(stamps[-1]), now_s))
        due, begun = self._due[kind], self._begun[kind]
        if begun < len(due) and stamps[-1] >= due[begun]:
            self._begun[kind] += 1
            self._record.steps.append(SignalStep(kind, float(stamps[np.searchsorted(stamps, due[begun])]), now_s))
        if self._due[GAZE] and stamps[-1] > self._due[GAZE][-1] + AFTER_S:
            self._over.set()


def _whole(values: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    """Values (n, C) without the person's own losses, so that only steps are missing."""
    known = np.isfinite(values)
    return values if known.all() else np.where(known, values, 0.5)


def send_steps(session: SimulatedSession, n_steps: int, over: threading.Event) -> StepRecord:
    """Send the session with n steps of each stream, and receive predictions meanwhile. Blocks until both are done, the
    session ends, or `over` is set.
    """
    record, received_all = StepRecord(), threading.Event()
    receiver = threading.Thread(target=_receive, args=(record.received, received_all), name="predictions", daemon=True)
    receiver.start()
    try:
        stream(session, over, outlets=_StepOutlets(n_steps, record, over))
    finally:
        received_all.set()
        receiver.join()
    return record


def _receive(received: list[ReceivedPrediction], over: threading.Event) -> None:
    """Take the predictions of the first prediction outlet that comes."""
    found: Sequence[pylsl.StreamInfo] = []
    while not found and not over.is_set():
        found = pylsl.resolve_byprop("type", "Emotion", 1, FIND_S)
    if not found:
        return
    inlet = pylsl.StreamInlet(found[0], recover=False)
    described = inlet.info(timeout=OPEN_S)
    names = stream_info(described.as_xml(), described.name()).labels
    eeg, gaze = names.index("eeg_coverage"), names.index("gaze_coverage")
    while not over.is_set():
        try:
            values, stamp = inlet.pull_sample(timeout=PULL_S)
        except pylsl.util.LostError:
            return
        if values is not None:
            received.append(ReceivedPrediction(float(stamp), pylsl.local_clock(), values[eeg], values[gaze]))
