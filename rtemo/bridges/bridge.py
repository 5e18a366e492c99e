"""The loop of a bridge: open the device, read, stamp on the LSL clock, publish; again where the device is lost.

It knows no device and no LSL: `publish` takes what it stamps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rtemo.bridges.device import Device, DeviceLost, DeviceSamples
from rtemo.bridges.device_clock import ClockReport, DeviceClock
from rtemo.core.types import StreamInfo, TimeArray

RETRY_S = 1.0
SILENT_S = 5.0  # a device that sends nothing for so long is opened again
MONOTONIC_S = 1e-6  # stamps of one stream go forward by at least this


class Publish(Protocol):
    """Where the streams go."""

    def open(self, streams: Sequence[StreamInfo]) -> None:
        """Offer these streams; those that are offered already, under the same description, just go on."""
        ...

    def push(self, stream: int, stamps: TimeArray, values: NDArray[Any]) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class StreamCount:
    """What has become of one stream: sent, lost (by the device's own count), held back while the clock settled."""

    name: str
    sent: int = 0
    lost: int = 0
    held_back: int = 0
    first_s: float = field(default=np.nan)
    last_s: float = field(default=np.nan)

    @property
    def rate_hz(self) -> float:
        """As measured, samples that never came included."""
        span_s = self.last_s - self.first_s
        return (self.sent + self.lost - 1) / span_s if span_s > 0 else float("nan")


class Bridge:
    """One device to LSL."""

    def __init__(
        self, device: Device, publish: Publish, clock: Callable[[], float], tell: Callable[[str], None]
    ) -> None:
        """clock: LSL time now. tell: takes what happens, one sentence each."""
        self._device, self._publish, self._now, self._tell = device, publish, clock, tell
        self._clock = DeviceClock()
        self.counts: list[StreamCount] = []
        self.connections = 0
        self._open = False
        self._heard_s = 0.0

    def run(self, stop: threading.Event, duration_s: float | None = None) -> None:
        """Until `stop` is set or the time is over. Raises RtemoError where the device cannot be used."""
        end_s = None if duration_s is None else self._now() + duration_s
        complaint = ""
        try:
            while not stop.is_set() and (end_s is None or self._now() < end_s):
                try:
                    self.turn()
                    complaint = ""
                except DeviceLost as lost:
                    self._let_go()
                    if str(lost) != complaint:
                        self._tell(f"{lost}; trying again")
                        complaint = str(lost)
                    stop.wait(RETRY_S)
        finally:
            self._let_go()
            self._publish.close()

    def turn(self) -> None:
        """Connect where there is no connection, and take what has come. Raises DeviceLost."""
        if not self._open:
            self._connect()
        samples = self._device.read()
        now_s = self._now()
        if samples:
            self._heard_s = now_s
        elif now_s - self._heard_s > SILENT_S:
            raise DeviceLost(f"nothing came for {SILENT_S:g} s")
        for block in samples:
            self._take(block)

    @property
    def clock(self) -> ClockReport | None:
        """How the device's clock goes; None where it is LSL's own."""
        return None if self._device.shares_clock else self._clock.report()

    def summary(self) -> str:
        """What has come so far, for people."""
        parts = [
            f"{one.name}: {one.sent} samples at {one.rate_hz:.2f} Hz, {one.lost} lost"
            for one in self.counts
            if one.sent
        ]
        if self.clock is not None:
            clock = self.clock
            parts.append(f"clock {clock.drift_ppm:+.1f} ppm, jitter {clock.jitter_ms:.1f} ms, {clock.resets} resets")
        return "; ".join([*parts, f"{self.connections} connections"])

    def _connect(self) -> None:
        streams = self._device.open()
        self._open = True
        self._publish.open(streams)
        self._clock.begin()
        known = {one.name: one for one in self.counts}
        self.counts = [known.get(info.name, StreamCount(info.name)) for info in streams]
        self.connections += 1
        self._heard_s = self._now()
        self._tell("streaming " + ", ".join(info.brief() for info in streams))

    def _let_go(self) -> None:
        if self._open:
            self._open = False
        self._device.close()

    def _take(self, block: DeviceSamples) -> None:
        count = self.counts[block.stream]
        count.lost += block.lost
        if not len(block.device_s):
            return
        stamps = block.device_s
        if not self._device.shares_clock:
            self._clock.see(float(block.device_s[-1]), block.arrived_s)
            self._clock.settle(block.arrived_s)
            stamps = self._clock.to_lsl(block.device_s)
        if np.isnan(stamps[-1]):
            count.held_back += len(stamps)
            return
        stamps = forward(stamps, count.last_s)
        self._publish.push(block.stream, stamps, block.values)
        count.sent += len(stamps)
        count.first_s = float(stamps[0]) if np.isnan(count.first_s) else count.first_s
        count.last_s = float(stamps[-1])


def forward(stamps: TimeArray, last_s: float) -> TimeArray:
    """Stamps that go forward, from the last one on, where the device's own do not quite."""
    floor = np.arange(len(stamps)) * MONOTONIC_S
    lowest = -np.inf if np.isnan(last_s) else last_s + MONOTONIC_S
    return np.asarray(np.maximum.accumulate(np.maximum(stamps, lowest) - floor) + floor)
