"""An output that is slow or broken drops, counts and says so; it holds up nobody, and is tried again."""

from __future__ import annotations

import errno
import os
import threading
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from hand_fed import wait_for
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.live.output import output_queue
from rtemo.live.output.output_queue import OutputQueue, OutputState, close_all

pytestmark = pytest.mark.usefixtures("quick_retries")


class Place:
    """Where entries go: fails as long as it is told to, stands still while its gate is shut."""

    def __init__(self, error: Exception | None = None, **options) -> None:
        self.error = error
        self.got: list[int] = []
        self.told: list[tuple[OutputState, str]] = []
        self.tried = 0
        self.gate = threading.Event()
        self.gate.set()
        self.queue = OutputQueue("a place", self.write, self.close, self.tell, **options)
        self.closed = 0

    def write(self, entry: int) -> None:
        self.tried += 1
        assert self.gate.wait(30)
        if self.error is not None:
            raise self.error
        self.got.append(entry)

    def close(self) -> None:
        self.closed += 1

    def tell(self, status) -> None:
        self.told.append((status.state, status.error))


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_entries_are_written_in_their_order_and_counted():
    place = Place()
    for entry in range(1000):
        place.queue.put(entry)
    place.queue.close()
    assert place.got == list(range(1000))
    status = place.queue.status()
    assert (status.state, status.n_written, status.n_dropped, status.error) == (OutputState.CLOSED, 1000, 0, "")
    assert (place.told, place.closed) == ([], 1)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FULL, "No space left on device"),
        (OSError(errno.EACCES, "Permission denied", "/data/x"), "/data/x: Permission denied"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Broken pipe"),
        (OSError("no number"), "OSError: no number"),
    ],
)
def test_a_broken_output_is_told_once_tried_again_and_loses_nothing_that_it_has_room_for(error, said):
    place = Place(error)
    for entry in range(5):
        place.queue.put(entry)
    wait_for(lambda: place.tried > 3)
    assert place.told == [(OutputState.FAILED, said)]
    status = place.queue.status()
    assert (status.state, status.error, status.n_written, status.n_dropped, status.n_waiting) == (
        OutputState.FAILED,
        said,
        0,
        0,
        5,
    )
    assert status.for_good == isinstance(error, BrokenPipeError)
    place.error = None
    wait_for(lambda: len(place.got) == 5)
    place.queue.close()
    assert place.got == list(range(5))
    assert place.told == [(OutputState.FAILED, said), (OutputState.WORKING, "")]
    assert place.queue.status().n_written == 5
    assert not place.queue.status().for_good


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("half\na thing"), "ValueError: half a thing"),
        (RtemoError("it exists already", "found x"), "it exists already; found x"),
    ],
)
def test_an_entry_that_is_at_fault_is_dropped_and_the_next_are_written(error, said):
    place = Place(error)
    place.queue.put(0)
    wait_for(lambda: place.queue.status().n_dropped == 1)
    place.error = None
    place.queue.put(1)
    wait_for(lambda: place.got == [1])
    place.queue.close()
    assert place.told == [(OutputState.FAILED, said), (OutputState.WORKING, "")]
    assert (place.queue.status().n_written, place.queue.status().n_dropped) == (1, 1)


def test_an_output_that_takes_nothing_holds_up_nobody_and_keeps_the_newest(monkeypatch):
    place = Place(limit=10)
    place.gate.clear()
    states = []
    write = place.queue._write_entry
    place.queue._write_entry = lambda entry: (states.append(place.queue.status().state), write(entry))
    place.queue.put(0)
    wait_for(lambda: place.tried == 1)
    for entry in range(1, 101):
        place.queue.put(entry)  # would never return
    status = place.queue.status()
    assert (status.state, status.n_dropped, status.n_waiting) == (OutputState.BEHIND, 90, 11)
    assert place.told == [(OutputState.BEHIND, output_queue.SLOW)]
    place.gate.set()
    wait_for(lambda: len(place.got) == 11)
    wait_for(lambda: len(place.told) == 2)
    place.queue.close()
    assert place.got == [0, *range(91, 101)]
    assert states[1:] == [OutputState.BEHIND] * 10  # until nothing waits
    assert place.told[-1] == (OutputState.WORKING, "")


