"""Stream descriptions: from the XML that LSL and XDF carry to StreamInfo and back.

Nothing is expected but <info>: real streams leave out labels, host and source, use `name` for `label`, put the channels
in `desc/channel`, or write Latin-1. A description is text from another machine: it can neither declare entities nor
claim more channels than memory holds, and of one that is too long or too deep only the core is read.
"""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo

FORMATS = ("float32", "double64", "string", "int32", "int16", "int8", "int64")
MAX_CHANNELS = 100_000  # no device has as many; a damaged count must not decide how much memory is taken
MAX_CHARACTERS = 8 << 20  # ten thousand channels with everything that is known of each are 3 million
MAX_DEPTH = 64
MAX_CORE = 1 << 17  # characters before <desc>

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # not allowed in XML 1.0
_FORBIDDEN = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


def decode_xml(content: bytes) -> str:
    """The text of a description: UTF-8, or Latin-1 where it is not (senders that write a bare micro sign)."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


class DescriptionTooLarge(RtemoError):
    """A description is longer or deeper than any device needs."""


def parse_xml(text: str) -> ET.Element:
    """The root element. Refuses document types and entities: they can grow without bound.

    Raises RtemoError when it is not XML, DescriptionTooLarge when it exceeds MAX_CHARACTERS or MAX_DEPTH.
    """
    if len(text) > MAX_CHARACTERS:
        raise DescriptionTooLarge("a description is too long", f"it has {len(text)} characters")
    clean = _CONTROL.sub("", text)
    if _FORBIDDEN.search(clean):
        raise RtemoError("a description declares a document type", "entities are not allowed in stream descriptions")
    try:
        return ET.fromstring(clean, ET.XMLParser(target=_ShallowTree()))
    except (ET.ParseError, ValueError) as error:
        raise RtemoError("a description is not readable XML", str(error)) from error


class _ShallowTree(ET.TreeBuilder):
    """Builds elements as long as they are not nested too deeply: what works on a tree calls itself for each level."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str], /) -> ET.Element:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise DescriptionTooLarge("a description is nested too deeply", f"more than {MAX_DEPTH} levels")
        return super().start(tag, attributes)

    def end(self, tag: str, /) -> ET.Element:
        self._depth -= 1
        return super().end(tag)


def stream_info(xml: str, stream_id: str) -> StreamInfo:
    """Read a stream's description.

    Of a description that is too large only what stands before <desc> is read and kept: channels without labels.
    Raises RtemoError when it is not XML, or when the channel count or format, without which no sample can be read,
    is missing or not one of FORMATS.
    """
    try:
        root = parse_xml(xml)
    except DescriptionTooLarge:
        xml = _core(xml)
        root = parse_xml(xml)
    count = _channel_count(root, stream_id)
    channel_format = _text(root, "channel_format").lower()
    if channel_format not in FORMATS:
        raise RtemoError(
            f"stream {stream_id} has no channel format that can be read",
            f"channel_format is {channel_format!r}",
            f"known are {', '.join(FORMATS)}",
        )
    return StreamInfo(
        stream_id=stream_id,
        name=_text(root, "name"),
        type=_text(root, "type"),
        channel_format=channel_format,
        nominal_rate_hz=_rate(root),
        channels=_channels(root, count),
        source_id=_text(root, "source_id"),
        hostname=_text(root, "hostname"),
        uid=_text(root, "uid"),
        xml=xml,
    )


def n_described(xml: str, n_channels: int) -> int:
    """How many channels the description of a stream of n_channels lists; 0 where it cannot be read, or is another's."""
    try:
        root = parse_xml(xml)
        count = _channel_count(root, "")
    except RtemoError:
        return 0
    return 0 if count != n_channels else len(root.findall("desc/channels/channel") or root.findall("desc/channel"))


def stream_xml(info: StreamInfo) -> str:
    """A description in the layout of liblsl, for a stream that came without one."""
    return _written(_element(info))


def recordable_xml(info: StreamInfo) -> str:
    """The description as it was sent; where its core does not fit the samples, a new core with what it had in desc."""
    if not info.xml:
        return stream_xml(info)
    try:
        sent, root = stream_info(info.xml, info.stream_id), parse_xml(info.xml)
    except RtemoError:
        return stream_xml(info)
    rate = _number(_text(root, "nominal_srate"))
    if (sent.n_channels, sent.channel_format, rate) == (info.n_channels, info.channel_format, info.nominal_rate_hz):
        return info.xml
    made, desc = _element(info), root.find("desc")
    if desc is not None and len(desc):
        made.remove(made[-1])
        made.append(desc)
    return _written(made)


