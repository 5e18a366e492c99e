"""How the simulated streams describe themselves: channels, units and the XML of the XDF meta-data specification.

Every description says that the person is simulated. The XML is what goes into the XDF header; `fill_description`
writes the same tree into a pylsl description, so both come from one place.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from rtemo.core.types import STRING_FORMAT, Channel, StreamInfo
from rtemo.simulate.anatomy import Head
from rtemo.simulate.plan import SessionPlan

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


def eeg_info(plan: SessionPlan, head: Head, rate_hz: float, columns: Sequence[int], run: int) -> StreamInfo:
    """The EEG stream, or what is left of it in a later run (other columns or another rate)."""
    channels = tuple(
        Channel(plan.montage.labels[c], "EEG", "microvolts", location_mm=_location(head.positions[c])) for c in columns
    )
    about: dict[str, Any] = {
        "reference": {"label": "+".join(plan.montage.reference), "subtracted": "Yes", "common_average": "No"},
        "cap": {"name": plan.montage.name, "labelscheme": "10-20"},
    }
    return _info(plan, EEG, "rtemo simulated EEG", "EEG", "float32", rate_hz, channels, about, run)


def gaze_info(plan: SessionPlan, rate_hz: float, run: int) -> StreamInfo:
    """The eye tracker's stream, channels as the TobiiPro connector sends them."""
    from rtemo.simulate.gaze import DISTANCE_MM, SCREEN_MM

    screen = {"width_mm": f"{SCREEN_MM[0]:g}", "height_mm": f"{SCREEN_MM[1]:g}", "distance_mm": f"{DISTANCE_MM:g}"}
    return _info(
        plan,
        GAZE,
        "rtemo simulated gaze",
        "Gaze",
        "float32",
        rate_hz,
        GAZE_CHANNELS,
        {"setup": {"display": screen}},
        run,
    )


def marker_info(plan: SessionPlan) -> StreamInfo:
    """The markers: strings, when they come."""
    channels = (Channel("marker", "Markers"),)
    return _info(plan, MARKERS, "rtemo simulated markers", "Markers", STRING_FORMAT, 0.0, channels, {}, 0)


def fill_description(node: Any, tree: ET.Element) -> None:
    """Append the children of `tree` to a pylsl description node."""
    for child in tree:
        if len(child):
            fill_description(node.append_child(child.tag), child)
        else:
            node.append_child_value(child.tag, child.text or "")


def description(info: StreamInfo) -> ET.Element:
    """The desc node of a stream's XML."""
    found = ET.fromstring(info.xml).find("desc")
    return ET.Element("desc") if found is None else found


def _info(
    plan: SessionPlan,
    kind: str,
    name: str,
    content: str,
    channel_format: str,
    rate_hz: float,
    channels: tuple[Channel, ...],
    about: Mapping[str, Any],
    run: int,
) -> StreamInfo:
    source_id = f"rtemo-simulated-{kind}-{plan.person_seed}-{plan.session_seed}"
    root = ET.Element("info")
    head = {
        "name": name,
        "type": content,
        "channel_count": str(len(channels)),
        "nominal_srate": f"{rate_hz:g}",
        "channel_format": channel_format,
        "source_id": source_id,
        "version": "1.1",
        "created_at": f"{plan.start_s:.6f}",
        "uid": f"{source_id}-run-{run}",
        "session_id": "default",
        "hostname": HOSTNAME,
    }
    _add(root, head)
    desc = ET.SubElement(root, "desc")
    _channels(desc, channels)
    who = {"manufacturer": "rtemo", "model": "simulated person", "serial_number": str(plan.person_seed)}
    simulated = {
        "person_seed": str(plan.person_seed),
        "session_seed": str(plan.session_seed),
        "family": plan.family,
        "effect": f"{plan.options.effect:g}",
        "note": "not a recording of a person",
    }
    _add(desc, {**about, "acquisition": who, "simulated": simulated})
    return StreamInfo(
        kind if run == 0 else f"{kind}-{run + 1}",
        name,
        content,
        channel_format,
        rate_hz,
        channels,
        source_id,
        HOSTNAME,
        head["uid"],
        ET.tostring(root, encoding="unicode"),
    )


def _channels(desc: ET.Element, channels: Sequence[Channel]) -> None:
    nodes = ET.SubElement(desc, "channels")
    for channel in channels:
        node = ET.SubElement(nodes, "channel")
        fields = {"label": channel.label, "type": channel.type, "unit": channel.unit, "eye": channel.eye}
        _add(node, {key: value for key, value in fields.items() if value})
        if channel.location_mm is not None:
            _add(node, {"location": dict(zip("XYZ", (f"{v:.1f}" for v in channel.location_mm), strict=True))})


def _add(node: ET.Element, fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        child = ET.SubElement(node, key)
        if isinstance(value, Mapping):
            _add(child, value)
        else:
            child.text = str(value)


def _location(position: Any) -> tuple[float, float, float]:
    x, y, z = (round(SCALP_RADIUS_MM * float(value), 1) for value in position)
    return x, y, z
