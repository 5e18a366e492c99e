"""The engine's rules about streams that come, go and come back, whose events are, and what another one goes on with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from test_engine_rules import (
    EEG,
    GAZE,
    MARKS,
    OTHER,
    ROLES,
    Bench,
    Kept,
    Roles,
    chunk,
    live,
    marks,
    prediction,
    pushed,
)  # fmt: skip

from rtemo.core.auxiliary.columns import AuxiliaryColumns
from rtemo.core.auxiliary.losses import CounterColumn
from rtemo.core.auxiliary.triggers import TriggerColumn
from rtemo.core.errors import RtemoError
from rtemo.core.types import (
    Channel,
    Chunk,
    ClockOffset,
    Modality,
    StreamDown,
    StreamInfo,
    StreamNotice,
    StreamState,
    StreamUp,
)  # fmt: skip
from rtemo.live.engine.batching import LEAD_S
from rtemo.live.engine.engine import Engine, taken_of
from rtemo.live.engine.model_pace import PaceChange
from rtemo.model.personal.session_notes import StreamReturned, WindowsSkipped
from rtemo.recordings.events import Event, EventKind, EventLog

LOST, BACK = StreamDown("e", StreamState.LOST, "gone"), StreamUp(EEG)


class Succeeding(Roles):
    """Roles that one stream takes over from another."""

    def __init__(self, **options):
        super().__init__(**options)
        self.took_over = []

    def succeed(self, before, info):
        self.took_over.append((before.stream_id, info.stream_id))


def returning(options, reached=(10.0, 2), given_out_s=12.0, roles=None):
    """A bench whose EEG has got so far, and the notes that its predictor was given."""
    bench, noted = Bench(live=options, roles=roles), []
    bench.predictor.note = lambda note, time_s: noted.append((note, time_s))
    bench.predictor.pipeline.newest_of, bench.predictor.pipeline.given_out_s = {Modality.EEG: reached}, given_out_s
    bench.engine.step([StreamUp(EEG)])
    return bench, noted


def last_details(bench):
    return bench.events.events[-1].details


@pytest.mark.parametrize("state", [StreamState.LOST, StreamState.FAILED])
def test_a_stream_that_is_back_states_what_was_given_out_without_it(state):
    bench, noted = returning(live())
    bench.engine.step([StreamDown("e", state, "gone"), BACK])
    assert noted == [(StreamReturned("eeg", 10.0, 12.0, 2), 1000.0)]
    known_by = {"type": "EEG", "source_id": "s1", "hostname": "h1"}
    stated = {"fact": "stream_returned", "role": "eeg", "after_s": 10.0, "until_s": 12.0, "n_timeless": 2}
    assert last_details(bench) == {**stated, **known_by}
    bench.engine.step([BACK])  # it was not lost again
    assert len(noted) == 1
    assert last_details(bench) == {"role": "eeg", **known_by}


@pytest.mark.parametrize(
    ("options", "reached", "given_out_s", "states"),
    [
        (None, (10.0, 2), 12.0, False),  # a replay goes by what the session stated
        (live(), (10.0, 2), 10.0, False),  # no window was given out without it
        (live(), (10.0, 2), 10.25, True),
        (live(), (-math.inf, 0), 12.0, True),  # it had sent nothing, and may have kept what it measured
        (live(), (10.0, 2), -math.inf, False),  # no window was given out
    ],
)
def test_only_where_windows_were_given_out_without_a_stream_is_that_stated(options, reached, given_out_s, states):
    bench, noted = returning(options, reached, given_out_s)
    bench.engine.step([LOST, BACK])
    assert bool(noted) == states
    assert ("fact" in last_details(bench)) == states


def test_what_stalled_or_sent_on_while_it_was_gone_states_nothing():
    bench, noted = returning(live())
    bench.engine.step([StreamDown("e", StreamState.STALLED, "no sample"), BACK])
    bench.engine.step([LOST])
    bench.predictor.pipeline.newest_of = {Modality.EEG: (10.004, 2)}  # the rest of it came
    bench.engine.step([BACK])
    bench.engine.step([LOST])
    bench.predictor.pipeline.newest_of = {Modality.EEG: (10.004, 3)}
    bench.engine.step([BACK])
    assert noted == []


@pytest.mark.parametrize("given_out_s", [12.0, 10.0])
def test_a_stream_in_anothers_place_states_it_always_and_names_the_one_before(given_out_s):
    roles = Succeeding()
    bench, noted = returning(live(), given_out_s=given_out_s, roles=roles)
    second = replace(EEG, stream_id="e2", name="Amp 2")
    ROLES["e2"] = Modality.EEG
    try:
        bench.engine.step([LOST, StreamUp(second, replaces="e")])
    finally:
        del ROLES["e2"]
    assert roles.took_over == [("e", "e2")]
    assert noted == [(StreamReturned("eeg", 10.0, given_out_s, 2), 1000.0)]
    assert bench.events.events[-1].text == "back: Amp 2 (1 channel, 250 Hz)"
    assert last_details(bench)["replaces"] == "Amp"
    assert bench.log[-2:] == [("add", "e2", 1), ("expect", Modality.EEG, True)]
    assert [info.stream_id for info in bench.engine.known] == ["e", "e2"]
    assert bench.engine.used == ("e2",)


def test_a_stream_in_anothers_place_states_nothing_where_nothing_was_given_out():
    bench, noted = returning(live(), (10.0, 0), -math.inf, Succeeding())
    ROLES["e2"] = Modality.EEG
    try:
        bench.engine.step([LOST, StreamUp(replace(EEG, stream_id="e2"), replaces="e")])
    finally:
        del ROLES["e2"]
    assert noted == []
    assert "fact" not in last_details(bench)


def test_a_stream_in_the_place_of_one_that_is_not_known_is_a_new_one():
    roles = Succeeding()
    bench = Bench(live=live(), roles=roles)
    bench.engine.step([StreamUp(EEG, replaces="x")])
    assert roles.took_over == []
    assert bench.told() == [(1000.0, "found: Amp (1 channel, 250 Hz)", "Amp")]
    assert "replaces" not in last_details(bench)


def test_in_a_replay_a_stream_that_takes_anothers_place_and_does_not_fit_is_a_failure_and_no_end():
    roles = Succeeding(misfit=("e2",))
    bench = Bench(roles=roles)
    bench.engine.step([StreamUp(EEG), LOST])
    ROLES["e2"] = Modality.EEG
    try:
        bench.engine.step([StreamUp(replace(EEG, stream_id="e2", name="Amp 2"), replaces="e")])
    finally:
        del ROLES["e2"]
    assert bench.told(EventKind.FAILURE) == [(0.0, "no channel can be placed; found 1; name them", "Amp 2")]
    assert bench.log[-1] == ("drop", "e2")


@pytest.mark.parametrize(
    ("trusted", "kind", "details"),
    [
        (None, EventKind.NOTE, {}),
        (True, EventKind.NOTE, {"trusted": "true"}),
        (False, EventKind.LOSS, {"trusted": "false"}),
    ],
)
def test_a_notice_is_an_event_and_given_to_the_predictor(trusted, kind, details):
    bench, notice = Bench(live=live()), StreamNotice("e", "its clock jumps", trusted)
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.answers = [[prediction(1.0)]]
    bench.engine.step([notice, StreamNotice("x", "never known")])
    first, second = bench.events.events[-2:]
    assert (first.kind, first.text, first.stream, first.details) == (kind, "its clock jumps", "Amp", details)
    assert second.stream == "x"
    assert pushed(bench)[0] == ("e", notice)
    assert [made.time_s for made in bench.sink] == [1.0]


@pytest.mark.parametrize(
    ("item", "counted"),
    [
        (chunk("e", 1.0, 2.0, 3.0), ("e", 3)),
        (ClockOffset("e", 1.0, 0.0), ("e clock", 1)),
        (StreamNotice("e", "x"), ("e notices", 1)),
        (StreamUp(EEG), None),
        (LOST, None),
    ],
)
def test_what_counts_as_taken(item, counted):
    assert taken_of(item) == counted
    bench = Bench()
    bench.engine.step([StreamUp(EEG), item, item])
    assert bench.engine.taken == ({counted[0]: 2 * counted[1]} if counted else {})


def test_a_stream_that_went_without_a_reason_is_named_by_its_state_alone():
    bench = Bench()
    bench.engine.step([StreamUp(EEG), StreamDown("e", StreamState.LOST, "")])
    assert bench.told()[-1] == (0.0, "lost", "Amp")


def test_events_of_a_participants_own_streams_are_that_ones_and_of_markers_everybodys():
    bench = Bench(live=live())
    bench.engine.participant = "P01"
    bench.engine.step([StreamUp(EEG), StreamUp(GAZE), StreamUp(MARKS), StreamUp(OTHER)])
    bench.engine.step([StreamDown("x", StreamState.LOST, "never known"), marks("m", (5.0, "film"))])
    whose = [(event.stream, event.participant) for event in bench.events.events]
    assert whose == [
        ("Amp", "P01"),
        ("Tracker", "P01"),
        ("Paradigm", ""),
        ("Other", ""),
        ("x", "P01"),
        ("Paradigm", ""),
    ]
    bench.predictor.answers = [[prediction(1.0)]]
    bench.engine.step([ClockOffset("e", 9.0, 0.0)])
    assert [made.participant for made in bench.sink] == ["P01"]


def test_without_participants_a_prediction_names_none():
    bench = Bench()
    bench.predictor.answers = [[prediction(1.0)]]
    bench.engine.step([ClockOffset("e", 9.0, 0.0)])
    assert [made.participant for made in bench.sink] == [prediction(1.0).participant]


def test_recorded_events_of_another_participant_or_without_a_time_are_passed_over():
    recorded = [Event(0.0, EventKind.ANNOTATION, text, participant=whose)
                for text, whose in (("all", ""), ("mine", "P01"), ("yours", "P02"), ("nowhen", "P01"))]  # fmt: skip
    rows = np.array([[event.text, event.payload(published=False)] for event in recorded], dtype=object)
    bench = Bench(session_streams=("s",))
    bench.engine.participant = "P01"
    stream = StreamInfo("s", "rtemo_events", "Markers", "string", 0.0, (Channel("event"), Channel("json")))
    stamps = np.array([1.0, 2.0, 3.0, math.nan])
    bench.engine.step([StreamUp(stream), ClockOffset("s", 0.0, 100.0), Chunk("s", stamps, rows)])
    assert bench.told(EventKind.ANNOTATION) == [(101.0, "all", ""), (102.0, "mine", "")]


def test_markers_are_read_where_they_came_among_the_samples():
    bench = Bench()
    bench.engine.step([StreamUp(EEG), StreamUp(MARKS)])
    bench.engine.step([chunk("e", 1.0), chunk("e", 4.5), marks("m", (4.7, "film")), chunk("e", 5.0)])
    assert pushed(bench) == [("e", [1.0, 4.5]), ("e", [5.0])]


def test_the_clock_of_markers_goes_on_when_they_are_back():
    bench = Bench()
    bench.engine.step([StreamUp(MARKS), ClockOffset("m", 0.0, 100.0), StreamUp(MARKS), marks("m", (5.0, "film"))])
    assert bench.told(EventKind.MARKER) == [(105.0, "film", "Paradigm")]


def test_what_is_under_way_is_given_out_before_an_event_of_a_replay():
    bench, waiting = Bench(), [prediction(43.0)]
    bench.predictor.settle = lambda: [waiting.pop()] if waiting else []
    bench.engine.step([StreamUp(EEG)])
    assert [made.time_s for made in bench.sink] == [43.0]
    assert bench.told() == [(43.0, "found: Amp (1 channel, 250 Hz)", "Amp")]


def test_what_is_found_out_with_the_last_windows_is_noted_too():
    bench = Bench()
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.found = {Modality.EEG: ["taken as volts"]}
    bench.engine.finish()
    assert [text for _, text, _ in bench.told(EventKind.NOTE)] == ["taken as volts"]


def test_another_stream_has_its_notes_again():
    bench = Bench()
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.found = {Modality.EEG: ["taken as volts"]}
    bench.engine.step([chunk("e", 1.0)])
    ROLES["e2"] = Modality.EEG
    try:
        bench.engine.step([StreamUp(replace(EEG, stream_id="e2", name="Amp 2")), chunk("e2", 2.0)])
    finally:
        del ROLES["e2"]
    assert [name for _, _, name in bench.told(EventKind.NOTE)] == ["Amp", "Amp 2"]


@pytest.mark.parametrize(("info", "noted"), [(GAZE, True), (EEG, False)])
def test_a_model_without_eye_movements_says_so_of_the_gaze(info, noted):
    bench = Bench()
    bench.predictor.eye_unused = "eye movements are not used"
    bench.engine.step([StreamUp(info)])
    said = [(text, name) for _, text, name in bench.told(EventKind.NOTE)]
    assert said == ([("eye movements are not used", "Tracker")] if noted else [])


@pytest.mark.parametrize(
    ("options", "awaited", "pause_s"),
    [
        (None, {Modality.EEG: 1000.5}, 0.0),
        (live(), {Modality.EEG: 1000.5}, 0.0),
        (live(pauses=True), {}, 0.0),
        (live(pauses=True), {Modality.EEG: 1000.5}, 0.04),  # as long as data may wait
        (live(pauses=True, span_s=0.25), {Modality.EEG: 1000.5, Modality.GAZE: 1000.125}, 0.125 - LEAD_S),
        (live(pauses=True), {Modality.EEG: 1000.5, Modality.GAZE: 999.0}, 0.0),
    ],
)
def test_nothing_needs_to_be_read_until_a_window_is_near(options, awaited, pause_s):
    bench = Bench(live=options)
    bench.engine.step([StreamUp(EEG), StreamUp(GAZE)])
    bench.predictor.pipeline.awaited = awaited
    assert bench.engine.pause_s == pytest.approx(pause_s)


def test_no_window_is_forced_that_ends_in_the_future():
    bench = Bench(live=live(9.5))
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.newest = 2000  # 10 s
    bench.engine.step([ClockOffset("e", 9.0, 0.0)])
    assert bench.log[-1] == ("force", 9.5)


def test_what_was_taken_before_is_rebuilt_without_giving_anything_out():
    bench, before = Bench(live=live()), EventLog()
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.answers = [[prediction(9.0), prediction(9.25, "signal too bad")]]
    bench.engine.rebuild([[chunk("e", 8.0), chunk("e", 11.5)], [LOST]], before)
    assert pushed(bench) == [("e", [8.0, 11.5])]
    assert bench.sink == []
    assert [event.text for event in before.events] == ["lost: gone"]
    assert [text for _, text, _ in bench.told()] == ["found: Amp (1 channel, 250 Hz)"]
    assert (bench.engine.n_predictions, bench.engine.abstained, bench.engine.latest.time_s) == (0, {}, 9.25)
    assert bench.engine.taken == {"e": 2}
    bench.predictor.answers = [[prediction(9.5)]]
    bench.engine.step([ClockOffset("e", 9.0, 0.0)])
    assert [made.time_s for made in bench.sink] == [9.5]


def test_a_rebuilding_that_fails_leaves_the_engine_as_it_was():
    bench = Bench(live=live())
    with pytest.raises(RtemoError, match="cut off"):
        bench.engine.rebuild(failing(), EventLog())
    bench.engine.step([StreamUp(EEG)])
    assert bench.told() == [(1000.0, "found: Amp (1 channel, 250 Hz)", "Amp")]
    bench.predictor.answers = [[prediction(9.5)]]
    bench.engine.step([ClockOffset("e", 9.0, 0.0)])
    assert len(bench.sink) == 1
    assert bench.predictor.decided is not None  # windows are measured


def failing():
    yield [chunk("e", 1.0)]
    raise RtemoError("the file is cut off")


def test_windows_are_measured_in_a_live_session_only_and_not_while_it_is_rebuilt():
    for bench in (Bench(), Bench(live=live())):
        bench.engine.rebuild([[chunk("e", 1.0)]], EventLog())
        assert not hasattr(bench.predictor, "decided")
    bench.engine.step([ClockOffset("e", 9.0, 0.0)])
    assert hasattr(bench.predictor, "decided")


def test_an_engine_goes_on_from_the_state_of_another_one():
    first = Bench()
    first.engine.step([StreamUp(EEG), StreamUp(MARKS), ClockOffset("m", 0.0, 100.0)])
    first.predictor.pipeline.found = {Modality.EEG: ["taken as volts"]}
    first.predictor.answers = [[prediction(42.0)]]
    first.engine.step([chunk("e", 42.0)])
    second = Bench()
    assert not second.engine.started
    awaited = []
    second.predictor.pipeline.expect = lambda role, *, expected: awaited.append((role, expected))
    second.engine.restore(first.engine.state())
    assert awaited == [(Modality.EEG, True)]
    assert second.engine.started
    assert second.engine.roles == {Modality.EEG: EEG}
    second.predictor.pipeline.found = first.predictor.pipeline.found
    second.engine.step([chunk("e", 43.0), marks("m", (5.0, "film")), StreamUp(EEG)])
    assert second.told() == [(105.0, "film", "Paradigm"), (42.0, "back: Amp (1 channel, 250 Hz)", "Amp")]
    assert [entry for entry in second.log if entry[0] == "add"] == []


def test_outputs_are_given_what_comes_after_another_predictor_was_set():
    bench, other = Bench(), Bench()
    bench.engine.use(other.predictor)
    bench.engine.step([StreamUp(EEG)])
    assert (bench.log, other.log) == ([], [("add", "e", 1), ("expect", Modality.EEG, True)])


def test_a_new_engine_has_given_out_nothing():
    engine = Engine(None, Roles(), None, EventLog())
    assert (engine.n_predictions, engine.latest, engine.live, engine.participant) == (0, None, None, "")
    assert math.isnan(engine.arrived_s)
    assert (engine.abstained, engine.taken, engine.auxiliary) == ({}, {}, {})
    sink = Kept()
    engine.add_outputs([sink])
    engine._publish([prediction(1.0)])
    assert [made.time_s for made in sink] == [1.0]


def test_ends_of_windows_are_asked_for_anew_once_something_was_used():
    bench = Bench(live=live())
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.awaited = {Modality.EEG: 10.0}
    bench.engine.step([chunk("e", 10.0)])
    bench.predictor.pipeline.awaited = {Modality.EEG: 20.0}
    bench.engine.step([chunk("e", 10.004)])
    assert pushed(bench) == [("e", [10.0])]  # far from 20 s it waits
    bench.engine.use_all()
    assert pushed(bench)[1:] == [("e", [10.004])]
    bench.predictor.pipeline.awaited = {Modality.EEG: 10.02}
    bench.engine.step([chunk("e", 10.008)])
    assert pushed(bench)[2:] == [("e", [10.008])]


class WithColumns(Roles):
    """EEG with a column of triggers, or one that counts samples."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns

    def layout(self, info, role):
        made = super().layout(info, role)
        made.auxiliary = self.columns
        return made


