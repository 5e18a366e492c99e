"""Samples of the streams that have no role and are recorded all the same (ECG, skin conductance, breathing, motion, …),
for display. They change no prediction; a clock offset is applied as it is for EEG and gaze.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.types import Chunk, ClockOffset, FloatArray, Item, StreamInfo, TimeArray
from rtemo.live.service.snapshot import TRACE_CHANNELS, TraceBlock
from rtemo.sources.stream_choice import is_further

MOST_STREAMS = 12  # that are shown
SHOWN_HZ = 500.0  # of faster streams the extremes are shown, so that no peak is lost


class TraceSink(Protocol):
    """What takes the samples: the feed, or the view of a recording. wanted: whether it needs them now."""

    @property
    def wanted(self) -> bool: ...

    def put_trace(self, block: TraceBlock) -> None: ...


class FurtherStreams:
    """Passes the samples of one source's further streams on to a sink. Used by the engine's thread."""

    def __init__(self, sink: TraceSink) -> None:
        self._sink = sink
        self._clocks: defaultdict[str, ClockModel] = defaultdict(ClockModel)
        self._shown: dict[str, None] = {}  # stream_ids, in the order in which they came

    def clear(self) -> None:
        """Forget the streams: others follow."""
        self._clocks.clear()
        self._shown.clear()

    def take(
        self, items: Iterable[Item], infos: Mapping[str, StreamInfo], role_of: Callable[[StreamInfo], str | None]
    ) -> None:
        """Take items that were read. infos: the streams that are known, by stream_id."""
        chunks: defaultdict[str, list[Chunk]] = defaultdict(list)
        for item in items:
            if isinstance(item, Chunk | ClockOffset):
                info = infos.get(item.stream_id)
                if info is None or role_of(info) or not is_further(info):
                    continue
                if isinstance(item, ClockOffset):
                    self._clocks[item.stream_id].add(item)
                else:
                    chunks[item.stream_id].append(item)
        if not self._sink.wanted:
            return
        for stream_id, found in chunks.items():
            if len(self._shown) < MOST_STREAMS:
                self._shown.setdefault(stream_id)
            if stream_id in self._shown:
                self._pass_on(infos[stream_id], found)

    def _pass_on(self, info: StreamInfo, chunks: list[Chunk]) -> None:
        width = chunks[-1].values.shape[1]
        chunks = [chunk for chunk in chunks if chunk.values.shape[1] == width]
        times = self._clocks[info.stream_id].to_lsl(np.concatenate([chunk.stamps for chunk in chunks]))
        values = np.concatenate([chunk.values[:, :TRACE_CHANNELS] for chunk in chunks]).astype(np.float32)
        known = np.isfinite(times)
        block = TraceBlock(info.stream_id, *extremes(times[known], values[known], info.nominal_rate_hz))
        if len(block.times):
            self._sink.put_trace(block)


def extremes(times: TimeArray, values: NDArray[np.float32], rate_hz: float) -> tuple[TimeArray, FloatArray]:
    """The lowest and the highest of every few samples: about SHOWN_HZ remain. Unchanged where there are fewer."""
    every = math.ceil(2 * rate_hz / SHOWN_HZ)
    if rate_hz <= SHOWN_HZ or len(times) <= 2:
        return times, values
    starts = np.arange(0, len(times), every)
    lasts = np.minimum(starts + every, len(times)) - 1
    shown = np.empty((2 * len(starts), values.shape[1]), np.float32)
    shown[0::2], shown[1::2] = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
    return np.column_stack([times[starts], times[lasts]]).reshape(-1), shown
