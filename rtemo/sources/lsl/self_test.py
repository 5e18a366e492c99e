"""Self-test of LSL on this computer: an outlet of our own must be found, opened, read and timed."""

from __future__ import annotations

import time
from uuid import uuid4

from rtemo.core.errors import RtemoError
from rtemo.sources.lsl.liblsl import measure_clock, pylsl
from rtemo.sources.lsl.ports import open_outlet

POLL_S = 0.01
NAME = "rtemo_selftest"


def self_test(timeout_s: float = 5.0) -> float:
    """Makes an outlet, finds it, reads a sample and measures its clock, each for at most timeout_s.

    Returns the seconds until the sample was read. Raises RtemoError with the step that failed. The outlet shows in
    the lab under NAME for that long.
    """
    source_id = str(uuid4())
    outlet = open_outlet(pylsl.StreamInfo(NAME, "Test", 1, 0.0, "float32", source_id))
    return _run(outlet, source_id, timeout_s)


def _run(outlet: pylsl.StreamOutlet, source_id: str, timeout_s: float) -> float:
    """The steps. The inlet is destroyed when this returns, and so before its outlet."""
    begin_s = time.monotonic()
    handles = pylsl.resolve_byprop("source_id", source_id, 1, timeout_s)
    if not handles:
        raise RtemoError(
            "a stream of this computer is not found on this computer",
            f"looked for {timeout_s:g} s",
            "allow UDP port 16571 in the firewall; leave VPNs; or list computers under KnownPeers in lsl_api.cfg",
        )
    inlet = pylsl.StreamInlet(handles[0], recover=False)
    if not _delivers(outlet, inlet, timeout_s):
        raise RtemoError(
            "a stream of this computer is found, but its samples do not come",
            f"waited for {timeout_s:g} s",
            "allow TCP ports 16572-16604 in the firewall",
        )
    took_s = time.monotonic() - begin_s
    if not _measures(inlet, timeout_s):
        raise RtemoError(
            "a sender's clock cannot be measured", f"waited for {timeout_s:g} s", "allow UDP ports 16572-16604"
        )
    return took_s


def _delivers(outlet: pylsl.StreamOutlet, inlet: pylsl.StreamInlet, timeout_s: float) -> bool:
    try:
        inlet.open_stream(timeout=timeout_s)
        if not outlet.wait_for_consumers(timeout_s):
            return False
        outlet.push_sample([1.0])
        sample, _ = inlet.pull_sample(timeout=timeout_s)
    except (pylsl.util.TimeoutError, pylsl.util.LostError):
        return False
    return sample is not None


def _measures(inlet: pylsl.StreamInlet, timeout_s: float) -> bool:
    end_s = time.monotonic() + timeout_s
    while measure_clock(inlet) is None:
        if time.monotonic() > end_s:
            return False
        time.sleep(POLL_S)
    return True