TRIGGERS = AuxiliaryColumns(triggers=(TriggerColumn(1, "T1"),))
COUNTER = AuxiliaryColumns(CounterColumn(None, filled=1))


def values(first_s, *rows):
    return Chunk("e", first_s + np.arange(len(rows), dtype=float), np.array(rows, float))


def test_triggers_are_events_of_the_streams_participant_between_its_samples():
    bench = Bench(roles=WithColumns(TRIGGERS))
    bench.engine.participant = "P01"
    bench.engine.step([StreamUp(EEG), ClockOffset("e", 0.0, 100.0), values(1.0, [5, 0], [5, 0], [5, 7], [5, 7])])
    (event,) = [event for event in bench.events.events if event.kind is EventKind.MARKER]
    assert (event.time_s, event.text, event.participant) == (103.0, "7", "P01")
    assert pushed(bench)[1:] == [("e", [1.0, 2.0]), ("e", [3.0, 4.0])]
    assert list(bench.engine.auxiliary) == ["e"]


def test_what_a_counter_shows_at_the_end_is_stated_at_the_end():
    bench = Bench(roles=WithColumns(COUNTER))
    bench.engine.participant = "P01"
    bench.engine.step([StreamUp(EEG), values(1.0, [0, 0], [0, 1], [0, 1])])
    assert bench.told(EventKind.LOSS) == []
    bench.engine.finish()
    (event,) = [event for event in bench.events.events if event.kind is EventKind.LOSS]
    assert (event.stream, event.participant, event.time_s) == ("Amp", "P01", 2.0)
    assert event.text == "by its sample counter 2 samples made up by the sender for lost ones"


