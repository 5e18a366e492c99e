"""Collects chunks until it is worth pushing them: the cost of a push does not depend on how many samples it carries.

A stream's chunks are pushed when they hold span_s of data, and each as it comes once the stream is within LEAD_S of the
next end of a window that it has not reached: so nothing old is left to be done when the window's last sample arrives,
and no stream waits for another. Nothing is reordered within a stream.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rtemo.core.types import Chunk, ClockOffset, Item

SPAN_S = 0.04  # where signals are shown as they come
LEAD_S = 0.015
HOLE_S = 5.0  # a longer one makes a beginning
SETTLED_S = 3.0  # after it a stream's rate is known, and whoever waits for it does so


class ChunkBatch:
    """Items that wait to be pushed."""

    def __init__(self, span_s: float = SPAN_S) -> None:
        self.span_s = span_s
        self._items: list[Item] = []
        self._offsets: dict[str, float] = {}
        self._spans_s: dict[str, tuple[float, float]] = {}  # oldest and newest stamp of what waits, LSL time
        self._news = False  # whether there is anything but chunks

    def add(self, items: Iterable[Item]) -> None:
        for item in items:
            self._items.append(item)
            if not isinstance(item, Chunk):
                self._news = True
                if isinstance(item, ClockOffset):
                    self._offsets[item.stream_id] = item.offset_s
            elif len(item):
                offset_s = self._offsets.get(item.stream_id, 0.0)
                first_s, last_s = float(item.stamps[0]) + offset_s, float(item.stamps[-1]) + offset_s
                self._spans_s[item.stream_id] = self._spans_s.get(item.stream_id, (first_s, last_s))[0], last_s

    def due(self, awaited_s: Mapping[str, float]) -> list[Item]:
        """What is to be pushed now. awaited_s: the stamp, LSL time, that completes the next window, by stream."""
        much = any(newest_s - oldest_s >= self.span_s for oldest_s, newest_s in self._spans_s.values())
        if self._news or much:
            return self._take(self._items, awaited_s)
        near = {s for s, (_, newest_s) in self._spans_s.items() if newest_s >= awaited_s.get(s, np.inf) - LEAD_S}
        chosen = [item for item in self._items if isinstance(item, Chunk) and item.stream_id in near]
        return self._take(chosen, awaited_s) if near else []

    def take(self) -> list[Item]:
        """Everything that waits."""
        return self._take(self._items, {})

    def _take(self, items: Sequence[Item], awaited_s: Mapping[str, float]) -> list[Item]:
        if len(items) == len(self._items):
            self._items, self._news = [], False
            self._spans_s.clear()
        else:
            taken = {id(item) for item in items}
            self._items = [item for item in self._items if id(item) not in taken]
            for stream in {item.stream_id for item in items if isinstance(item, Chunk)}:
                del self._spans_s[stream]
        return join(items, awaited={s: end_s - self._offsets.get(s, 0.0) for s, end_s in awaited_s.items()})


class Beginnings:
    """Where streams begin, or go on behind a long hole: other ones may have been used without waiting for them."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[float, float]] = {}  # where each began, and its newest stamp

    def hold(self, chunk: Chunk) -> bool:
        """Whether a stream's next chunk lies shortly behind its beginning, so that it must keep its place."""
        first, last = float(chunk.stamps[0]), float(chunk.stamps[-1])
        begun, reached = self._of.get(chunk.stream_id, (-np.inf, -np.inf))
        if first - reached > HOLE_S:
            begun = first
        self._of[chunk.stream_id] = begun, last if np.isfinite(last) else reached
        return 0.0 <= first - begun < SETTLED_S


def join(
    items: Iterable[Item],
    apart: Container[str] = (),
    awaited: Mapping[str, float] | None = None,
    beginnings: Beginnings | None = None,
) -> list[Item]:
    """The same items with each stream's chunks joined up to the next item that is none.

    apart: streams whose chunks keep their place among the others', such as markers. awaited: raw stamps, by stream; a
    joined chunk counts as arrived with the first of its parts that reaches it, so that no latency is given too short.
    beginnings: shown every chunk; those that it holds keep their place too.
    """
    out: list[Item] = []
    parts: dict[str, list[Chunk]] = {}

    def close() -> None:
        out.extend(_joined(chunks, (awaited or {}).get(stream, np.inf)) for stream, chunks in parts.items())
        parts.clear()

    for item in items:
        if isinstance(item, Chunk) and item.stream_id not in apart:
            if beginnings is not None and len(item) and beginnings.hold(item):
                close()
            parts.setdefault(item.stream_id, []).append(item)
        else:
            close()
            out.append(item)
    close()
    return out


def _joined(chunks: list[Chunk], awaited: float) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    reaching = (chunk for chunk in chunks if len(chunk) and chunk.stamps[-1] >= awaited)
    return replace(
        next(reaching, chunks[-1]),
        stamps=np.concatenate([chunk.stamps for chunk in chunks]),
        values=np.concatenate([chunk.values for chunk in chunks]),
    )
