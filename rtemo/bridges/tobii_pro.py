"""Tobii Pro trackers by the Tobii Pro SDK, with the tracker's own clock, rate and validity."""

from __future__ import annotations

import argparse
import queue
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rtemo.bridges.device import READ_S, DeviceLost, DeviceSamples, described, needed
from rtemo.core.types import Channel, StreamInfo

CHANNELS = tuple(
    Channel(f"{eye}_{what}", kind, unit, eye)
    for eye in ("left", "right")
    for what, kind, unit in (
        ("x", "ScreenX", "normalized"),
        ("y", "ScreenY", "normalized"),
        ("pupil", "Diameter", "mm"),
    )
)
Datum = dict[str, Any]


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What this bridge takes."""
    p.add_argument("--address", default="", metavar="URI", help="of the tracker (default: the first that is found)")


def device_of(args: argparse.Namespace, clock: Callable[[], float]) -> TobiiPro:
    """The tracker that was asked for. Raises RtemoError where the vendor's library is not there."""
    try:
        import tobii_research
    except ImportError as error:
        raise needed("the Tobii Pro SDK", "pip install tobii-research", error) from error
    return TobiiPro(tobii_research, args.address, clock)


class TobiiPro:
    """One tracker. library: tobii_research. DeviceSamples come by a call from a thread of the library's own."""

    shares_clock = False

    def __init__(self, library: Any, uri: str, clock: Callable[[], float]) -> None:
        self._library, self._uri, self._clock = library, uri, clock
        self._tracker: Any = None
        self._came: queue.SimpleQueue[tuple[Datum, float]] = queue.SimpleQueue()

    def open(self) -> tuple[StreamInfo, ...]:
        self._came = queue.SimpleQueue()
        try:
            found = [self._library.EyeTracker(self._uri)] if self._uri else self._library.find_all_eyetrackers()
        except Exception as error:  # EyeTrackerConnectionFailedError and its kin have no base of their own
            raise DeviceLost(f"{self._uri} does not answer: {error}") from error
        if not found:
            raise DeviceLost("no Tobii Pro tracker was found")
        self._tracker = found[0]
        self._tracker.subscribe_to(self._library.EYETRACKER_GAZE_DATA, self._take, as_dictionary=True)
        rate_hz = float(self._tracker.get_gaze_output_frequency())
        source_id = f"rtemo-tobii-{self._tracker.serial_number}"
        return (described("gaze", "Tobii", "Gaze", rate_hz, CHANNELS, source_id, f"Tobii {self._tracker.model}"),)

    def read(self) -> Sequence[DeviceSamples]:
        try:
            data = [self._came.get(timeout=READ_S)]
        except queue.Empty:
            return []
        while not self._came.empty():
            data.append(self._came.get())
        times = np.array([1e-6 * datum["device_time_stamp"] for datum, _ in data])
        values = np.array([values_of(datum) for datum, _ in data], np.float32)
        return [DeviceSamples(0, times, values, data[-1][1])]

    def close(self) -> None:
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            tracker.unsubscribe_from(self._library.EYETRACKER_GAZE_DATA, self._take)

    def _take(self, datum: Datum) -> None:
        self._came.put((datum, self._clock()))


def values_of(datum: Datum) -> list[float]:
    """x, y and pupil of the left, then of the right eye; NaN where the tracker calls them not valid."""
    values: list[float] = []
    for eye in ("left", "right"):
        seen = bool(datum[f"{eye}_gaze_point_validity"])
        values += datum[f"{eye}_gaze_point_on_display_area"] if seen else (np.nan, np.nan)
        values.append(datum[f"{eye}_pupil_diameter"] if datum[f"{eye}_pupil_validity"] else np.nan)
    return values
