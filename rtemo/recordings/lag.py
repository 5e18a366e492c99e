"""How late a device's stamps are, from a recording: what markers announce against what the device saw.

A photodiode on the screen, wired to an auxiliary input, shows when a picture really came; the time from its marker is
the amplifier's latency plus the display's. Saccades after markers that call for one show the same of an eye tracker,
with the person's reaction in it. The constant belongs into the settings (latency_ms of [eeg] or [gaze]) and is taken
off every stamp. Its spread says how much of it no constant can take off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.timing.dejitter import Dejitter
from rtemo.core.types import Chunk, Modality, StreamInfo, TimeArray
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.xdf.source import XdfSource

EARLIEST_S, LATEST_S = -0.1, 0.6  # from a marker to what it announces
FEWEST = 10  # pairs that a constant is stated from
CLEAR = 6.0  # times the noise between samples: a smaller step is no photodiode's
MAD_TO_SD = 1.4826  # of a normal distribution


@dataclass(frozen=True, slots=True)
class Lag:
    """The lag of one device. n of n_markers markers had an answer; drift_ms: last third against first third."""

    n: int
    n_markers: int
    median_ms: float
    spread_ms: float  # standard deviation, from the median of the deviations
    lowest_ms: float
    highest_ms: float
    drift_ms: float


def lag_of(markers: Sequence[float], answers: Sequence[float], expected_s: float = 0.0) -> Lag:
    """The lag of answers behind markers (LSL times): each marker's first answer from EARLIEST_S to LATEST_S after it.

    expected_s: how late the answer is without any lag, as a person's reaction is. Raises RtemoError below FEWEST pairs.
    """
    times = np.sort(np.asarray(answers, dtype=np.float64))
    marks = np.sort(np.asarray(markers, dtype=np.float64))
    first = np.searchsorted(times, marks + EARLIEST_S)
    there = first < len(times)
    lags = times[first[there]] - marks[there]
    lags = 1000.0 * (lags[lags <= LATEST_S] - expected_s)
    if len(lags) < FEWEST:
        raise RtemoError(
            "no lag can be stated",
            f"{len(lags)} of {len(marks)} markers are followed by an answer within {1000 * LATEST_S:g} ms",
            f"record {FEWEST} or more, and name the right markers with --event",
        )
    third = max(len(lags) // 3, 1)
    median = float(np.median(lags))
    return Lag(
        len(lags),
        len(marks),
        median,
        MAD_TO_SD * float(np.median(np.abs(lags - median))),
        float(lags.min()),
        float(lags.max()),
        float(np.median(lags[-third:]) - np.median(lags[:third])),
    )


def steps_up(times: TimeArray, values: NDArray[np.float64]) -> TimeArray:
    """When a signal of two levels, a photodiode's, crosses from the lower to the higher one: between samples.

    It counts again once it has been back in the lower third. Raises RtemoError where there are not two levels.
    """
    low, high = np.percentile(values, [2.0, 98.0])
    noise = MAD_TO_SD * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2.0)
    if not high - low > max(CLEAR * noise, 1e-12):
        raise RtemoError(
            "the channel has no two levels",
            f"from {low:g} to {high:g}, with noise of {noise:g}",
            "name the photodiode's",
        )
    middle, rearm = 0.5 * (low + high), low + (high - low) / 3.0
    above = np.flatnonzero((values[1:] >= middle) & (values[:-1] < middle)) + 1
    below = np.flatnonzero(values < rearm)
    found: list[float] = []
    last = -1
    for at in above.tolist():
        behind = int(np.searchsorted(below, at)) - 1
        if behind < 0 or (last >= 0 and below[behind] < last):
            continue
        share = (middle - values[at - 1]) / (values[at] - values[at - 1])
        found.append(float(times[at - 1] + share * (times[at] - times[at - 1])))
        last = at
    return np.array(found)


def channel_of(recording: OpenRecording, label: str) -> tuple[StreamInfo, TimeArray, NDArray[np.float64]]:
    """The stream that has a channel of this name, with the channel's even LSL times (n,) and values (n,).

    Raises RtemoError where no stream or several have one.
    """
    having = [info for info in recording.streams if label in info.labels]
    if len(having) != 1:
        names = ", ".join(f"{info.name}: {' '.join(info.labels)}" for info in recording.streams if any(info.labels))
        raise RtemoError(f"{len(having)} streams have a channel {label!r}", f"the channels are {names}", "name another")
    (info,) = having
    source = XdfSource(recording.path)
    try:
        source.start()
        source.select([info.stream_id])
        times, values = _even(source, info, info.labels.index(label))
    finally:
        source.stop()
    return info, times, values


def _even(source: XdfSource, info: StreamInfo, column: int) -> tuple[TimeArray, NDArray[np.float64]]:
    dejitter = Dejitter(info.nominal_rate_hz, even=True)
    runs = []
    while not source.exhausted:
        for timed in source.read_timed():
            if isinstance(timed.item, Chunk) and timed.item.stream_id == info.stream_id:
                runs += dejitter.push(timed.times, np.asarray(timed.item.values, np.float64)[:, [column]])
    runs += dejitter.flush()
    if not runs:
        raise RtemoError(f"the stream {info.name!r} is too short", "", "record a minute")
    return np.concatenate([run.times for run in runs]), np.concatenate([run.values[:, 0] for run in runs])


def settings_lines(role: Modality, lag: Lag) -> str:
    """What to put into the settings file."""
    return f"[{role.value}]\nlatency_ms = {lag.median_ms:.1f}\nlatency_spread_ms = {lag.spread_ms:.1f}"


def chosen(markers: Iterable[tuple[float, str]], text: str) -> list[float]:
    """The times of the markers that begin with a text."""
    return [time_s for time_s, name in markers if name.startswith(text)]