def same_description(a: StreamInfo, b: StreamInfo) -> bool:
    """True when both describe the same stream, whichever connection, uid or port they came with."""

    def plain(info: StreamInfo) -> tuple[object, ...]:
        return (info.key, info.channel_format, info.nominal_rate_hz, info.channels, _desc(info.xml))

    return plain(a) == plain(b)


def _element(info: StreamInfo) -> ET.Element:
    root = ET.Element("info")
    _add(root, "name", info.name)
    _add(root, "type", info.type)
    _add(root, "channel_count", str(info.n_channels))
    _add(root, "channel_format", info.channel_format)
    _add(root, "source_id", info.source_id)
    _add(root, "nominal_srate", repr(float(info.nominal_rate_hz)))
    _add(root, "version", "1.100000000000000")
    _add(root, "uid", info.uid)
    _add(root, "hostname", info.hostname)
    desc = ET.SubElement(root, "desc")
    if any(channel != Channel() for channel in info.channels):
        parent = ET.SubElement(desc, "channels")
        for channel in info.channels:
            _add_channel(parent, channel)
    return root


def _core(xml: str) -> str:
    """A description without its <desc>."""
    head, found, _ = xml[:MAX_CORE].partition("<desc")
    if not found:
        raise RtemoError(
            "a description is not readable XML", f"{len(xml)} characters without its core at the beginning"
        )
    return head + "</info>"


def _written(root: ET.Element) -> str:
    ET.indent(root, "\t")
    return '<?xml version="1.0"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _desc(xml: str) -> str:
    if not xml:
        return ""
    try:
        desc = parse_xml(xml).find("desc")
    except RtemoError:
        return xml
    return "" if desc is None else ET.canonicalize(ET.tostring(desc, encoding="unicode"), strip_text=True)


def _channel_count(root: ET.Element, stream_id: str) -> int:
    text = _text(root, "channel_count")
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MAX_CHANNELS:
        return int(text)
    raise RtemoError(f"stream {stream_id} has no channel count that can be read", f"channel_count is {text!r}")


def _rate(root: ET.Element) -> float:
    rate = _number(_text(root, "nominal_srate"))
    return rate if rate is not None and rate > 0 else 0.0


def _channels(root: ET.Element, count: int) -> tuple[Channel, ...]:
    found = root.findall("desc/channels/channel") or root.findall("desc/channel")
    described = [_channel(node) for node in found[:count]]
    return tuple(described + [Channel()] * (count - len(described)))


def _channel(node: ET.Element) -> Channel:
    return Channel(
        label=_text(node, "label") or _text(node, "name"),
        type=_text(node, "type") or _text(node, "metatype"),
        unit=_text(node, "unit"),
        eye=_text(node, "eye"),
        location_mm=_location(node.find("location")),
    )


def _location(node: ET.Element | None) -> tuple[float, float, float] | None:
    if node is None:
        return None
    x, y, z = (_number(_text(node, axis) or _text(node, axis.lower())) for axis in "XYZ")
    return None if x is None or y is None or z is None else (x, y, z)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _text(node: ET.Element, tag: str) -> str:
    return (node.findtext(tag) or "").strip()


def desc_of(info: StreamInfo) -> ET.Element | None:
    """The element that holds what a sender says of its stream besides the core; None where there is none to be read."""
    if not info.xml:
        return None
    try:
        return parse_xml(info.xml).find("desc")
    except (RtemoError, ET.ParseError):
        return None


def xml_text(text: str) -> str:
    """A text without what a description cannot hold: control characters, halves of characters."""
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode()


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = _CONTROL.sub("", text)


def _add_channel(parent: ET.Element, channel: Channel) -> None:
    node = ET.SubElement(parent, "channel")
    _add(node, "label", channel.label)
    for tag in ("type", "unit", "eye"):
        if getattr(channel, tag):
            _add(node, tag, getattr(channel, tag))
    if channel.location_mm is not None:
        location = ET.SubElement(node, "location")
        for axis, value in zip("XYZ", channel.location_mm, strict=True):
            _add(location, axis, repr(float(value)))


def channel_numbers(xml: str, element: str) -> dict[int, float]:
    """Column (from 0) -> the finite number in this element of the channel's description, where it has one."""
    if not xml:
        return {}
    try:
        root = parse_xml(xml)
    except RtemoError:
        return {}  # the stream itself was described all the same; then its unit alone counts
    channels = root.findall("desc/channels/channel") or root.findall("desc/channel")
    found = {column: _number(_text(channel, element)) for column, channel in enumerate(channels)}
    return {column: number for column, number in found.items() if number is not None}
