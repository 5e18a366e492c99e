"""Where a replay's head stands, what it shows and what is refused; on an analysis and a clock that a test sets."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.live.replay import player as module
from rtemo.live.replay.player import Replay
from rtemo.live.service.feed import SAMPLES_S
from rtemo.model.explain import Explanation
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.stream_choice import StreamQuery


class View:
    """What was found: of each kind the part that is asked for."""

    def __init__(self):
        self.events, self.predictions, self.windows = [], ["p1", "p2"], {}

    def window_at(self, time_s):
        ends = [end_s for end_s in self.windows if end_s <= time_s]
        return self.windows[max(ends)] if ends else None

    def _part(self, kind):
        return lambda after_s, until_s: [(kind, after_s, until_s)]

    def __getattr__(self, name):
        if name in ("eeg", "gaze"):
            return lambda after_s, until_s: (name, after_s, until_s)
        return self._part(name)


class Analysis:
    """A minute from 100 s on, of two participants."""

    failing = None  # what opening or reading raises

    def __init__(self, path, setup, roles=None, participant=""):
        if self.failing is not None:
            raise self.failing
        self.path, self.setup, self.asked = path, setup, (roles, participant)
        self.first_s, self.last_s, self.ready_s, self.done = 100.0, 160.0, 160.0, True
        self.participants, self.participant = ("P01", "P02"), participant or "P01"
        self.pins, self.left_out = {}, {}
        self.roles = roles or SimpleNamespace(pin=self.pins.__setitem__, leave_out=self._leave_out)
        self.refused, self.view, self.worked, self.closed = {}, View(), [], 0
        self.statuses = (
            SimpleNamespace(stream_id="e", name="Amp", type="EEG", source_id="s1", hostname="h1"),
            SimpleNamespace(stream_id="g", name="Tracker", type="Gaze", source_id="", hostname=""),
        )
        opened.append(self)

    def _leave_out(self, label, *, out):
        self.left_out[label] = out

    def work(self, seconds):
        self.worked.append(seconds)
        if self.failing is not None:
            raise self.failing

    def close(self):
        self.closed += 1

    def stream_statuses(self):
        return self.statuses

    def channel_statuses(self, time_s):
        return ("channels", time_s)

    def model_at(self, end_s):
        return f"model at {end_s}"


class Explaining:
    """Takes what it is asked where it has `room`."""

    def __init__(self, bundle):
        self.bundle, self.asked, self.room, self.found, self.closed = bundle, [], True, [], 0

    def ask(self, window, model):
        self.asked.append((window.end_s, model))
        return self.room

    def newest(self):
        found, self.found = self.found, []
        return found

    def close(self):
        self.closed += 1


class Feed:
    """Notes what it is given."""

    def __init__(self):
        self.got = []

    def __getattr__(self, name):
        return lambda *given: self.got.append((name.removeprefix("put_"), *given))


opened: list[Analysis] = []


class Desk:
    """A replay with all that it touches."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(module, "Analysis", Analysis)
        monkeypatch.setattr(module, "Explaining", Explaining)
        monkeypatch.setattr(Analysis, "failing", None)
        opened.clear()
        self.now_s, self.feed = 0.0, Feed()
        self.setup = SimpleNamespace(clock=lambda: self.now_s, bundle="bundle")
        self.replay = Replay(self.setup, self.feed)

    def open(self):
        self.replay.do_open_replay("a.xdf")
        self.feed.got.clear()
        return opened[-1]

    def turn(self, after_s=0.0):
        self.now_s += after_s
        return self.replay.turn()

    def shown(self):
        """From where to where events were shown; it is forgotten."""
        found = [given[1][1:] for given in self.feed.got if given[0] == "event"]
        self.feed.got.clear()
        return found


@pytest.fixture
def desk(monkeypatch):
    return Desk(monkeypatch)


def test_nothing_can_be_done_before_a_recording_is_open(desk):
    replay = desk.replay
    assert (replay.active, replay.view(), replay.explanation) == (False, None, {})
    asked = (replay.do_close_replay, replay.do_play, replay.do_hold, replay.turn, replay.stream_statuses,
             replay.channel_statuses, lambda: replay.do_seek(1.0), lambda: replay.do_speed(1.0),
             lambda: replay.do_choose("eeg", ""), lambda: replay.do_exclude("Cz", excluded=True),
             lambda: replay.predictions, lambda: replay.do_show_participant("P01"))  # fmt: skip
    for ask in asked:
        with pytest.raises(RtemoError) as refused:
            ask()
        assert str(refused.value) == "no recording is open; open one"
    replay.close()