def test_auxiliary_columns_go_on_from_the_state_of_another_engine():
    first, second = Bench(roles=WithColumns(TRIGGERS)), Bench(roles=WithColumns(TRIGGERS))
    first.engine.step([StreamUp(EEG), ClockOffset("e", 0.0, 100.0), values(1.0, [5, 0])])
    second.predictor.pipeline.expect = lambda role, *, expected: None
    second.engine.restore(first.engine.state())
    second.engine.step([values(2.0, [5, 3])])
    assert second.told(EventKind.MARKER) == [(102.0, "3", "Amp/T1")]


def test_a_stream_that_nobody_uses_may_have_auxiliary_columns():
    ohms = StreamInfo("z", "Impedances", "Impedance", "float32", 1.0, (Channel("Cz"),))
    bench = Bench()
    bench.engine.step([StreamUp(ohms)])
    reader = bench.engine.auxiliary["z"]
    bench.engine.step([StreamUp(ohms)])
    assert bench.engine.auxiliary["z"] is reader  # unchanged it goes on
    bench.engine.step([StreamUp(replace(ohms, channels=(Channel("Cz"), Channel("Pz"))))])
    assert bench.engine.auxiliary["z"] is not reader


def test_what_is_left_at_a_stop_keeps_its_order_around_markers():
    bench = Bench(live=live())
    bench.engine.step([StreamUp(EEG), StreamUp(MARKS)])
    bench.predictor.pipeline.awaited = {Modality.EEG: 10.0}
    bench.engine.step([chunk("e", 5.0)])  # it waits
    bench.engine.end_with([chunk("e", 8.5), marks("m", (8.7, "film")), chunk("e", 9.0)])
    assert pushed(bench) == [("e", [5.0, 8.5]), ("e", [9.0])]
    assert bench.log[-1] == ("flush",)


