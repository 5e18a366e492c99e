"""Whether LSL works on this computer: an outlet of our own must be found, opened, heard and timed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import uuid4

from rtemo.sources.lsl_library import measure_clock, pylsl

POLL_S = 0.01
NAME = "rtemo_selftest"


@dataclass(frozen=True, slots=True)
class SelfTest:
    """How long each step took, seconds; None: it did not happen in time, and neither did the steps after it.

    clock_s needs an opened stream only: it may happen without a sample.
    """

    found_s: float | None
    opened_s: float | None = None
    sample_s: float | None = None
    clock_s: float | None = None
    offset_s: float | None = None

    @property
    def works(self) -> bool:
        return None not in (self.found_s, self.opened_s, self.sample_s, self.clock_s)

    @property
    def advice(self) -> str:
        """What is wrong and what to do; empty where all is well."""
        if self.found_s is None:
            return (
                "streams are not found: allow UDP port 16571 and multicast in the firewall and on the network's "
                "switch, or list the other computers under KnownPeers in lsl_api.cfg"
            )
        if self.opened_s is None or self.sample_s is None:
            return "streams are found but cannot be opened: allow TCP ports 16572-16604 in the firewall"
        if self.clock_s is None:
            return "the sender's clock cannot be measured: allow UDP ports 16572-16604 in the firewall"
        return ""


def self_test(timeout_s: float = 3.0) -> SelfTest:
    """Runs the steps, each for at most timeout_s. The outlet shows in the lab under NAME for that long."""
    source_id = str(uuid4())
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(NAME, "Test", 1, 0.0, "float32", source_id))
    return _run(outlet, source_id, timeout_s)


def _run(outlet: pylsl.StreamOutlet, source_id: str, timeout_s: float) -> SelfTest:
    """The steps. The inlet is destroyed when this returns, and so before its outlet."""
    begin_s = time.monotonic()
    handles = pylsl.resolve_byprop("source_id", source_id, 1, timeout_s)
    if not handles:
        return SelfTest(None)
    found_s = time.monotonic() - begin_s
    inlet = pylsl.StreamInlet(handles[0], recover=False)
    begin_s = time.monotonic()
    try:
        inlet.open_stream(timeout=timeout_s)
    except (pylsl.util.TimeoutError, pylsl.util.LostError):
        return SelfTest(found_s)
    opened_s = time.monotonic() - begin_s
    sample_s = _until_sample(outlet, inlet, timeout_s)
    clock_s, offset_s = _until_clock(inlet, timeout_s)
    return SelfTest(found_s, opened_s, sample_s, clock_s, offset_s)


def _until_sample(outlet: pylsl.StreamOutlet, inlet: pylsl.StreamInlet, timeout_s: float) -> float | None:
    if not outlet.wait_for_consumers(timeout_s):
        return None
    begin_s = time.monotonic()
    outlet.push_sample([1.0])
    sample, _ = inlet.pull_sample(timeout=timeout_s)
    return None if sample is None else time.monotonic() - begin_s


def _until_clock(inlet: pylsl.StreamInlet, timeout_s: float) -> tuple[float | None, float | None]:
    begin_s = time.monotonic()
    while (measured := measure_clock(inlet)) is None:
        if time.monotonic() - begin_s > timeout_s:
            return None, None
        time.sleep(POLL_S)
    return time.monotonic() - begin_s, measured.offset_s
