"""Descriptions of the simulated streams: channels, units and the XML of the XDF meta-data specification.

Every description states that the person is simulated.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtemo.core.types import STRING_FORMAT, Channel, StreamInfo
from rtemo.simulate.eeg.anatomy import SimulatedHead
from rtemo.simulate.eyes.gaze import DISTANCE_MM, SCREEN_MM
from rtemo.simulate.plan import SimulationPlan
from rtemo.sources.stream_xml import parse_xml, stream_xml

EEG, GAZE, MARKERS = "eeg", "gaze", "markers"
HOSTNAME = "simulated"
SCALP_RADIUS_MM = 90.0
GAZE_CHANNELS = tuple(
    Channel(f"{eye}_{what}", kind, unit, eye)
    for eye in ("left", "right")
    for what, kind, unit in (
        ("x", "ScreenX", "normalized"),
        ("y", "ScreenY", "normalized"),
        ("pupil", "Diameter", "mm"),
    )
)


def eeg_info(plan: SimulationPlan, head: SimulatedHead, columns: Sequence[int], run: int) -> StreamInfo:
    """The EEG stream, or what is left of it in a later run (other columns, or a plan with another rate)."""
    channels = tuple(
        Channel(plan.montage.labels[c], "EEG", "microvolts", location_mm=_location(head.positions[c])) for c in columns
    )
    reference = {"label": "+".join(plan.montage.reference), "subtracted": "Yes", "common_average": "No"}
    info = StreamInfo(_id(EEG, run), "rtemo simulated EEG", "EEG", "float32", plan.eeg_rate_hz, channels)
    return _described(info, plan, EEG, run, {"reference": reference, "cap": {"name": plan.montage.name}})


def gaze_info(plan: SimulationPlan, run: int) -> StreamInfo:
    """The eye tracker's stream, channels as the TobiiPro connector sends them."""
    screen = {"width_mm": SCREEN_MM[0], "height_mm": SCREEN_MM[1], "distance_mm": DISTANCE_MM}
    info = StreamInfo(_id(GAZE, run), "rtemo simulated gaze", "Gaze", "float32", plan.gaze_rate_hz, GAZE_CHANNELS)
    return _described(info, plan, GAZE, run, {"setup": {"display": screen}})


def marker_info(plan: SimulationPlan) -> StreamInfo:
    """The markers: strings, when they come."""
    info = StreamInfo(
        MARKERS, "rtemo simulated markers", "Markers", STRING_FORMAT, 0.0, (Channel("marker", "Markers"),)
    )
    return _described(info, plan, MARKERS, 0, {})


def _id(kind: str, run: int) -> str:
    return kind if run == 0 else f"{kind}-{run + 1}"


def _described(info: StreamInfo, plan: SimulationPlan, kind: str, run: int, about: Mapping[str, Any]) -> StreamInfo:
    """The same with its identity and its XML."""
    source_id = f"rtemo-simulated-{kind}-{plan.person_seed}-{plan.session_seed}"
    named = replace(info, source_id=source_id, hostname=HOSTNAME, uid=f"{source_id}-run-{run}")
    root = parse_xml(stream_xml(named))
    desc = root.find("desc")
    simulated = {
        "note": "not a recording of a person",
        "person_seed": plan.person_seed,
        "session_seed": plan.session_seed,
        "family": plan.family,
        "effect": plan.options.effect,
    }
    who = {"manufacturer": "rtemo", "model": "simulated person", "serial_number": plan.person_seed}
    _add(root if desc is None else desc, {**about, "acquisition": who, "simulated": simulated})
    return replace(named, xml='<?xml version="1.0"?>\n' + ET.tostring(root, encoding="unicode"))


def _add(node: ET.Element, fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        child = ET.SubElement(node, key)
        if isinstance(value, Mapping):
            _add(child, value)
        else:
            child.text = f"{value:g}" if isinstance(value, float) else str(value)


def _location(position: Any) -> tuple[float, float, float]:
    x, y, z = (round(SCALP_RADIUS_MM * float(value), 1) for value in position)
    return x, y, z
