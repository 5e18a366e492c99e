"""Which stream of a recording each live stream is written to, across losses, returns and changes.

A stream that is back under the same description goes on where it was, whatever uid, port or stream_id it comes back
with. One that is described otherwise, or whose twin is still connected, gets a stream of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from rtemo.core.types import STRING_FORMAT, Chunk, StreamDown, StreamInfo, StreamState
from rtemo.sources.stream_xml import same_description
from rtemo.sources.xdf.samples import DTYPES


@dataclass(slots=True)
class _Route:
    target: StreamInfo  # the stream in the recording; its stream_id is unique there
    connected: bool = True
    over: bool = False  # another stream took its place: what is described alike later comes after that one


class Routes:
    """Announced stream_ids and where their samples go."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        """reserved: stream_ids in the recording that no announced stream gets."""
        self._routes: dict[str, _Route] = {}
        self._reserved = frozenset(reserved)
        self._targets: list[_Route] = []

    def target(self, stream_id: str) -> StreamInfo | None:
        """The stream in the recording that an announced stream goes to; None when it was never announced."""
        route = self._routes.get(stream_id)
        return None if route is None else route.target

    def connect(self, info: StreamInfo) -> StreamInfo | None:
        """Takes an announcement. Returns the stream to be added to the recording, or None where one goes on."""
        route = self._routes.get(info.stream_id)
        if route is None or route.over or not same_description(route.target, info):
            free = (r for r in self._targets if not (r.connected or r.over))
            gone = (r for r in free if same_description(r.target, info))
            route = next(gone, None)
        if route is not None:
            route.connected = True
            self._routes[info.stream_id] = route
            return None
        if info.stream_id in self._routes:  # it has changed: nothing goes to the old one any more
            self._routes[info.stream_id].connected = False
        route = _Route(replace(info, stream_id=self._free_name(info.stream_id)))
        self._targets.append(route)
        self._routes[info.stream_id] = route
        return route.target

    def replace(self, stream_id: str, info: StreamInfo) -> None:
        """Nothing goes any more to where an announced stream went that one described otherwise takes the place of."""
        route = self._routes.get(stream_id)
        if route is not None and not same_description(route.target, info):
            route.over = True

    def disconnect(self, down: StreamDown) -> None:
        """Takes a loss. A stalled stream is still there: another one of the same description is its twin."""
        route = self._routes.get(down.stream_id)
        if route is not None and down.state is not StreamState.STALLED:
            route.connected = False

    def _free_name(self, name: str) -> str:
        taken = {route.target.stream_id for route in self._targets} | self._reserved
        names = (name if n == 1 else f"{name} ({n})" for n in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)


def misfit(chunk: Chunk, info: StreamInfo) -> str:
    """Why a chunk cannot be a part of the stream; empty when it can."""
    if chunk.values.shape != (len(chunk.stamps), info.n_channels):
        width = chunk.values.shape[1] if chunk.values.ndim == 2 else 0
        return f"stream {info.stream_id} sent chunks of {width} channels where it promises {info.n_channels}"
    if info.channel_format != STRING_FORMAT and not np.can_cast(
        chunk.values.dtype, DTYPES[info.channel_format], "same_kind"
    ):
        return f"stream {info.stream_id} sent {chunk.values.dtype} values and promises {info.channel_format}"
    return ""