def test_an_output_is_behind_when_it_has_had_an_entry_for_long_though_there_is_room(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(output_queue.time, "monotonic", lambda: now[0])
    place = Place()
    place.gate.clear()
    place.queue.put(0)
    while place.tried < 1:
        time.sleep(0.001)
    assert place.queue.status().state is OutputState.WORKING
    now[0] = 1.5
    assert place.queue.status().state is OutputState.BEHIND
    assert place.told == []
    place.queue.put(1)
    assert place.told == [(OutputState.BEHIND, output_queue.SLOW)]
    place.gate.set()
    place.queue.close()
    assert place.got == [0, 1]


def test_the_end_is_bounded_and_what_was_not_written_is_counted():
    stuck, broken, sound = Place(), Place(FULL), Place()
    stuck.gate.clear()
    for place in (stuck, broken, sound):
        for entry in range(5):
            place.queue.put(entry)
    begun_s = time.monotonic()
    close_all([stuck.queue, broken.queue, sound.queue], 0.3)
    assert time.monotonic() - begun_s < 2.0
    states = [(s.state, s.n_written, s.n_dropped) for s in (p.queue.status() for p in (stuck, broken, sound))]
    assert states == [(OutputState.BEHIND, 0, 5), (OutputState.FAILED, 0, 5), (OutputState.CLOSED, 5, 0)]
    stuck.gate.set()  # should it ever come back, nothing changes
    assert stuck.queue._thread is not None
    stuck.queue._thread.join(30)
    assert (stuck.queue.status().n_written, stuck.queue.status().n_dropped) == (0, 5)
    for place in (stuck, broken, sound):
        place.queue.put(9)
        assert place.queue.status().n_dropped in (1, 6)
        place.queue.close()


def test_an_output_that_cannot_be_closed_has_failed():
    place = Place()
    place.queue = OutputQueue("a place", place.write, lambda: 1 // 0)
    place.queue.put(1)
    place.queue.close()
    assert place.queue.status().state is OutputState.FAILED
    assert "ZeroDivisionError" in place.queue.status().error


def test_whoever_is_told_may_fail_and_may_put():
    told = []

    def tell(status):
        told.append(status.state)
        place.queue.put(7)
        raise ValueError("not my day")

    place = Place(FULL)
    place.queue = OutputQueue("a place", place.write, None, tell)
    place.queue.put(1)
    wait_for(lambda: told == [OutputState.FAILED])
    place.error = None
    wait_for(lambda: 7 in place.got)
    place.queue.close()
    assert place.got[:2] == [1, 7]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["put", "put", "full", "at fault", "mended", "wait"]), max_size=30), st.integers(1, 5))
def test_every_entry_is_written_once_in_order_or_counted(steps, limit):
    place = Place(limit=limit)
    n = 0
    for step in steps:
        match step:
            case "put":
                place.queue.put(n)
                n += 1
            case "full":
                place.error = FULL
            case "at fault":
                place.error = ValueError("no")
            case "mended":
                place.error = None
            case _:
                wait_for(lambda: place.queue.status().n_waiting == 0 or place.error is FULL)
    place.queue.close()
    status = place.queue.status()
    assert status.n_written == len(place.got)
    assert status.n_written + status.n_dropped == n
    assert place.got == sorted(set(place.got))
    told = [state for state, _ in place.told]
    assert all(a is not b for a, b in pairwise(told))  # once per change


def test_what_was_never_written_is_dropped_once_and_does_not_wait_any_more():
    place = Place(FULL)
    for entry in range(3):
        place.queue.put(entry)
    place.queue.close()
    status = place.queue.status()
    assert (status.state, status.n_written, status.n_dropped, status.n_waiting) == (OutputState.FAILED, 0, 3, 0)


def test_it_is_behind_once_an_entry_finds_no_room_and_not_before():
    place = Place(limit=3)
    place.gate.clear()
    place.queue.put(0)
    wait_for(lambda: place.tried == 1)  # in hand: it takes no room
    for entry in (1, 2, 3):
        place.queue.put(entry)
    status = place.queue.status()
    assert (status.state, status.n_dropped, status.n_waiting) == (OutputState.WORKING, 0, 4)
    place.queue.put(4)
    status = place.queue.status()
    assert (status.state, status.n_dropped, status.n_waiting) == (OutputState.BEHIND, 1, 4)
    place.gate.set()
    place.queue.close()
    assert place.got == [0, 2, 3, 4]


@pytest.mark.parametrize(("after_s", "state"), [(1.0, OutputState.WORKING), (1.01, OutputState.BEHIND)])
def test_more_than_a_second_with_one_entry_is_behind(monkeypatch, after_s, state):
    place, now = Place(), [0.0]
    place.gate.clear()
    place.queue.put(0)
    wait_for(lambda: place.tried == 1)
    monkeypatch.setattr(output_queue, "time", SimpleNamespace(monotonic=lambda: now[0]))
    place.queue._since_s, now[0] = 0.0, after_s
    assert place.queue.status().state is state
    place.gate.set()
    place.queue.close()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EACCES, "Permission denied", "a place"), "Permission denied"),  # its name is known
        (OSError(errno.EACCES, "Permission denied", "other"), "other: Permission denied"),
        (ValueError("x" * 600), "ValueError: " + "x" * 488),
    ],
)
def test_what_went_wrong_is_one_line_of_five_hundred_characters_at_most(error, text):
    place = Place(error)
    place.queue.put(0)
    place.queue.close()
    assert place.queue.status().error == text
