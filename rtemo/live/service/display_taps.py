"""Display taps: read conditioned EEG and gaze off the pipeline's branches, for display.

They change nothing in the pipeline, and cost nothing while no client is connected.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.branch import EegBranch
from rtemo.core.eeg.conditioning import GridBlock
from rtemo.core.gaze.branch import GazeBranch
from rtemo.core.gaze.events import GazeEvent, GazeEventKind
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import FloatArray, Modality, TimeArray
from rtemo.live.service.snapshot import EegBlock, GazeBlock, GazeEventRecord


class DisplaySink(Protocol):
    """What takes samples for display: the feed, or the recorded data of a replay. wanted: whether it needs them now."""

    @property
    def wanted(self) -> bool: ...

    def put_eeg(self, block: EegBlock) -> None: ...

    def put_gaze(self, block: GazeBlock) -> None: ...

    def put_gaze_events(self, events: Iterable[GazeEventRecord]) -> None: ...


class DisplayTaps:
    """Passes display samples of a pipeline on to a sink. Used by the engine's thread."""

    def __init__(self, sink: DisplaySink) -> None:
        self._sink = sink
        self._grid_hz = 1.0

    def update(self, pipeline: Pipeline) -> None:
        """Call after every step: connects the taps to the pipeline's current branches, or removes unwanted ones."""
        wanted = self._sink.wanted
        self._grid_hz = pipeline.grid.hz
        eeg, gaze = pipeline.branch(Modality.EEG), pipeline.branch(Modality.GAZE)
        if isinstance(eeg, EegBranch):
            eeg.tap = self._eeg if wanted else None
        if isinstance(gaze, GazeBranch):
            gaze.tap = self._gaze if wanted else None
            events = gaze.take_events()
            if wanted:
                self._sink.put_gaze_events(_record(event) for event in events if event.kind != GazeEventKind.LOSS)

    def _eeg(self, block: GridBlock) -> None:
        times = (block.first + np.arange(len(block.values))) / self._grid_hz
        shown = np.where(block.valid, block.values, np.nan).astype(np.float32)
        self._sink.put_eeg(EegBlock(times, shown))

    def _gaze(self, times: TimeArray, samples: NDArray[np.float64]) -> None:
        xy = np.column_stack([_mean_of(samples[:, 0], samples[:, 2]), _mean_of(samples[:, 1], samples[:, 3])])
        self._sink.put_gaze(GazeBlock(times.copy(), xy, samples[:, 4:6].astype(np.float32)))


def _mean_of(left: NDArray[np.float64], right: NDArray[np.float64]) -> FloatArray:
    """The mean of both eyes, or the one that is valid."""
    both = np.where(np.isnan(left), right, np.where(np.isnan(right), left, 0.5 * (left + right)))
    return np.asarray(both, np.float32)


def _record(event: GazeEvent) -> GazeEventRecord:
    return GazeEventRecord(event.kind.value, event.start_s, event.end_s, event.x, event.y, event.amplitude_deg)
