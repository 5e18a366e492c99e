from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.windows import Grid
from rtemo.live.engine.model_pace import WINDOWS, LivePace, ModelPace
from rtemo.model.personal.session_notes import WindowsSkipped
from rtemo.model.skipped_windows import SkippedWindows


def test_a_model_slower_than_the_hop_is_told_once_and_its_end_too():
    pace = ModelPace(0.1)
    assert [pace.took(0.05, 1) for _ in range(WINDOWS)] == [None] * WINDOWS
    told = [change.text for _ in range(3 * WINDOWS) if (change := pace.took(0.15, 1))]
    assert len(told) == 1
    assert "slower than the hop: a window takes 150 ms, the hop is 100 ms" in told[0]
    assert pace.too_slow
    told = [change.text for _ in range(3 * WINDOWS) if (change := pace.took(0.01, 1))]
    assert len(told) == 1
    assert "keeps up again" in told[0]
    assert not pace.too_slow


def test_one_slow_window_or_many_at_once_are_no_slow_model():
    pace = ModelPace(0.1)
    for i in range(3 * WINDOWS):
        assert pace.took(1.0 if i % 10 == 0 else 0.02, 1) is None
    assert pace.took(2.0, 40) is None  # 50 ms each, after a pause


def test_a_model_that_takes_seconds_is_told_after_a_few_windows():
    pace = ModelPace(0.1)
    told = [change.text for _ in range(6) if (change := pace.took(0.7, 1))]
    assert len(told) == 1
    assert "a window takes 700 ms" in told[0]


def test_slow_windows_at_a_sessions_begin_are_no_slow_model():
    pace = ModelPace(0.1)
    assert pace.took(3.0, 1) is None
    assert [pace.took(0.02, 1) for _ in range(2 * WINDOWS)] == [None] * 2 * WINDOWS


def test_few_windows_that_take_very_long_count_where_the_session_falls_behind_by_them():
    """Most windows are fast, and all of them together are not: the mean decides once windows wait."""
    numbers = itertools.count()
    session = Session(lambda _: 2.0 if next(numbers) % 10 == 0 else 0.02).run(2000)
    assert len(session.notes) <= 6
    assert session.skipped.every == 3  # 218 ms are less than 80 % of 300


HOP_S, FIRST = 0.1, 10_000  # windows are numbered on the grid of LSL time


class Session:
    """A model that takes `takes_s(number)` for a window, on windows that come with the time that passes."""

    def __init__(self, takes_s, engines=1):
        self.time_s, self.takes_s, self.notes, self.delays = FIRST * HOP_S, takes_s, [], {}
        self.pipeline = SimpleNamespace(grid=Grid(200.0, 800, 20, 200))
        self.skipped, self.decided = SkippedWindows(), lambda _: None
        self.pace = LivePace(
            self, lambda: self.time_s, lambda: self.time_s, lambda _change, note: self.notes.append(note), engines
        )

    def note(self, note, _time_s):
        self.skipped.add(note)

    def model_at(self, _end_s):
        return SimpleNamespace(fingerprint="ours")

    def run(self, windows):
        """What is there is taken in at once, as an engine does that was busy."""
        number = FIRST
        while number < FIRST + windows:
            self.time_s = max(self.time_s, number / 10)
            there = range(number, min(math.floor(self.time_s / HOP_S + 1e-6) + 1, FIRST + windows))
            self.pace.begins(number / 10)
            for one in there:
                if not self.skipped.skips(one / 10):
                    self.time_s += self.takes_s(one)
                    self.delays[one] = self.time_s - one / 10
                    self.decided(one / 10)
            number = there[-1] + 1
        return self


def as_replayed(notes, windows):
    """The windows that a replay decides, which knows all that was stated from the start."""
    skipped = SkippedWindows()
    for note in notes:
        skipped.add(note)
    return [one for one in range(FIRST, FIRST + windows) if not skipped.skips(one / 10)]


