"""The engine's rules one by one, on a predictor that notes what it is given: no model, no network, no real time."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, Modality, StreamDown, StreamInfo, StreamState, StreamUp
from rtemo.core.windows import Grid
from rtemo.live.engine.engine import Engine, LiveOptions
from rtemo.live.engine.run_together import READ_S
from rtemo.model.prediction import Prediction
from rtemo.model.skipped_windows import SkippedWindows
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.recordings.session_stream import EXPLANATION
from rtemo.sources.base import DRAIN_READS

EEG = StreamInfo("e", "Amp", "EEG", "float32", 250.0, (Channel("Fz"),), source_id="s1", hostname="h1")
GAZE = StreamInfo("g", "Tracker", "Gaze", "float32", 60.0, (Channel("x"), Channel("y")))
MARKS = StreamInfo("m", "Paradigm", "Markers", "string", 0.0, (Channel(),))
NUMBERS = StreamInfo("n", "Triggers", "Markers", "int32", 0.0, (Channel(),))
OTHER = StreamInfo("o", "Other", "Misc", "float32", 10.0, (Channel(),))
ROLES = {"e": Modality.EEG, "g": Modality.GAZE, "m": Modality.MARKERS, "n": Modality.MARKERS}


def prediction(time_s, abstain=None):
    halves = {"calm": 0.5, "sad": 0.5}
    return Prediction(time_s, None, halves, halves, (), abstain, 1.0, 1.0, (), 0.0, settled=True, forced=False)


class Pipeline:
    """What the engine asks of one."""

    def __init__(self, log):
        self.grid = Grid(200.0, 800, 50, 200)
        self.newest = None
        self.awaited = {}
        self.found = {}
        self.newest_of, self.given_out_s = {}, -math.inf
        self._log = log

    def awaited_s(self, role):
        return self.awaited.get(role)

    def add_stream(self, info, layout):
        self._log.append(("add", info.stream_id, layout.n))

    def notes(self, role):
        return self.found.get(role, ())

    def given_until_s(self, role):
        return self.given_out_s

    def reached(self, role):
        return self.newest_of.get(role, (-math.inf, 0))


class Predictor:
    """Notes what it is given; `answers` are the predictions to the next calls."""

    eye_unused = ""

    def __init__(self):
        self.log, self.answers = [], []
        self.pipeline = Pipeline(self.log)
        self.skipped = SkippedWindows()

    def _answer(self, *what):
        self.log.append(what)
        return self.answers.pop(0) if self.answers else []

    def push(self, item):
        samples = item.stamps.tolist() if isinstance(item, Chunk) else getattr(item, "offset_s", item)
        return self._answer("push", item.stream_id, samples)

    def expect(self, role, *, expected):
        return self._answer("expect", role, expected)

    def force(self, until_s):
        return self._answer("force", until_s)

    def settle(self):
        return []  # nothing is under way: no network runs behind this one

    def drop(self, stream_id):
        return self._answer("drop", stream_id)

    def flush(self):
        return self._answer("flush")


class Roles:
    """Roles by stream id; a layout is the channel count."""

    def __init__(self, notes=(), left_out=None, misfit=()):
        self.notes, self.left_out, self.misfit = notes, left_out or {}, misfit

    def role_of(self, info):
        return ROLES.get(info.stream_id)

    def layout(self, info, role):
        if info.stream_id in self.misfit:
            raise RtemoError("no channel can be placed", "found 1", "name them")
        return SimpleNamespace(
            n=info.n_channels, notes=self.notes, left_out=self.left_out, auxiliary=None, latency_s=0.0
        )


class Source:
    """Gives lists of items, one a read, and after a stop what it still holds."""

    def __init__(self, reads=(), held=()):
        self.reads, self.held = list(reads), list(held)
        self.stopped, self.timeouts = False, []

    @property
    def exhausted(self):
        return not self.held if self.stopped else not (self.reads or self.held)

    def read(self, timeout_s):
        self.timeouts.append(timeout_s)
        queue = self.held if self.stopped else self.reads
        found = queue.pop(0) if queue else []
        return found() if callable(found) else found

    def stop(self):
        self.stopped = True


class Kept(list):
    put = list.append


def chunk(stream, *stamps, arrived_s=math.nan):
    return Chunk(stream, np.array(stamps, float), np.zeros((len(stamps), 2)), arrived_s)


def marks(stream, *pairs, dtype=object):
    return Chunk(stream, np.array([t for t, _ in pairs], float), np.array([[text] for _, text in pairs], dtype))


class Bench:
    """An engine with all that it touches."""

    def __init__(self, source=None, live=None, roles=None, session_streams=()):
        self.source, self.predictor, self.events = source or Source(), Predictor(), EventLog()
        self.sink = Kept()
        self.engine = Engine(
            self.source, roles or Roles(), self.predictor, self.events, [self.sink], live, session_streams
        )  # fmt: skip

    @property
    def log(self):
        return self.predictor.log

    def told(self, kind=None):
        return [(e.time_s, e.text, e.stream) for e in self.events.events if kind in (None, e.kind)]


def live(now_s=1000.0, **options):
    return LiveOptions(lambda: now_s, **options)


def pushed(bench):
    return [entry[1:] for entry in bench.log if entry[0] == "push"]


def test_after_a_stop_what_the_source_still_holds_is_used():
    held = [[chunk("e", 5.0), chunk("e", 5.004)], [], [chunk("e", 5.008)]]
    stop = threading.Event()
    source = Source([[chunk("e", 4.996)], lambda: stop.set() or []], held)
    bench = Bench(source, live())
    bench.predictor.answers = [[], [], [prediction(5.0)]]
    bench.engine.run([EEG], stop)
    assert [stamp for _, stamps in pushed(bench) for stamp in stamps] == [4.996, 5.0, 5.004, 5.008]
    assert bench.log[-1] == ("flush",)
    assert source.timeouts == [READ_S, READ_S, 0.0, 0.0, 0.0]


def test_a_source_that_never_ends_is_drained_for_so_many_reads_and_no_more():
    stop = threading.Event()
    stop.set()
    source = Source([], [[chunk("e", float(k))] for k in range(1000)])
    bench = Bench(source, live())
    bench.engine.run([EEG], stop)
    assert source.timeouts == [0.0] * DRAIN_READS
    assert [stamp for _, stamps in pushed(bench) for stamp in stamps] == [float(k) for k in range(DRAIN_READS)]


def test_a_replay_that_is_stopped_takes_nothing_more():
    stop = threading.Event()
    stop.set()
    bench = Bench(Source([[chunk("e", 1.0)]], [[chunk("e", 2.0)]]))
    bench.engine.run([EEG], stop)
    assert pushed(bench) == []
    assert bench.source.stopped
    assert bench.log[-1] == ("flush",)


def test_the_last_windows_are_published():
    bench = Bench(Source([[chunk("e", 1.0)]]))
    bench.predictor.answers = [[], [], [prediction(1.0), prediction(1.25, "signal too bad")]]  # expect, push, flush
    bench.engine.run([EEG], threading.Event())
    assert [p.time_s for p in bench.sink] == [1.0, 1.25]
    assert bench.engine.n_predictions == 2
    assert bench.engine.latest.time_s == 1.25
    assert bench.engine.abstained == {"signal too bad": 1}


def test_the_source_is_closed_when_something_fails():
    def fail():
        raise RtemoError("the cable broke")

    bench = Bench(Source([fail]))
    with pytest.raises(RtemoError, match="cable"):
        bench.engine.run([EEG], threading.Event())
    assert bench.source.stopped


@pytest.mark.parametrize("options", [None, live()])
def test_what_breaks_a_live_engine_leaves_the_source_to_the_next_one(options):
    bench = Bench(Source([lambda: 1 / 0]), options)
    with pytest.raises(ZeroDivisionError):
        bench.engine.run([EEG], threading.Event())
    assert bench.source.stopped == (options is None)


def test_the_time_to_run_bounds_how_long_a_read_may_block():
    now = iter([100.0, 100.0, 100.93, 101.0, 101.0, 101.0])
    bench = Bench(Source([[], [], []]), LiveOptions(lambda: next(now), duration_s=1.0))
    bench.engine.run([], threading.Event())
    assert bench.source.timeouts[:2] == [READ_S, pytest.approx(0.07)]
    assert len(bench.source.reads) == 1  # the third read was not made


def test_samples_wait_for_the_end_of_a_window_and_are_joined():
    bench = Bench(live=live())
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.awaited = {Modality.EEG: 10.0}
    bench.engine.step([chunk("e", 9.95)])
    assert pushed(bench) == []
    bench.engine.step([chunk("e", 9.986)])
    assert pushed(bench) == [("e", [9.95, 9.986])]
    bench.engine.step([chunk("e", 9.0)])
    assert pushed(bench) == [("e", [9.95, 9.986])]
    bench.engine.finish()
    assert pushed(bench)[1:] == [("e", [9.0])]


def test_windows_are_forced_once_the_leading_stream_is_far_ahead():
    bench = Bench(live=live(max_wait_s=0.25))
    bench.engine.step([StreamUp(EEG)])
    assert not [entry for entry in bench.log if entry[0] == "force"]  # no sample yet
    bench.predictor.pipeline.newest = 2000  # 10 s
    bench.engine.step([chunk("e", 9.0)])
    assert not [entry for entry in bench.log if entry[0] == "force"]  # nothing was due
    bench.engine.step([ClockOffset("e", 9.0, 0.0)])
    assert [entry for entry in bench.log if entry[0] == "force"] == [("force", 9.75)]


def test_forced_windows_are_published_and_their_last_sample_is_not_known():
    bench = Bench(live=live(1000.0))
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.newest = 2000
    bench.predictor.answers = [[prediction(9.5)], [prediction(9.75)]]  # push, force
    bench.engine.step([ClockOffset("e", 9.0, 0.0)])
    assert [p.time_s for p in bench.sink] == [9.5, 9.75]
    assert math.isnan(bench.engine.arrived_s)


def test_a_prediction_has_its_age_in_live_sessions_and_none_in_a_replay():
    bench = Bench(live=live(10.5))
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.awaited = {Modality.EEG: 9.0}
    bench.predictor.answers = [[prediction(10.25)]]
    bench.engine.step([chunk("e", 10.0, arrived_s=10.4)])
    assert bench.sink[0].latency_ms == pytest.approx(250.0)
    assert bench.engine.arrived_s == 10.4
    replay = Bench()
    replay.engine.step([StreamUp(EEG)])
    replay.predictor.answers = [[prediction(10.25)]]
    replay.engine.step([chunk("e", 10.0)])
    assert replay.sink[0].latency_ms is None


def test_more_outputs_get_the_predictions_from_the_next_one_on():
    bench, second = Bench(), Kept()
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.answers = [[prediction(1.0)], [prediction(1.25)]]
    bench.engine.step([chunk("e", 1.0)])
    bench.engine.add_outputs([second])
    bench.engine.step([chunk("e", 2.0)])
    assert [p.time_s for p in bench.sink] == [1.0, 1.25]
    assert [p.time_s for p in second] == [1.25]


def test_a_stream_that_is_found_is_used_expected_and_an_event():
    bench = Bench(live=live(1000.0), roles=Roles(notes=("taken as microvolts",), left_out={"EXG1": "no position"}))
    assert not bench.engine.started
    bench.engine.step([StreamUp(EEG), StreamUp(OTHER)])
    assert bench.engine.started
    assert bench.log == [("add", "e", 1), ("expect", Modality.EEG, True)]
    assert bench.engine.roles == {Modality.EEG: EEG}
    assert bench.told() == [
        (1000.0, "found: Amp (1 channel, 250 Hz)", "Amp"),
        (1000.0, "taken as microvolts", "Amp"),
        (1000.0, "channel EXG1 left out: no position", "Amp"),
        (1000.0, "found: Other (1 channel, 10 Hz)", "Other"),
    ]
    found = bench.events.events[0]
    assert (found.kind, found.details["role"]) == (EventKind.STREAM_UP, "eeg")
    assert found.details["source_id"] == "s1"
    assert found.details["hostname"] == "h1"
    assert bench.events.events[-1].details["role"] == "none"


def test_a_stream_that_comes_back_unchanged_goes_on_and_with_other_channels_starts_afresh():
    bench = Bench(live=live())
    more = StreamInfo("e", "Amp", "EEG", "float32", 250.0, (Channel("Fz"), Channel("Cz")))
    bench.engine.step([StreamUp(EEG)])
    bench.log.clear()
    bench.engine.step([StreamUp(EEG)])
    assert bench.log == [("expect", Modality.EEG, True)]
    assert bench.told()[-1][1].startswith("back: Amp")
    bench.engine.step([StreamUp(more)])
    assert bench.log[1:] == [("add", "e", 2), ("expect", Modality.EEG, True)]


def test_a_stream_that_is_lost_is_not_waited_for_and_one_that_stalls_is():
    bench = Bench(live=live())
    bench.engine.step([StreamUp(EEG), StreamUp(GAZE)])
    bench.log.clear()
    bench.engine.step([StreamDown("e", StreamState.STALLED, "no sample for 2 s")])
    assert bench.log == []
    bench.engine.step([StreamDown("e", StreamState.LOST, "gone")])
    bench.engine.step([StreamDown("g", StreamState.FAILED, "broken")])
    bench.engine.step([StreamDown("x", StreamState.LOST, "never known")])
    assert bench.log == [("expect", Modality.EEG, False), ("expect", Modality.GAZE, False)]
    assert [text for _, text, _ in bench.told(EventKind.STREAM_DOWN)] == [
        "stalled: no sample for 2 s", "lost: gone", "failed: broken", "lost: never known",
    ]  # fmt: skip
    assert bench.told()[-1][2] == "x"
    assert bench.events.events[-1].details == {"state": "lost"}


def test_a_stream_that_takes_a_role_takes_it_from_the_one_before():
    bench = Bench(live=live())
    second = StreamInfo("e2", "Amp 2", "EEG", "float32", 500.0, (Channel("Fz"),))
    ROLES["e2"] = Modality.EEG
    try:
        bench.engine.step([StreamUp(EEG), StreamUp(second)])
    finally:
        del ROLES["e2"]
    assert bench.engine.roles == {Modality.EEG: second}
    bench.log.clear()
    bench.engine.step([StreamDown("e", StreamState.LOST, "gone")])
    assert bench.log == []


@pytest.mark.parametrize(
    ("options", "before", "is_event"),
    [(None, (), False), (live(), (), False), (live(), (GAZE,), True), (live(patient=True), (), True)],
)
def test_a_stream_that_cannot_be_used_is_an_error_unless_the_session_can_go_on(options, before, is_event):
    bench = Bench(live=options, roles=Roles(misfit=("e",)))
    bench.engine.step([StreamUp(info) for info in before])
    if not is_event:
        with pytest.raises(RtemoError, match="no channel can be placed"):
            bench.engine.step([StreamUp(EEG)])
        return
    bench.engine.step([StreamUp(EEG)])
    assert bench.told(EventKind.FAILURE) == [(1000.0, "no channel can be placed; found 1; name them", "Amp")]
    assert Modality.EEG not in bench.engine.roles


@pytest.mark.parametrize("options", [None, live(patient=True)])
def test_a_stream_that_comes_back_unusable_is_not_used_until_it_fits_again(options):
    roles = Roles()
    bench = Bench(live=options, roles=roles)
    bench.engine.step([StreamUp(EEG), chunk("e", 1.0)])
    roles.misfit = ("e",)
    for n in (1, 2):  # twice, each time with other channels
        changed = replace(EEG, channels=(Channel(f"A{n}"),) * (3 - n))
        bench.engine.step([StreamDown("e", StreamState.LOST, "gone"), StreamUp(changed)])
        assert bench.log[-1] == ("drop", "e")
        assert Modality.EEG not in bench.engine.roles
    assert len(bench.told(EventKind.FAILURE)) == 2
    roles.misfit = ()
    bench.engine.step([StreamUp(changed)])
    assert bench.log[-2:] == [("add", "e", 1), ("expect", Modality.EEG, True)]
    assert bench.engine.roles == {Modality.EEG: changed}


def test_markers_become_events_in_lsl_time():
    bench = Bench()
    bench.engine.step([StreamUp(MARKS), StreamUp(NUMBERS), ClockOffset("m", 0.0, 100.0)])
    bench.engine.step([marks("m", (5.0, "film"), (6.0, ""), (7.0, f"{EXPLANATION}..."), (math.nan, "lost"))])
    bench.engine.step([marks("n", (8.0, 7), dtype=np.int32), marks("n", (9.0, 1048576), dtype=np.int32)])
    assert bench.told(EventKind.MARKER) == [
        (105.0, "film", "Paradigm"), (8.0, "7", "Triggers"), (9.0, "1.04858e+06", "Triggers"),
    ]  # fmt: skip
    assert pushed(bench) == []


def test_what_is_found_out_while_reading_is_noted_once():
    bench = Bench()
    bench.engine.step([StreamUp(EEG), StreamUp(GAZE)])
    bench.predictor.pipeline.found = {Modality.EEG: ["taken as volts"], Modality.GAZE: []}
    bench.engine.step([chunk("e", 1.0)])
    bench.predictor.pipeline.found[Modality.GAZE].append("taken as pixels")
    bench.engine.step([chunk("e", 2.0)])
    assert [(text, name) for _, text, name in bench.told(EventKind.NOTE)] == [
        ("taken as volts", "Amp"), ("taken as pixels", "Tracker"),
    ]  # fmt: skip


def test_in_a_replay_events_have_the_time_of_the_newest_prediction():
    bench = Bench()
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.answers = [[prediction(42.0)]]
    bench.engine.step([chunk("e", 42.0)])
    bench.engine.step([StreamUp(GAZE)])
    assert [time_s for time_s, _, _ in bench.told(EventKind.STREAM_UP)] == [0.0, 42.0]


def test_finish_uses_what_waits_and_does_not_look_at_the_source():
    bench = Bench(Source([[chunk("e", 9.0)]]), live())
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.awaited = {Modality.EEG: 10.0}
    bench.engine.step([chunk("e", 5.0)])
    bench.predictor.answers = [[], [prediction(5.0)]]
    bench.engine.finish()
    assert pushed(bench) == [("e", [5.0])]
    assert bench.log[-1] == ("flush",)
    assert bench.source.timeouts == []
    assert len(bench.sink) == 1


def test_a_replay_takes_over_recorded_events_but_for_those_that_it_finds_itself():
    recorded = [
        Event(0.0, EventKind.STREAM_UP, "found: Amp (1 channel, 250 Hz)", "Amp"),
        Event(0.0, EventKind.STREAM_UP, "back: Amp (1 channel, 250 Hz)", "Amp"),
        Event(0.0, EventKind.STREAM_UP, "back: New (2 channels, 500 Hz)", "New", {"replaces": "Amp"}),
    ]
    events = StreamInfo("s", "rtemo_events", "Markers", "string", 0.0, (Channel("event"), Channel("json")))
    rows = np.array([[event.text, event.payload(published=False)] for event in recorded], dtype=object)
    bench = Bench(session_streams=("s",))
    bench.engine.step([StreamUp(events), ClockOffset("s", 0.0, 0.0), Chunk("s", np.array([1.0, 2.0, 3.0]), rows)])
    assert bench.told(EventKind.STREAM_UP)[1:] == [(2.0, "back: Amp (1 channel, 250 Hz)", "Amp")]
