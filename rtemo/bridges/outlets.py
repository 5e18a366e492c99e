"""A bridge's streams as LSL outlets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pylsl
from numpy.typing import NDArray

from rtemo.core.types import STRING_FORMAT, StreamInfo, TimeArray
from rtemo.sources.lsl.emit import lsl_info
from rtemo.sources.lsl.ports import open_outlet


class Outlets:
    """Offers streams on the network. A stream whose description stays keeps its outlet when the device comes back."""

    def __init__(self) -> None:
        self._streams: list[tuple[StreamInfo, pylsl.StreamOutlet]] = []

    def open(self, streams: Sequence[StreamInfo]) -> None:
        known = dict(self._streams)
        self._streams = [(info, known.get(info) or open_outlet(lsl_info(info))) for info in streams]

    def push(self, stream: int, stamps: TimeArray, values: NDArray[Any]) -> None:
        info, outlet = self._streams[stream]
        outlet.push_chunk(values.tolist() if info.channel_format == STRING_FORMAT else values, stamps.tolist())

    def close(self) -> None:
        self._streams = []
