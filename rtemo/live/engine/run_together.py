"""The loop of engines: reads the source, and gives each engine what concerns it; one engine, or one a participant.

All of them are turned by the thread that reads, one after the other, so that nothing that befalls one participant's
streams changes what another one's engine is given.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo, StreamUp
from rtemo.live.engine.batching import SPAN_S
from rtemo.sources.base import DRAIN_READS, Source

READ_S = 0.1  # how long a read may block: how soon a stop is noticed


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What a live session adds to a replay. clock: now, in LSL time.

    patient: a stream that cannot be used is an event even where it is the only one, as others can still be chosen.
    each_turn: called once a read. span_s: how much data may wait to be used while no window is near.
    pauses: whether it may leave the source unread meanwhile. engines: how many share the thread, this one included.
    stopwatch: seconds, by which it is measured how long windows take.
    """

    clock: Callable[[], float]
    max_wait_s: float = 0.25  # how far the leading stream may be ahead before a window is cut without the others
    duration_s: float | None = None
    patient: bool = False
    each_turn: Callable[[], None] | None = None
    span_s: float = SPAN_S
    pauses: bool = False
    engines: int = 1
    stopwatch: Callable[[], float] = time.perf_counter


class TurnedEngine(Protocol):
    """What the loop needs of an engine, see rtemo.live.engine.engine."""

    @property
    def live(self) -> LiveOptions | None: ...

    @property
    def pause_s(self) -> float: ...

    def announce(self, items: Sequence[Item]) -> None: ...

    def step(self, items: Sequence[Item]) -> None: ...

    def end_with(self, rest: Sequence[Item]) -> None: ...


Split = Callable[[Sequence[Item]], Sequence[Sequence[Item]]]


def run_together(
    engines: Sequence[TurnedEngine], split: Split, source: Source, streams: Sequence[StreamInfo], stop: threading.Event
) -> None:
    """Until the source is exhausted, the time is over, or `stop` is set. Closes the source then, and where something is
    wrong with it. What breaks a live engine leaves the source open for the next one.

    split: what of the items each engine is given. The source has been started; `streams` is what it named.
    """
    live = engines[0].live
    try:
        for engine, own in _each(engines, split, [StreamUp(info) for info in streams]):
            engine.announce(own)
        _loop(engines, split, source, stop)
    except Exception as error:
        if live is None or isinstance(error, RtemoError):
            source.stop()
        raise
    source.stop()
    rest: list[Item] = []
    for _ in range(DRAIN_READS):
        if live is None or source.exhausted:
            break
        rest += source.read(0.0)
    for engine, own in _each(engines, split, rest):
        engine.end_with(own)


def _loop(engines: Sequence[TurnedEngine], split: Split, source: Source, stop: threading.Event) -> None:
    live = engines[0].live
    end_s = None if live is None or live.duration_s is None else live.clock() + live.duration_s
    while not (stop.is_set() or source.exhausted):
        wait_s = READ_S
        if end_s is not None and live is not None:
            wait_s = min(READ_S, end_s - live.clock())
            if wait_s <= 0:
                return
        for engine, own in _each(engines, split, source.read(wait_s)):
            engine.step(own)
        for turn in _turns(engines):
            turn()
        if (pause_s := min(engine.pause_s for engine in engines)) > 0.0:
            stop.wait(pause_s)


def _each(
    engines: Sequence[TurnedEngine], split: Split, items: Sequence[Item]
) -> Iterator[tuple[TurnedEngine, Sequence[Item]]]:
    """The engines, each with what of the items it is given."""
    return zip(engines, split(items), strict=True)


def _turns(engines: Sequence[TurnedEngine]) -> list[Callable[[], None]]:
    """What else is to be done once a read."""
    asked = (engine.live.each_turn if engine.live is not None else None for engine in engines)
    return [turn for turn in asked if turn is not None]
