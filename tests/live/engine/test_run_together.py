"""The loop that turns engines: what each is given, what is done once a read, how long nothing is read."""

from __future__ import annotations

import threading

import pytest

from rtemo.core.types import StreamInfo, StreamUp
from rtemo.live.engine.run_together import READ_S, LiveOptions, run_together

EEG = StreamInfo("e", "Amp", "EEG", "float32", 250.0, ())


class Turned:
    """An engine that notes what it is given."""

    def __init__(self, live=None, pause_s=0.0):
        self.live, self.pause_s, self.log = live, pause_s, []

    def announce(self, items):
        self.log.append(("announce", *items))

    def step(self, items):
        self.log.append(("step", *items))

    def end_with(self, rest):
        self.log.append(("end", *rest))


class Source:
    """Gives one item a read."""

    def __init__(self, *items):
        self.items, self.stopped = list(items), False

    @property
    def exhausted(self):
        return not self.items

    def read(self, _timeout_s):
        return [self.items.pop(0)]

    def stop(self):
        self.stopped = True


class Stop(threading.Event):
    """Never waits, and notes for how long it was to."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, timeout=None):
        self.waits.append(timeout)
        return self.is_set()


def halves(items):
    """To the first engine what is of one kind, to the second what is of the other."""
    return [[item for item in items if item == "a"], [item for item in items if item != "a"]]


def test_each_engine_is_given_its_own():
    first, second = Turned(), Turned()
    run_together([first, second], halves, Source("a", "b"), [EEG], Stop())
    assert first.log == [("announce",), ("step", "a"), ("step",), ("end",)]
    assert second.log == [("announce", StreamUp(EEG)), ("step",), ("step", "b"), ("end",)]


@pytest.mark.parametrize("lists", [0, 2])
def test_a_list_too_few_or_too_many_is_a_mistake_and_closes_a_recording(lists):
    source = Source("a")
    with pytest.raises(ValueError, match="zip"):
        run_together([Turned()], lambda _items: [[]] * lists, source, [EEG], Stop())
    assert source.stopped


def test_each_engines_turn_is_taken_once_a_read():
    turns = []
    engines = [
        Turned(LiveOptions(lambda: 0.0, each_turn=lambda: turns.append("first"))),
        Turned(LiveOptions(lambda: 0.0)),
        Turned(LiveOptions(lambda: 0.0, each_turn=lambda: turns.append("third"))),
    ]
    run_together(engines, lambda items: [items] * 3, Source("a", "b"), [], Stop())
    assert turns == ["first", "third"] * 2


@pytest.mark.parametrize(
    ("pauses_s", "waits"), [((0.03, 0.02), [0.02, 0.02]), ((0.03, 0.0), []), ((0.5, 0.5), [0.5, 0.5])]
)
def test_nothing_is_read_for_as_long_as_no_engine_needs_it(pauses_s, waits):
    stop = Stop()
    engines = [Turned(LiveOptions(lambda: 0.0), pause_s) for pause_s in pauses_s]
    run_together(engines, lambda items: [items] * 2, Source("a", "b"), [], stop)
    assert stop.waits == waits


def test_a_stop_is_noticed_within_a_tenth_of_a_second():
    assert READ_S == 0.1
    assert LiveOptions(lambda: 0.0).max_wait_s == 0.25
