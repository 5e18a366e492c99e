"""Numbers that a stream's description gives per channel beyond what StreamInfo holds, such as a scaling factor."""

from __future__ import annotations

import math

from rtemo.core.errors import RtemoError
from rtemo.sources.stream_xml import parse_xml


def channel_numbers(xml: str, element: str) -> dict[int, float]:
    """Column (from 0) -> the finite number in this element of the channel's description, where it has one."""
    if not xml:
        return {}
    try:
        root = parse_xml(xml)
    except RtemoError:
        return {}  # the stream itself was described all the same; then its unit alone counts
    channels = root.findall("desc/channels/channel") or root.findall("desc/channel")
    found = {column: _number(channel.findtext(element)) for column, channel in enumerate(channels)}
    return {column: number for column, number in found.items() if number is not None}


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
