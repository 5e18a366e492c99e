"""Items that are already there, or are made as they are read, as a source: simulated sessions, tests.

It knows no clock and never waits: it gives the next item as fast as it is asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rtemo.core.types import Item, StreamInfo


class SyntheticSource:
    """A `Source` over streams that are known from the start and any iterable of items, which it reads one ahead."""

    def __init__(self, streams: Iterable[StreamInfo], items: Iterable[Item]) -> None:
        self._streams = tuple(streams)
        self._items: Iterator[Item] = iter(items)
        self._next = next(self._items, None)

    def start(self) -> tuple[StreamInfo, ...]:
        return self._streams

    def read(self, timeout_s: float) -> list[Item]:
        """The next item. It is there at once, whatever the timeout; none left: an empty list."""
        del timeout_s
        found = [] if self._next is None else [self._next]
        self._next = next(self._items, None)
        return found

    @property
    def exhausted(self) -> bool:
        return self._next is None

    def stop(self) -> None:
        """Gives up what has not been read."""
        self._items = iter(())
        self._next = None
