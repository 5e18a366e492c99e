"""A simulated device: makes samples second by second, sends them through its faults, cuts them into chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rtemo.core.types import (
    Chunk,
    ClockOffset,
    FloatArray,
    Item,
    StreamDown,
    StreamInfo,
    StreamState,
    StreamUp,
    TimeArray,
)
from rtemo.simulate.device.sample_faults import SampleFaults, Struck
from rtemo.simulate.device.transport import Transport, UninterruptedRun

OFFSET_EVERY_S = 5.0  # as LabRecorder measures clocks

Render = Callable[[int], tuple[TimeArray, FloatArray]]
"""The samples of one second: times (n,) in seconds from the session's start, values (n, C)."""
Entry = tuple[float, int, Item]
"""(time, rank among items of one time, item)."""
_DOWN, _UP, _OFFSET, _CHUNK = range(4)


def with_faults(render: Render, struck: Sequence[Struck], rate_hz: float) -> Render:
    """The same samples with the faults of electrodes, amplifier and tracker in them."""
    faults = SampleFaults(struck, rate_hz)

    def rendered(number: int) -> tuple[TimeArray, FloatArray]:
        times, values = render(number)
        faults.apply(number, times, values)
        return times, values

    return rendered


class Sensor:
    """Seconds are made with `make`, in order; `chunks` cuts what was made. infos: one each run."""

    def __init__(
        self,
        uninterrupted: Sequence[UninterruptedRun],
        infos: Sequence[StreamInfo],
        struck: Sequence[Struck],
        render: Callable[[float], Render],
        start_s: float,
    ) -> None:
        self._runs, self._infos = uninterrupted, infos
        self._transport = Transport(struck, start_s)
        renderers = {run.rate_hz: render(run.rate_hz) for run in uninterrupted}
        self._render = {rate: with_faults(made, struck, rate) for rate, made in renderers.items()}
        self._waiting: list[tuple[int, TimeArray, TimeArray, FloatArray]] = []  # run, times, stamps, values

    def make(self, second: int) -> None:
        """Make the samples from `second` to `second` + 1."""
        for index, run in enumerate(self._runs):
            if run.start_s < second + 1 and run.stop_s > second:
                times, values = self._render[run.rate_hz](second)
                first, last = np.searchsorted(times, (run.start_s, run.stop_s))
                times, values = times[first:last], values[first:last]
                arrive, stamps = self._transport.send(second, times)
                sent = values[arrive] if len(run.columns) == values.shape[1] else values[arrive][:, list(run.columns)]
                self._waiting.append((index, times[arrive], stamps, sent))

    def chunks(self, stop_s: float) -> list[Entry]:
        """The samples that have been made and lie before stop_s, one chunk for each run."""
        parts: dict[int, list[tuple[TimeArray, TimeArray, FloatArray]]] = {}
        kept = []
        for index, times, stamps, values in self._waiting:
            last = int(times.searchsorted(stop_s))
            if last:
                parts.setdefault(index, []).append((times[:last], stamps[:last], values[:last]))
            if last < len(times):
                kept.append((index, times[last:], stamps[last:], values[last:]))
        self._waiting = kept
        return [
            (float(cuts[0][0][0]), _CHUNK, Chunk(self._infos[index].stream_id, _join(cuts, 1), _join(cuts, 2)))
            for index, cuts in parts.items()
        ]

    def changes(self, duration_s: float) -> list[Entry]:
        """Clock measurements and the stream's comings and goings in the whole session."""
        entries: list[Entry] = []
        for run, info in zip(self._runs, self._infos, strict=True):
            if run.start_s > 0:
                entries.append((run.start_s, _UP, StreamUp(info)))
            if run.stop_s < duration_s:
                gone = StreamDown(info.stream_id, StreamState.LOST, "the simulated stream is gone")
                entries.append((run.stop_s, _DOWN, gone))
            regular = OFFSET_EVERY_S * np.arange(np.floor(run.start_s / OFFSET_EVERY_S) + 1, duration_s)
            moments = [run.start_s, *(float(moment) for moment in regular if moment < run.stop_s)]
            entries += [(t, _OFFSET, ClockOffset(info.stream_id, *self._transport.offset(t))) for t in moments]
        return entries


def _join(cuts: Sequence[tuple[Any, ...]], which: int) -> Any:
    return cuts[0][which] if len(cuts) == 1 else np.concatenate([cut[which] for cut in cuts])