def test_a_recording_that_is_opened_plays_from_its_start_at_its_own_speed(desk):
    desk.open()
    desk.replay.do_speed(4.0)
    desk.replay.do_hold()
    desk.replay.do_seek(30.0)
    desk.feed.got.clear()
    desk.replay.do_open_replay("b.xdf")
    first, second = opened
    assert (first.closed, second.closed, desk.replay.active) == (1, 0, True)
    assert (second.path, second.setup, second.asked) == (Path("b.xdf"), desk.setup, (None, ""))
    view = desk.replay.view()
    assert (view.path, view.first_s, view.length_s, view.ready_s) == ("b.xdf", 100.0, 60.0, 60.0)
    assert (view.playing, view.waiting, view.speed) == (True, False, 1.0)
    assert (view.participants, view.participant, view.marks_s.tolist()) == (("P01", "P02"), "P01", [])
    assert desk.replay.position_s == 100.0
    assert desk.feed.got[0] == ("begin_era", 100.0)
    assert desk.shown() == [(-math.inf, 100.0)]


def test_streams_that_were_refused_are_failures_of_the_recording(desk, monkeypatch):
    class Refusing(Analysis):
        def __init__(self, *given):
            super().__init__(*given)
            self.refused = {Modality.EEG: "two fit"}

    monkeypatch.setattr(module, "Analysis", Refusing)
    desk.replay.do_open_replay("a.xdf")
    assert desk.feed.got[-1] == ("event", Event(100.0, EventKind.FAILURE, "open_replay: two fit"))


def test_a_recording_that_cannot_be_opened_leaves_what_is_there(desk, monkeypatch):
    there = desk.open()
    monkeypatch.setattr(Analysis, "failing", RtemoError("no recording"))
    with pytest.raises(RtemoError, match="no recording"):
        desk.replay.do_open_replay("b.xdf")
    assert (there.closed, desk.replay.active, desk.replay.view().path) == (0, True, "a.xdf")


def test_a_recording_that_is_closed_is_gone(desk):
    there = desk.open()
    desk.replay.do_close_replay()
    assert (there.closed, desk.replay.active, desk.feed.got) == (1, False, [("begin_era",)])
    assert desk.replay._explaining.closed == 2  # before it was opened, and now


def test_a_file_that_cannot_be_read_any_more_is_closed(desk, monkeypatch):
    there = desk.open()
    monkeypatch.setattr(Analysis, "failing", RtemoError("the disk is gone"))
    with pytest.raises(RtemoError, match="the disk is gone"):
        desk.turn()
    assert (there.closed, desk.replay.active) == (1, False)


@pytest.mark.parametrize(
    ("first_s", "ready_s", "last_s", "done"),
    [(100.0, 115.0, 160.0, "25%"), (100.0, 100.0, 100.0, "0%")],
)
def test_predictions_are_there_once_everything_is_read(desk, first_s, ready_s, last_s, done):
    there = desk.open()
    assert desk.replay.predictions == ["p1", "p2"]
    there.first_s, there.ready_s, there.last_s, there.done = first_s, ready_s, last_s, False
    with pytest.raises(RtemoError) as refused:
        _ = desk.replay.predictions
    assert str(refused.value) == f"the recording is still being read; {done} are done; try again in a moment"


def test_another_participant_is_shown_at_the_same_place(desk):
    before = desk.open()
    desk.replay.do_seek(20.0)
    desk.replay.do_show_participant("P02")
    assert (before.closed, opened[-1].asked, opened[-1].path) == (1, (None, "P02"), Path("a.xdf"))
    assert desk.replay.position_s == 120.0


@pytest.mark.parametrize(
    ("participants", "found"), [(("P01", "P02"), "P01, P02"), ((), "nobody is told apart from others")]
)
def test_a_participant_who_is_not_in_it_is_refused(desk, participants, found):
    desk.open().participants = participants
    with pytest.raises(RtemoError) as refused:
        desk.replay.do_show_participant("P09")
    assert str(refused.value) == f"there is no participant 'P09'; found {found}; name one of them"