@settings(deadline=None, max_examples=50)
@given(st.floats(0.02, 30.0), st.floats(0.0, 0.08), st.randoms(use_true_random=False))
def test_a_model_of_any_pace_settles_on_the_smallest_multiple_of_the_hop_that_it_manages(hops, unsteady, random):
    """hops: what a window takes. From then on it is never late, and the replay decides the very same windows."""

    def takes_s(_number):
        return HOP_S * hops * random.uniform(1.0 - unsteady, 1.0 + unsteady)

    first = 60 * max(1, math.ceil(hops))  # until it is known how long windows take, and what waited is left out
    windows = first + 30 * max(1, math.ceil(hops))
    session = Session(takes_s).run(windows)
    assert list(session.delays) == as_replayed(session.notes, windows)
    every = session.skipped.every
    settled = {number: delay for number, delay in session.delays.items() if number >= FIRST + first}
    assert list(settled) == [n for n in range(FIRST + first, FIRST + windows) if n % every == 0]
    if hops * (1.0 + unsteady) < 0.999:
        assert (every, session.notes) == (1, [])
    elif hops * (1.0 - unsteady) > 1.001:
        least, most = (math.ceil(share * hops / 0.8 - 1e-6) for share in (1.0 - unsteady, 1.0 + unsteady))
        assert least <= every <= most
        assert max(settled.values()) <= HOP_S * (hops * (1.0 + unsteady) + 1e-6)  # decided as soon as it is there
        assert len(session.notes) <= 5


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0.02, 20.0), st.integers(1, 400)), min_size=2, max_size=5))
def test_whatever_the_pace_becomes_the_replay_decides_what_the_session_did(stretches):
    """Times of different pace one after the other, as where a computer gets busy and is free again."""
    lengths = [hops for hops, windows in stretches for _ in range(windows)]
    session = Session(lambda number: HOP_S * lengths[min(number - FIRST, len(lengths) - 1)]).run(len(lengths))
    assert list(session.delays) == as_replayed(session.notes, len(lengths))
    assert [note.from_s for note in session.notes] == sorted(note.from_s for note in session.notes)


def test_windows_that_wait_are_left_out_and_the_newest_are_decided():
    session = Session(lambda _: 0.7).run(200)
    first, *_ = session.notes
    assert (first.every, first.hop_s, first.model) == (9, HOP_S, "ours")
    late = max(delay for number, delay in session.delays.items() if number / 10 <= first.from_s)
    assert first.resumes_s - first.from_s == pytest.approx(late, abs=HOP_S)
    assert [
        delay for number, delay in session.delays.items() if number / 10 > first.resumes_s + 3.0 and delay > 0.71
    ] == []


def test_engines_that_take_turns_share_the_time():
    pace = ModelPace(0.1, engines=4)
    told = [change for _ in range(WINDOWS) if (change := pace.took(0.03, 1))]
    assert [one.every for one in told] == [2]  # 120 ms for all four


def test_a_model_that_becomes_fast_is_given_every_window_again():
    session = Session(lambda number: 0.25 if number < FIRST + 400 else 0.01).run(1200)
    every = [note.every for note in session.notes]
    assert (every[0], every[-1]) == (4, 1)
    assert every == sorted(every, reverse=True)
    assert set(range(FIRST + 1000, FIRST + 1200)) <= set(session.delays)


@pytest.mark.parametrize(
    ("note", "decided"),
    [
        (WindowsSkipped(1000.05, 1000.05, 3, 0.1, "m"), [9998, 9999, 10000, 10002, 10005, 10008]),
        (WindowsSkipped(1000.05, 1000.45, 1, 0.1, "m"), [9998, 9999, 10000, 10005, 10006, 10007, 10008, 10009]),
        (WindowsSkipped(1000.05, 1000.05, 0, 0.1, "m"), list(range(9998, 10010))),  # damaged: counts for nothing
        (WindowsSkipped(1000.05, 1000.05, 10**30, 0.1, "m"), [9998, 9999, 10000]),
    ],
)
def test_what_is_stated_decides_which_windows_are_skipped(note, decided):
    skipped = SkippedWindows()
    skipped.add(note)
    assert [number for number in range(9998, 10010) if not skipped.skips(number / 10)] == decided