def test_windows_are_measured_from_their_samples_and_from_where_they_are_forced(monkeypatch):
    begun, made = [], []

    class Pace:
        def __init__(self, *given):
            made.append(given)

        def begins(self, arrived_s):
            begun.append(arrived_s)

    monkeypatch.setattr("rtemo.live.engine.engine.LivePace", Pace)
    options = live(engines=3)
    bench = Bench(live=options)
    bench.engine.step([StreamUp(EEG)])
    bench.predictor.pipeline.newest = 2000
    bench.predictor.pipeline.awaited = {Modality.EEG: 9.0}
    bench.engine.step([chunk("e", 9.0, arrived_s=9.1)])
    assert begun[0] == 9.1
    assert (len(begun), math.isnan(begun[1])) == (2, True)
    ((predictor, clock, stopwatch, _, engines),) = made
    assert (predictor, clock, stopwatch, engines) == (bench.predictor, options.clock, options.stopwatch, 3)


@pytest.mark.parametrize(("goes_on", "kind"), [(True, EventKind.FAILURE), (False, EventKind.NOTE)])
def test_windows_that_are_skipped_are_stated_for_people_and_for_the_replay(goes_on, kind):
    bench, note = Bench(live=live()), WindowsSkipped(1.0, 2.0, 3, 0.25, "ours")
    bench.engine._state_pace(PaceChange(3, goes_on, "the model is slow"), note)
    (event,) = bench.events.events
    assert (event.kind, event.text, event.stream) == (kind, "the model is slow", "")
    assert event.details == {
        "fact": "windows_skipped", "from_s": 1.0, "resumes_s": 2.0, "every": 3, "hop_s": 0.25, "model": "ours",
    }  # fmt: skip