@pytest.mark.parametrize(("position_s", "place_s"), [(-5.0, 100.0), (0.0, 100.0), (30.0, 130.0), (60.1, 160.0)])
def test_the_head_stays_within_the_recording(desk, position_s, place_s):
    desk.open()
    desk.replay.do_seek(position_s)
    assert desk.replay.position_s == place_s
    assert desk.feed.got[0] == ("begin_era", place_s)
    assert desk.shown() == [(-math.inf, place_s)]


def test_the_head_moves_with_the_clock_and_shows_what_lies_between(desk):
    desk.open()
    desk.turn(2.0)
    assert desk.replay.position_s == 102.0
    assert desk.feed.got == [
        ("event", ("events_between", 100.0, 102.0)),
        ("prediction", ("predictions_between", 100.0, 102.0)),
        ("eeg", ("eeg", 100.0, 102.0)),
        ("gaze", ("gaze", 100.0, 102.0)),
        ("trace", ("traces", 100.0, 102.0)),
        ("gaze_events", [("gaze_events_between", 100.0, 102.0)]),
        ("set_position", 102.0),
    ]
    desk.feed.got.clear()
    desk.replay.do_speed(0.5)
    desk.turn(3.0)
    assert desk.shown() == [(102.0, 102.0), (102.0, 103.5)]


def test_samples_are_shown_of_the_last_seconds_only(desk):
    desk.open()
    desk.replay.do_seek(60.0)
    shown = {given[0]: given[1] for given in desk.feed.got}
    assert shown["event"][1:] == shown["prediction"][1:] == (-math.inf, 160.0)
    assert shown["eeg"][1:] == shown["gaze"][1:] == shown["trace"][1:] == (160.0 - SAMPLES_S, 160.0)
    assert shown["gaze_events"][0][1:] == (160.0 - SAMPLES_S, 160.0)


def test_the_head_waits_where_not_everything_is_known_and_stops_at_the_end(desk):
    there = desk.open()
    there.ready_s = 101.0
    desk.turn(2.0)
    assert (desk.replay.position_s, desk.replay.view().playing) == (101.0, True)
    there.ready_s = 100.5  # it never goes back
    desk.turn(1.0)
    assert desk.replay.position_s == 101.0
    there.ready_s = 160.0
    desk.turn(1.0)  # no time that it stood still is made up for
    assert desk.replay.position_s == 102.0
    desk.turn(58.0)
    assert (desk.replay.position_s, desk.replay.view().playing) == (160.0, False)
    desk.replay.do_play()
    assert (desk.replay.position_s, desk.replay.view().playing) == (100.0, True)


def test_a_place_that_is_not_known_yet_is_waited_for(desk):
    there = desk.open()
    there.ready_s = 129.9
    desk.replay.do_seek(30.0)
    assert desk.shown() == []
    assert desk.replay.view().waiting
    desk.turn(5.0)
    desk.replay.do_speed(2.0)
    desk.replay.do_hold()
    desk.replay.do_play()
    assert (desk.shown(), desk.replay.position_s) == ([], 130.0)
    there.ready_s = 130.0
    desk.turn(5.0)
    assert desk.shown() == [(-math.inf, 130.0)]
    assert not desk.replay.view().waiting
    there.ready_s = 160.0
    desk.turn(1.0)
    assert desk.replay.position_s == 132.0


def test_a_held_head_stands_where_it_was_when_it_was_held(desk):
    desk.open()
    desk.now_s += 2.0
    desk.replay.do_hold()
    assert (desk.replay.position_s, desk.replay.view().playing) == (102.0, False)
    desk.turn(5.0)
    desk.replay.do_play()
    desk.turn(1.0)
    assert desk.replay.position_s == 103.0


def test_a_speed_counts_from_when_it_was_asked_for(desk):
    desk.open()
    desk.now_s += 2.0
    desk.replay.do_speed(4.0)
    assert (desk.replay.position_s, desk.replay.view().speed) == (102.0, 4.0)
    desk.turn(1.0)
    assert desk.replay.position_s == 106.0


