"""Bridges: devices that do not speak LSL, made into LSL streams that the rest of rtemo reads like any other.

A bridge is a device (`device.py`), its clock (`device_clock.py`), and the loop that both run in (`bridge.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

SIMULATED = "tried against a simulator only, never with a device"
NEVER = "never run: written and tested by the calls that the vendor documents"


@dataclass(frozen=True, slots=True)
class BridgeEntry:
    """module: holds `add_arguments` and `device_of`. profile: the device's folder in devices/. tried: how far."""

    module: str
    profile: str
    summary: str
    tried: str


BRIDGES = {
    "brainflow": BridgeEntry(
        "rtemo.bridges.brainflow",
        "brainflow",
        "any board of BrainFlow",
        "tried with BrainFlow's synthetic and playback boards, never with a device",
    ),
    "gazepoint": BridgeEntry("rtemo.bridges.gazepoint", "gazepoint", "Gazepoint's Open Gaze API", SIMULATED),
    "brainvision-rda": BridgeEntry(
        "rtemo.bridges.brainvision_rda", "brainvision-rda", "BrainVision Recorder's remote data access", SIMULATED
    ),
    "pupil-labs": BridgeEntry("rtemo.bridges.pupil_labs", "pupil-neon", "Pupil Labs Neon and Invisible", NEVER),
    "tobii-pro": BridgeEntry("rtemo.bridges.tobii_pro", "tobii-pro", "Tobii Pro SDK", NEVER),
    "eyelink": BridgeEntry("rtemo.bridges.eyelink", "eyelink", "SR Research EyeLink (pylink)", NEVER),
    "mouse": BridgeEntry(
        "rtemo.bridges.mouse",
        "mouse",
        "the mouse pointer as gaze, for dry runs",
        "tried on X11, never on Windows or macOS",
    ),
}
