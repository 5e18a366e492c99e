from __future__ import annotations

import itertools
import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.windows import Grid
from rtemo.live.engine.model_pace import WINDOWS, LivePace, ModelPace, decided_of
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


def changes(pace, seconds, waited_s=0.0):
    """By the number of the window, from 1."""
    took = ((n, pace.took(one, 1, waited_s)) for n, one in enumerate(seconds, 1))
    return {n: change for n, change in took if change is not None}


@pytest.mark.parametrize(
    ("hop_s", "seconds", "first"),
    [
        (0.25, 0.5, 5),  # four took 2 s together, and five are the fewest
        (0.125, 0.25, 8),  # 2 s together
        (0.125, 0.2421875, 9),  # eight took 1.9375 s
        (0.03125, 0.046875, WINDOWS),  # 1.875 s
    ],
)
def test_the_pace_is_known_after_forty_windows_or_five_that_took_two_seconds(hop_s, seconds, first):
    found = changes(ModelPace(hop_s), [seconds] * first)
    assert list(found) == [first]
    assert found[first].goes_on
    assert found[first].text == (
        f"the model is slower than the hop: a window takes {1e3 * seconds:.0f} ms, the hop is {1e3 * hop_s:.0f} ms; "
        f"one of {found[first].every} windows is decided, one in {found[first].every * hop_s:g} s, the others are "
        "skipped (a longer hop, or a faster model: rtemo bench --model)"
    )


def test_a_faster_pace_is_tried_forty_windows_after_the_last_change_and_not_before():
    """Of eight windows of 125 ms one is decided, and each takes 125 ms: one of two is 80 % of 250 ms or less."""
    pace = ModelPace(0.125, every=8)
    found = changes(pace, [0.125] * 40 + [2.0**-10] * 40)
    assert list(found) == [40, 80]
    assert [(one.every, one.goes_on) for one in found.values()] == [(2, False), (1, False)]
    assert found[40].text == (
        "the model is faster: a window takes 125 ms; one of 2 windows is decided, one in 0.25 s, the others are skipped"
    )
    assert found[80].text == "the model keeps up again: a window takes 1 ms; every window is decided"


@pytest.mark.parametrize(("waited_s", "behind"), [(3.0, False), (3.001, True)])
def test_a_window_that_waited_two_seconds_beyond_its_turn_has_those_skipped_that_wait(waited_s, behind):
    """Every second window of 0.5 s: its turn comes after 1 s."""
    found = changes(ModelPace(0.5, every=2), [0.4375] * 40, waited_s)
    if not behind:
        assert found == {}
        return
    assert list(found) == list(range(5, 41))
    assert {(one.every, one.goes_on) for one in found.values()} == {(2, True)}
    assert found[5].text == (
        "the session fell behind: windows are skipped up to now; one of 2 windows is decided, one in 1 s, the others "
        "are skipped"
    )


@pytest.mark.parametrize(("waited_s", "every"), [(0.0, None), (10.0, 2)])
def test_few_very_long_windows_count_where_windows_wait(waited_s, every):
    """8 of 1 s and 32 of 1/64 s: without the longest 7.5 s in 39 windows, 192 ms; 80 % of 250 ms are more."""
    found = changes(ModelPace(0.125), [0.015625, 0.015625, 0.015625, 0.015625, 1.0] * 8, waited_s)
    if every is None:
        assert found == {}
        return
    assert {n: one.every for n, one in found.items()} == {40: every}
    assert "a window takes 192 ms," in found[40].text


def test_few_very_long_windows_say_nothing_before_forty_are_known():
    assert changes(ModelPace(0.125), [0.0, 0.0, 0.0, 1.5, 1.5], waited_s=10.0) == {}


@pytest.mark.parametrize(("seconds", "every"), [(0.1, 1), (0.15, 2), (0.17, 3)])
def test_of_how_many_windows_one_would_be_decided(seconds, every):
    assert decided_of([seconds] * WINDOWS, 0.1) == every  # 80 % of 0.2 s are 0.16 s


def skipping(every, takes_s):
    """A session that is taken up: of so many windows one is decided, by what was stated before."""
    session = Session(lambda _: takes_s)
    session.skipped.add(WindowsSkipped(FIRST * HOP_S - 1.0, FIRST * HOP_S - 1.0, every, HOP_S, "ours"))
    session.pace = LivePace(
        session, lambda: session.time_s, lambda: session.time_s, lambda change, note: session.notes.append(note)
    )
    return session


def test_a_session_that_is_taken_up_goes_on_at_its_pace():
    assert skipping(2, 0.1).run(100).notes == []  # every second window in 0.2 s
    assert [note.every for note in skipping(3, 0.1).run(150).notes] == [2]


@pytest.mark.parametrize("arrived_s", [math.nan, FIRST * HOP_S])
def test_a_window_that_is_decided_at_once_has_not_waited(arrived_s):
    """Nor has one of which it is not known when its samples came."""
    session = skipping(2, 0.1)
    for n in range(50):
        session.time_s = arrived_s if math.isfinite(arrived_s) else 5.0
        session.pace.begins(arrived_s)
        session.time_s += 0.1
        session.decided((FIRST + 2 * n) / 10)
    assert session.notes == []


@pytest.mark.parametrize(("arrived_s", "resumes_s"), [(math.nan, 1000.45), (1003.0, 1000.9), (1004.0, 1000.45)])
def test_a_change_holds_from_half_a_hop_after_the_window_that_showed_it(arrived_s, resumes_s):
    """It is decided at 1003.5 s, and ends at 1000.4 s: as late as its samples are old, so late is what is skipped."""

    session = Session(lambda _: 0.0)
    for n in range(5):
        session.pace.begins(arrived_s)
        session.time_s += 0.7
        session.decided((FIRST + n) / 10)
    (note,) = session.notes
    assert (note.from_s, note.resumes_s) == (pytest.approx(1000.45), pytest.approx(resumes_s))
    assert note.every == 9  # 700 ms are less than 80 % of 900


def test_a_window_that_takes_just_the_hop_is_not_too_slow():
    assert changes(ModelPace(0.125), [0.125] * 80) == {}
    assert list(changes(ModelPace(0.125), [0.1259765625] * 16)) == [16]  # 2.016 s together


@pytest.mark.parametrize(("seconds", "every"), [(0.0751, None), (0.0749, 1)])
def test_more_windows_are_decided_again_where_one_takes_less_than_sixty_per_cent(seconds, every):
    """Of two windows of 125 ms one is decided: 60 % of 125 ms are 75 ms."""
    found = changes(ModelPace(0.125, every=2), [seconds] * 40)
    assert {n: one.every for n, one in found.items()} == ({} if every is None else {40: every})


def test_windows_that_are_done_together_share_their_time():
    pace = ModelPace(0.125)
    change = pace.took(0.25 * 400, 400)
    assert (change.every, change.text.split(";")[0]) == (
        3, "the model is slower than the hop: a window takes 250 ms, the hop is 125 ms",
    )  # fmt: skip
    assert len(pace._seconds) == WINDOWS


@pytest.mark.parametrize(("every", "slow"), [(1, False), (2, True)])
def test_windows_are_skipped_where_not_every_one_is_decided(every, slow):
    assert ModelPace(0.125, every=every).too_slow is slow
