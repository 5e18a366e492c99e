"""Requests for LSL streams, and which newcomer replaces a lost stream. Decides on descriptions alone.

A stream that was there while ours delivered is a bystander: it may be called the same, but it is another one, and it
never takes the place of ours, not even when ours dies.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from rtemo.core.types import StreamInfo


@dataclass(frozen=True, slots=True)
class OneStream:
    """At most one stream: what `choose` picks among those that are there, or None. It may raise RtemoError where
    several fit. Called in the source's own thread, while nothing that it chose is connected.
    """

    label: str
    choose: Callable[[Sequence[StreamInfo]], StreamInfo | None]


@dataclass(frozen=True, slots=True)
class EveryStream:
    """Every stream that `accept` takes, whenever it appears. Called in the source's own thread."""

    label: str
    accept: Callable[[StreamInfo], bool]


StreamRequest = OneStream | EveryStream


def sender(info: StreamInfo) -> tuple[str, str, str, str]:
    """What a restarted stream keeps, whatever happens to its channels and rate."""
    return (info.name, info.type, info.source_id, info.hostname)


def unchanged(before: StreamInfo, after: StreamInfo) -> bool:
    """Whether a stream that came back gives the same samples as before, so that its chunks can go on as one stream."""

    def shape(info: StreamInfo) -> tuple[object, ...]:
        return (info.key, info.channel_format, info.nominal_rate_hz, info.channels)

    return shape(before) == shape(after)


def successors(lost: StreamInfo, newcomers: Collection[StreamInfo]) -> list[StreamInfo]:
    """The newcomers that may be the lost stream come back: under the same key, or else from the same sender."""
    same = [info for info in newcomers if info.key == lost.key]
    return same or [info for info in newcomers if sender(info) == sender(lost)]


def shortened(text: str, characters: int = 80) -> str:
    """A name or description for people and ids: hostile ones have thousands of characters."""
    return text if len(text) <= characters else text[: characters - 3] + "..."
