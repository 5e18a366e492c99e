"""SR Research EyeLink by pylink, over the link: every sample once, in order, with the tracker's own milliseconds.

Unlike connectors that ask for the newest sample again and again, none comes twice and none is missed unseen. Messages
that a stimulus program sends to the tracker are not passed on over the link; send them as LSL markers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rtemo.bridges.device import READ_S, DeviceLost, DeviceSamples, described, needed
from rtemo.core.types import Channel, StreamInfo

CHANNELS = (
    *(Channel(f"{eye}Eye{axis}", f"Screen{axis}", "pixels", eye) for eye in ("left", "right") for axis in "XY"),
    *(Channel(f"{eye}PupilArea", "", "", eye) for eye in ("left", "right")),
)
SAMPLE = 200  # pylink.SAMPLE_TYPE
MISSING = -32768.0
MOST = 2000  # samples of one read


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What this bridge takes."""
    p.add_argument("--address", default="100.1.1.1", metavar="HOST", help="of the host computer (default: 100.1.1.1)")
    p.add_argument("--start", action="store_true", help="start recording on the tracker; else another program does")


def device_of(args: argparse.Namespace, clock: Callable[[], float]) -> EyeLink:
    """The tracker that was asked for. Raises RtemoError where the vendor's library is not there."""
    try:
        import pylink
    except ImportError as error:
        raise needed("pylink", "install the EyeLink Developers Kit of SR Research", error) from error
    return EyeLink(pylink, args.address, clock, start=args.start)


class EyeLink:
    """One tracker. library: pylink."""

    shares_clock = False

    def __init__(self, library: Any, host: str, clock: Callable[[], float], *, start: bool) -> None:
        self._library, self._host, self._clock, self._start = library, host, clock, start
        self._tracker: Any = None

    def open(self) -> tuple[StreamInfo, ...]:
        try:
            self._tracker = self._library.EyeLink(self._host)
        except RuntimeError as error:
            raise DeviceLost(f"the EyeLink at {self._host} does not answer: {error}") from error
        if self._start:
            self._tracker.startRecording(0, 0, 1, 0)
        source_id = f"rtemo-eyelink-{self._host}"
        return (described("gaze", "EyeLink", "Gaze", 0.0, CHANNELS, source_id, "EyeLink"),)

    def read(self) -> Sequence[DeviceSamples]:
        times, values = [], []
        for _ in range(MOST):
            kind = self._tracker.getNextData()
            if kind == 0:
                break
            if kind == SAMPLE:
                sample = self._tracker.getFloatData()
                times.append(1e-3 * sample.getTime())
                values.append(values_of(sample))
        if times:
            return [DeviceSamples(0, np.array(times), np.array(values, np.float32), self._clock())]
        if not self._tracker.isConnected():
            raise DeviceLost("the EyeLink is gone")
        time.sleep(READ_S / 20)
        return []

    def close(self) -> None:
        tracker, self._tracker = self._tracker, None
        if tracker is not None:
            if self._start:
                tracker.stopRecording()
            tracker.close()


def values_of(sample: Any) -> list[float]:
    """Gaze of both eyes and their pupils' areas; NaN where an eye is absent, or closed (its pupil is 0)."""
    gaze: list[float] = []
    pupils: list[float] = []
    for eye in (sample.getLeftEye(), sample.getRightEye()):
        x, y = (np.nan, np.nan) if eye is None else eye.getGaze()
        area = np.nan if eye is None else eye.getPupilSize()
        seen = x != MISSING and y != MISSING and area > 0
        gaze += [x, y] if seen else [np.nan, np.nan]
        pupils.append(area if seen else np.nan)
    return [*gaze, *pupils]
