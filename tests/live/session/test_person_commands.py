"""What may be asked of a running session, of invented runs: for whom it is, what is refused, and what is said."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.core.baseline.normaliser import NormaliserSettings
from rtemo.core.errors import RtemoError
from rtemo.live.service.snapshot import Progress
from rtemo.live.session.person_commands import PersonCommands
from rtemo.recordings.events import EventKind

FAILURE, ANNOTATION = EventKind.FAILURE, EventKind.ANNOTATION


class Calibration:
    """Keeps what it is asked for."""

    def __init__(self):
        self.asked, self.turned, self.shown = [], 0, None

    def label(self, *given):
        self.asked.append(("label", *given))

    def forget(self, index):
        self.asked.append(("forget", index))

    def calibrate(self):
        self.asked.append(("calibrate",))

    def uncalibrate(self):
        raise RtemoError("there is no calibration", "", "calibrate first")

    def turn(self):
        self.turned += 1

    def progress(self, _now_s):
        return self.shown


class Run:
    """A participant's run whose pipeline never comes to a verdict."""

    def __init__(self):
        self.rests, self.begun, self.marked, self.outputs = (), [], [], []
        branch = SimpleNamespace(notes=[])
        pipeline = SimpleNamespace(
            settings=SimpleNamespace(normaliser=NormaliserSettings()), newest=None, branch=lambda _part: branch
        )
        self.predictor, self.calibration = SimpleNamespace(pipeline=pipeline), Calibration()
        self.engine = SimpleNamespace(add_outputs=self.outputs.extend)

    def begin_rest(self, seconds, begin_s=None):
        self.begun.append(seconds)
        return 100.0 if begin_s is None else begin_s, seconds

    def mark_channel(self, label, mark):
        self.marked.append((label, mark))


class Session:
    def __init__(self, *participants):
        self.runs = {whose: Run() for whose in participants}
        self.notes = []
        self.commands = PersonCommands(self.runs, self, lambda: 110.0)

    def note(self, kind, text, participant=""):
        self.notes.append((kind, text, participant))

    def asked(self):
        return {whose: run.calibration.asked for whose, run in self.runs.items()}


@pytest.fixture
def two():
    return Session("P01", "P02")


def test_the_commands_are_known_by_name(two):
    assert two.commands.names == (
        "annotate", "baseline", "label", "forget_label", "calibrate", "uncalibrate", "mark_channel",
    )  # fmt: skip


def test_what_is_asked_for_is_done_at_the_next_turn_in_its_order_and_a_note_at_once(two):
    two.commands.submit("label", "P02", {"label": "sad", "begin_s": 1.0, "end_s": 2.0})
    two.commands.submit("forget_label", "P02", {"index": 3})
    two.commands.submit("calibrate", "P02", {})
    two.commands.submit("mark_channel", "P01", {"label": "Fz", "mark": "bad"})
    two.commands.submit("annotate", "P01", {"text": "yawned"})
    assert two.notes == [(ANNOTATION, "yawned", "P01")]
    assert two.asked() == {"P01": [], "P02": []}
    two.commands.turn()
    assert two.asked() == {"P01": [], "P02": [("label", "sad", 1.0, 2.0), ("forget", 3), ("calibrate",)]}
    assert (two.runs["P01"].marked, two.runs["P02"].marked) == ([("Fz", "bad")], [])
    assert [run.calibration.turned for run in two.runs.values()] == [1, 1]
    two.commands.turn()
    assert len(two.asked()["P02"]) == 3


@pytest.mark.parametrize(("whose", "name", "arguments", "said", "of"), [
    ("", "calibrate", {}, "calibrate: this is for one participant; the session is of P01, P02; name one", ""),
    ("P03", "calibrate", {},
     "calibrate: there is no participant 'P03'; the session is of P01, P02; name one of them", ""),
    ("P03", "annotate", {"text": "x"},
     "annotate: there is no participant 'P03'; the session is of P01, P02; name one of them", ""),
    ("P02", "annotate", {"text": " \n"}, "annotate: an annotation needs a text; write one", "P02"),
    ("P02", "uncalibrate", {}, "uncalibrate: there is no calibration; calibrate first", "P02"),
])  # fmt: skip
def test_what_is_refused_is_an_event_of_whom_it_is_about(two, whose, name, arguments, said, of):
    two.commands.submit(name, whose, arguments)
    two.commands.turn()
    assert two.notes == [(FAILURE, said, of)]
    assert two.asked() == {"P01": [], "P02": []}


def test_what_is_done_at_once_is_refused_with_an_error(two):
    two.commands.do("label", "P01", {"label": "sad", "begin_s": 1.0, "end_s": 2.0})
    assert two.asked()["P01"] == [("label", "sad", 1.0, 2.0)]
    with pytest.raises(RtemoError, match="for one participant"):
        two.commands.do("calibrate", "", {})
    assert two.notes == []


def test_one_participant_who_is_not_told_apart_need_not_be_named():
    one = Session("")
    one.commands.do("calibrate", "", {})
    assert one.asked() == {"": [("calibrate",)]}
    one.commands.submit("calibrate", "P01", {})
    one.commands.turn()
    found = "the session is of one participant, who is not named; name one of them"
    assert one.notes == [(FAILURE, f"calibrate: there is no participant 'P01'; {found}", "")]


def test_a_rest_is_everybodys_or_one_participants(two):
    two.commands.do("baseline", "P02", {"seconds": 30.0})
    assert [run.begun for run in two.runs.values()] == [[], [30.0]]
    for whose in ("", "P02"):
        with pytest.raises(RtemoError) as caught:
            two.commands.do("baseline", whose, {"seconds": 40.0})
        assert str(caught.value) == "a baseline is being recorded; wait for its end"
    assert [run.begun for run in two.runs.values()] == [[], [30.0]]
    two.commands.do("baseline", "P01", {"seconds": 40.0})
    assert [run.begun for run in two.runs.values()] == [[40.0], [30.0]]
    two.commands.close()
    cut = "baseline cut short by the end of the session: 10 of {} s; not used"
    assert two.notes == [(FAILURE, cut.format(40), "P01"), (FAILURE, cut.format(30), "P02")]
    two.commands.do("baseline", "", {"seconds": 20.0})
    assert [run.begun for run in two.runs.values()] == [[40.0, 20.0], [30.0, 20.0]]


def test_the_progress_is_the_rests_while_it_lasts_and_the_calibrations_afterwards(two):
    run, fitted = two.runs["P01"], Progress("calibration", 1.0, 1.0, "better")
    assert two.commands.progress("P01", 110.0) is None
    run.calibration.shown = fitted
    assert two.commands.progress("P01", 110.0) == fitted
    two.commands.do("baseline", "P01", {"seconds": 30.0})
    assert two.commands.progress("P01", 110.0) == Progress("baseline", 10.0, 30.0)
    assert two.commands.progress("P02", 110.0) is None
    (rest,) = run.outputs
    rest._check.announced = True
    assert two.commands.progress("P01", 110.0) == fitted
    run.calibration.shown = None
    assert two.commands.progress("P01", 111.0) == Progress("baseline", 11.0, 30.0)