@pytest.mark.parametrize(("factor", "taken"), [(0.25, True), (32.0, True), (0.249, False), (32.1, False)])
def test_how_fast_a_replay_may_run(desk, factor, taken):
    desk.open()
    if taken:
        desk.replay.do_speed(factor)
        assert desk.replay.view().speed == factor
        return
    with pytest.raises(RtemoError) as refused:
        desk.replay.do_speed(factor)
    assert str(refused.value) == f"a replay runs 0.25 to 32 times as fast; found {factor:g}"
    assert desk.replay.view().speed == 1.0


def test_a_stream_is_chosen_for_a_part_or_left_to_the_rules(desk):
    first = desk.open()
    desk.replay.do_seek(10.0)
    desk.replay.do_choose("eeg", "e")
    assert first.pins == {Modality.EEG: StreamQuery("Amp", "EEG", "s1", "h1")}
    assert (first.closed, opened[-1].asked, opened[-1].path) == (1, (first.roles, ""), Path("a.xdf"))
    assert desk.replay.position_s == 110.0
    desk.replay.do_choose("eeg", "")
    assert first.pins == {Modality.EEG: None}
    assert len(opened) == 3


@pytest.mark.parametrize(
    ("role", "stream_id", "text"),
    [
        ("ecg", "e", f"there is no role 'ecg'; the roles are {', '.join(part.value for part in Modality)}"),
        ("eeg", "x", "there is no stream 'x'; choose one of the list"),
    ],
)
def test_what_cannot_be_chosen_is_refused(desk, role, stream_id, text):
    desk.open()
    with pytest.raises(RtemoError) as refused:
        desk.replay.do_choose(role, stream_id)
    assert str(refused.value) == text
    assert len(opened) == 1


@pytest.mark.parametrize("excluded", [True, False])
def test_a_channel_is_left_out_and_everything_read_again(desk, excluded):
    first = desk.open()
    desk.replay.do_exclude("Cz", excluded=excluded)
    assert (first.left_out, len(opened)) == ({"Cz": excluded}, 2)


def test_how_long_the_next_turn_may_wait(desk):
    there = desk.open()
    there.done = False
    assert desk.turn() == 0.0
    there.done = True
    assert desk.turn() == 0.02
    desk.replay.do_hold()
    assert desk.turn() == 0.1
    assert there.worked == [0.02] * 3


def test_what_lies_open_is_asked_where_the_head_stands(desk):
    there = desk.open()
    desk.replay.do_seek(7.0)
    assert desk.replay.channel_statuses() == ("channels", 107.0)
    assert desk.replay.stream_statuses() is there.statuses
    desk.replay.close()
    assert (there.closed, desk.replay.active) == (1, False)


@pytest.mark.parametrize(("n", "step"), [(1000, 1), (1001, 2), (2000, 2), (2001, 3)])
def test_at_most_a_thousand_marks_are_on_the_timeline(desk, n, step):
    there = desk.open()
    kinds = (EventKind.MARKER, EventKind.ANNOTATION)
    there.view.events = [Event(100.0 + k, kinds[k % 2], "x") for k in range(n)] + [Event(1.0, EventKind.NOTE, "x")]
    assert desk.replay.view().marks_s.tolist() == [float(k) for k in range(0, n, step)]


def test_the_window_at_the_head_is_explained_once(desk):
    there = desk.open()
    explaining = desk.replay._explaining
    assert explaining.bundle == "bundle"
    desk.turn()
    assert explaining.asked == []  # there is none
    there.view.windows = {104.0: SimpleNamespace(end_s=104.0), 105.0: SimpleNamespace(end_s=105.0)}
    explaining.room = False
    desk.turn(4.0)
    explaining.room = True
    desk.turn(0.5)
    desk.turn(0.25)
    assert explaining.asked == [(104.0, "model at 104.0")] * 2
    explaining.found = [Explanation(103.0, "sad", {"gaze": 0.9}), Explanation(104.0, "sad", {"eeg": 0.123456})]
    desk.turn()
    assert desk.replay.explanation == {"eeg": 0.1235}
    desk.turn(0.25)
    assert explaining.asked[2:] == [(105.0, "model at 105.0")]
    explaining.found = [Explanation(104.0, "sad", {"gaze": 0.5})]  # late
    desk.turn()
    assert desk.replay.explanation == {"eeg": 0.1235}
    desk.replay.do_seek(4.5)
    assert desk.replay.explanation == {}
    desk.turn()
    assert explaining.asked[3:] == [(104.0, "model at 104.0")]
