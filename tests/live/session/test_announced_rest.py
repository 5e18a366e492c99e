"""A rest in a running session, of an invented pipeline: when it is made longer, and what is said at its end."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.core.baseline.normaliser import NormaliserSettings
from rtemo.core.baseline.rest_interval import Rest
from rtemo.core.types import Modality
from rtemo.live.service.snapshot import Progress
from rtemo.live.session.announced_rest import AnnouncedRest
from rtemo.recordings.events import EventKind


class Session:
    """A run with EEG only, whose clock is the newest prediction's time."""

    def __init__(self, rests=(), now_s=100.0):
        self.rests, self.now_s, self.begun, self.said, self.newest = rests, now_s, [], [], 0
        self.notes = []
        branches = {Modality.EEG: SimpleNamespace(notes=self.notes)}
        self.predictor = SimpleNamespace(pipeline=self)
        self.settings, self.branch = SimpleNamespace(normaliser=NormaliserSettings()), branches.get
        self.rest = AnnouncedRest(self, lambda: self.now_s, lambda *said: self.said.append(said))

    def begin_rest(self, seconds, begin_s=None):
        self.begun.append((seconds, begin_s))
        return self.now_s if begin_s is None else begin_s, seconds

    def go_to(self, end_s, coverage=1.0):
        while self.now_s < end_s:
            self.now_s += 1.0
            self.newest += 1
            one = SimpleNamespace(time_s=self.now_s, eeg_coverage=coverage, gaze_coverage=0.0, bad_channels=())
            self.rest.put(one)
            self.rest.turn()


def test_before_any_rest_there_is_nothing_to_tell():
    session = Session()
    session.go_to(105.0)
    session.rest.close()
    assert not session.rest.goes_on
    assert (session.rest.progress(105.0), session.begun, session.said) == (None, [], [])


@pytest.mark.parametrize(("outcome", "kind", "said"), [
    ("in effect", EventKind.ANNOTATION, "baseline ends: good: EEG 20 s of 20 s usable"),
    ("refused: too little", EventKind.FAILURE,
     "baseline ends: refused for EEG: EEG 20 s of 20 s usable, 20 s are needed; what was before stays"),
])  # fmt: skip
def test_a_rest_ends_with_the_verdict_of_the_pipeline(outcome, kind, said):
    session = Session()
    session.rest.begin(20.0)
    assert session.rest.goes_on
    session.go_to(122.0)
    assert (session.said, session.rest.goes_on) == ([], True)
    session.notes.append(f"{Rest(100.0, 120.0, 0)} {outcome}")
    session.go_to(124.0)
    assert session.said == [(kind, said)]
    assert not session.rest.goes_on
    assert session.begun == [(20.0, None)]
    found = session.rest.progress(150.0)
    assert (found.done_s, found.total_s, found.refused) == (20.0, 20.0, kind is EventKind.FAILURE)
    assert f"baseline ends: {found.verdict}" == said
    session.rest.close()
    assert len(session.said) == 1
    assert session.rest.progress(150.0) is None


def test_a_rest_of_which_too_little_was_usable_is_made_longer_from_its_own_begin():
    session = Session()
    session.rest.begin(20.0)
    session.go_to(119.0, 0.5)
    assert session.begun == [(20.0, None)]
    session.go_to(120.0, 0.5)  # 10 of 20 s
    assert session.begun == [(20.0, None), (30.0, 100.0)]
    assert session.rest.progress(120.0) == Progress("baseline", 20.0, 30.0, extended=True)
    session.go_to(130.0)
    assert session.begun == [(20.0, None), (30.0, 100.0)]
    assert session.said == []


def test_a_rest_without_a_verdict_five_seconds_after_its_end_is_refused():
    session = Session()
    session.rest.begin(20.0)
    session.go_to(124.0)
    assert session.said == []
    session.go_to(125.0)
    assert [kind for kind, _ in session.said] == [EventKind.FAILURE]


@pytest.mark.parametrize(("now_s", "lasted"), [(112.0, "12"), (130.0, "20")])
def test_a_rest_that_the_session_ends_is_not_used(now_s, lasted):
    session = Session()
    session.rest.begin(20.0)
    session.now_s = now_s
    session.rest.close()
    text = f"baseline cut short by the end of the session: {lasted} of 20 s; not used"
    assert session.said == [(EventKind.FAILURE, text)]
    assert not session.rest.goes_on


def test_a_rest_goes_on_in_a_session_that_is_taken_up():
    session = Session(((40.0, 60.0), (90.0, 120.0), (80.0, 110.0)), now_s=105.0)
    assert session.rest.goes_on
    assert session.rest.progress(105.0) == Progress("baseline", 15.0, 30.0)
    session.go_to(120.0)
    assert session.begun == []  # what came before counts as usable
    session.notes.append(f"{Rest(90.0, 120.0, 0)} in effect")
    session.go_to(121.0)
    assert session.said == [(EventKind.ANNOTATION, "baseline ends: good: EEG 30 s of 30 s usable")]


@pytest.mark.parametrize(("now_s", "goes_on"), [(119.9, True), (120.0, False), (130.0, False)])
def test_a_rest_that_is_over_is_not_taken_up(now_s, goes_on):
    assert Session(((90.0, 120.0),), now_s).rest.goes_on == goes_on
