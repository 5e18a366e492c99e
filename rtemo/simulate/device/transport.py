"""Transport faults: lost packets, wrong and jittering stamps, streams that vanish, return or change.

A sensor's stream is a sequence of runs. Within a run its description does not change. A stream that returns as it was
keeps its id; one that comes back with other channels or another rate is another stream, as LSL has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import TimeArray
from rtemo.simulate.device.sample_faults import Struck
from rtemo.simulate.seeds import generator

_BREAKS = ("lost", "channels_lost", "rate_change")
STREAM_KINDS = frozenset((*_BREAKS, "gap", "jitter", "clock"))


@dataclass(frozen=True, slots=True)
class UninterruptedRun:
    """One uninterrupted run of a stream: times in seconds from the session's start, columns that are sent, rate."""

    start_s: float
    stop_s: float
    columns: tuple[int, ...]
    rate_hz: float


def runs(struck: Sequence[Struck], n_channels: int, rate_hz: float, duration_s: float) -> list[UninterruptedRun]:
    """The runs of a stream in order. Between them it is gone."""
    breaks = [s for s in struck if s.fault.kind in _BREAKS]
    edges = sorted(
        {0.0, duration_s} | {min(edge, duration_s) for s in breaks for edge in (s.fault.start_s, s.fault.stop_s)}
    )
    found: list[UninterruptedRun] = []
    for start, stop in pairwise(edges):
        active = [s for s in breaks if s.fault.start_s <= start < s.fault.stop_s]
        if any(s.fault.kind == "lost" for s in active):
            continue
        gone = {int(c) for s in active if s.fault.kind == "channels_lost" for c in s.columns}
        rates = [s.fault["rate_hz"] for s in active if s.fault.kind == "rate_change"]
        found.append(
            UninterruptedRun(start, stop, tuple(sorted(set(range(n_channels)) - gone)), rates[-1] if rates else rate_hz)
        )
    if not found or any(not run.columns for run in found):
        raise RtemoError(
            "the faults leave nothing of a stream", f"{n_channels} channels", "lose fewer or for less long"
        )
    return found


class Transport:
    """What happens to one stream's samples on their way."""

    def __init__(self, struck: Sequence[Struck], start_s: float) -> None:
        self._gaps = [s for s in struck if s.fault.kind == "gap"]
        self._jitters = [s for s in struck if s.fault.kind == "jitter"]
        self._clocks = [s for s in struck if s.fault.kind == "clock"]
        self._start_s = start_s

    def raw(self, times: TimeArray) -> TimeArray:
        """The sender's clock at these times (seconds from the session's start)."""
        found = self._start_s + times
        for struck in self._clocks:
            fault = struck.fault
            since = times - fault.start_s
            ahead = fault["offset_s"] + 1e-6 * fault["ppm"] * since
            found = found + np.where((since >= 0) & (times < fault.stop_s), ahead, 0.0)
        return found

    def offset(self, time_s: float) -> tuple[float, float]:
        """(raw time, measured offset to LSL time) at one moment."""
        raw = float(self.raw(np.array([time_s]))[0])
        noise = 0.0
        for struck in self._clocks:
            noise += struck.fault["noise_s"] * generator(*struck.key, int(time_s * 1000)).standard_normal()
        return raw, self._start_s + time_s - raw + noise

    def send(self, number: int, times: TimeArray) -> tuple[NDArray[np.bool_], TimeArray]:
        """(n,) which samples arrive, and their raw stamps (as many as arrive)."""
        arrive = np.ones(len(times), dtype=bool)
        for struck in self._gaps:
            packet = np.floor((times - number) / struck.fault["packet_s"] + 1e-6).astype(np.int64)
            draws = generator(*struck.key, number).random(int(packet.max(initial=0)) + 1)
            inside = (times >= struck.fault.start_s) & (times < struck.fault.stop_s)
            arrive &= ~(inside & (draws[packet] < struck.fault["loss_share"]))
        late = np.zeros(len(times))
        for struck in self._jitters:
            inside = (times >= struck.fault.start_s) & (times < struck.fault.stop_s)
            delay = np.abs(generator(*struck.key, number).standard_normal(len(times)))
            late += np.where(inside, struck.fault["sd_s"] * delay, 0.0)
        stamps = self.raw(times) + late
        if self._jitters:  # a sender stamps in order; the second's end is kept free for a clock measurement
            last = np.nextafter(self.raw(np.array([number + 1.0])), -np.inf)
            stamps = np.minimum(np.maximum.accumulate(stamps), last)
        return arrive, stamps[arrive]
