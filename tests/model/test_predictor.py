"""Forced and final windows: which are published, by which decoder state, and what is given up, on stand-ins."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.core.types import Chunk, ClockOffset, Modality, WindowSpec
from rtemo.core.windows import Grid
from rtemo.model.personal.session_notes import (
    NOTICE_S,
    CalibrationBegun,
    CalibrationEnded,
    LabelGiven,
    LabelWithdrawn,
)
from rtemo.model.predictor import MAX_BACKLOG_S, Predictor
from rtemo.model.uncertainty.adaptive import SelfReport

GRID = Grid.of(WindowSpec(), 200.0)
CHUNK = Chunk("e", (), ())  # type: ignore[arg-type]


def window(end_s):
    return SimpleNamespace(end_s=end_s)


class Pipeline:
    """Ends that are ready come from `ready`; there is something to peek at in `there` (all, where it is None)."""

    grid = GRID
    settings = SimpleNamespace(window=WindowSpec())

    def __init__(self):
        self.next_end_s, self.ready, self.there, self.asked, self.skipped = None, [], None, [], []

    def _given(self, *what):
        self.asked.append(what)
        found, self.ready = self.ready, []
        if found:
            self.next_end_s = found[-1] + 0.25
        return [window(end_s) for end_s in found]

    def push(self, item):
        return self._given("push", item)

    def expect(self, modality, expected):
        return self._given("expect", modality, expected)

    def flush(self):
        return self._given("flush")

    def peek(self, end_s):
        return window(end_s) if self.there is None or end_s in self.there else None

    def skip_to(self, end_s):
        self.skipped.append(end_s)
        self.next_end_s = end_s


class Decoder:
    """Its predictions are (its name, the ends that it has decided)."""

    eye_unused = "why not"

    def __init__(self, name="a", seen=()):
        self.name, self.seen, self.notes, self.n_forks = name, tuple(seen), [], 0

    def fork(self):
        self.n_forks += 1
        return Decoder(f"{self.name}'", self.seen)

    def step(self, given, embeddings):
        assert embeddings == f"z{given.end_s}"
        self.seen = (*self.seen, given.end_s)
        return self.name, self.seen

    def model_at(self, end_s):
        self.notes.append(("model_at", end_s))
        return SimpleNamespace(labels=("calm", "sad"))

    def report(self, report):
        self.notes.append(report)

    def take_back(self, number, from_s):
        self.notes.append(("take_back", number, from_s))

    def adopt(self, person, from_s):
        self.notes.append(("adopt", person, from_s))


class Bench:
    def __init__(self):
        self.pipeline, self.decoder = Pipeline(), Decoder()
        runtime = SimpleNamespace(embed=lambda given: f"z{given.end_s}")
        self.predictor = Predictor(self.pipeline, runtime, self.decoder)
        self.watched = []
        self.predictor.watches.append(lambda given, embeddings: self.watched.append((given.end_s, embeddings)))

    def push(self, *ends):
        self.pipeline.ready = list(ends)
        return self.predictor.push(CHUNK)


@pytest.fixture
def bench():
    return Bench()


def test_each_window_gives_one_prediction_in_order_and_is_shown_to_who_watches(bench):
    assert bench.push(104.0, 104.25) == [("a", (104.0,)), ("a", (104.0, 104.25))]
    assert bench.watched == [(104.0, "z104.0"), (104.25, "z104.25")]
    assert bench.predictor.n_forced == 0


def test_what_the_pipeline_gives_out_for_any_reason_is_decided(bench):
    bench.pipeline.ready = [104.0]
    assert bench.predictor.expect(Modality.GAZE, expected=False) == [("a", (104.0,))]
    bench.pipeline.ready = [104.25]
    assert bench.predictor.flush() == [("a", (104.0, 104.25))]
    assert bench.pipeline.asked == [("expect", Modality.GAZE, False), ("flush",)]
    offset = ClockOffset("e", 1.0, 2.0)
    assert bench.predictor.push(offset) == []
    assert bench.pipeline.asked[-1] == ("push", offset)


def test_after_each_window_it_is_known_that_it_works_also_where_it_is_forced(bench):
    known = []
    bench.predictor.working = lambda: known.append(len(known))
    bench.push(104.0, 104.25)
    assert len(known) == 2
    bench.pipeline.next_end_s = 104.5
    forced = bench.predictor.force(105.0)
    assert len(known) == 2 + len(forced) > 2


def test_before_any_sample_nothing_can_be_forced(bench):
    assert bench.predictor.force(200.0) == []


def test_forced_windows_are_decided_on_a_copy_up_to_the_time_asked_for(bench):
    bench.push(104.0)
    assert bench.predictor.force(104.24) == []
    assert bench.predictor.force(104.6) == [("a'", (104.0, 104.25)), ("a'", (104.0, 104.25, 104.5))]
    assert bench.decoder.seen == (104.0,)
    assert bench.watched == [(104.0, "z104.0")]  # what is provisional is not shown
    assert bench.predictor.n_forced == 2
    # the same copy goes on, and no end is published twice
    assert bench.predictor.force(104.75) == [("a'", (104.0, 104.25, 104.5, 104.75))]
    assert bench.decoder.n_forks == 1


def test_the_first_end_can_be_forced(bench):
    bench.pipeline.next_end_s = 104.0
    assert bench.predictor.force(104.0) == [("a'", (104.0,))]


def test_ends_without_any_sample_are_passed_over(bench):
    bench.push(104.0)
    bench.pipeline.there = {104.5}
    assert bench.predictor.force(104.75) == [("a'", (104.0, 104.5))]
    assert bench.predictor.n_forced == 1


def test_the_real_windows_are_decided_again_silently_and_replace_the_copy(bench):
    bench.push(104.0)
    bench.predictor.force(104.5)
    assert bench.push(104.25, 104.5) == []
    assert bench.watched[-1] == (104.5, "z104.5")
    assert bench.push(104.75) == [("a", (104.0, 104.25, 104.5, 104.75))]
    assert bench.predictor.force(105.0) == [("a'", (104.0, 104.25, 104.5, 104.75, 105.0))]
    assert bench.decoder.n_forks == 2


def test_while_real_windows_are_behind_the_copy_goes_on(bench):
    bench.push(104.0)
    bench.predictor.force(104.5)
    bench.push(104.25)
    assert bench.predictor.force(104.75) == [("a'", (104.0, 104.25, 104.5, 104.75))]
    assert bench.decoder.n_forks == 1


def test_after_half_a_minute_without_a_stream_forced_windows_are_final(bench):
    bench.push(104.0)  # the next real one ends at 104.25
    bench.predictor.force(104.25 + MAX_BACKLOG_S)
    assert bench.pipeline.skipped == []
    bench.predictor.force(104.5 + MAX_BACKLOG_S)
    assert bench.pipeline.skipped == [104.5 + MAX_BACKLOG_S + 0.125]
    assert bench.push(134.75)[0][0] == "a'"  # the copy has become the decoder
    assert bench.decoder.seen == (104.0,)


GIVEN = LabelGiven(number=0, label="sad", begin_s=10.0, end_s=20.0)


def test_a_label_counts_from_its_notice_on(bench):
    bench.predictor.note(GIVEN, 30.0)
    assert bench.decoder.notes == [("model_at", 30.0 + NOTICE_S), SelfReport(1, 10.0, 20.0, 30.0 + NOTICE_S)]


def test_a_label_that_the_model_does_not_know_never_counts(bench):
    bench.predictor.note(LabelGiven(number=0, label="bored", begin_s=10.0, end_s=20.0), 30.0)
    assert bench.decoder.notes[-1] == SelfReport(-1, 10.0, 20.0, float("inf"))
    assert not bench.decoder.notes[-1].known_at(1e9)


def test_what_is_noted_reaches_the_copy_too(bench):
    bench.push(104.0)
    bench.predictor.force(104.25)
    (ahead,) = [one for one in bench.predictor._decoders() if one is not bench.decoder]
    bench.predictor.note(GIVEN, 30.0)
    bench.predictor.note(LabelWithdrawn(number=3), 40.0)
    bench.predictor.note(CalibrationEnded(from_s=50.0), 49.0)
    bench.predictor.adopt("person", 60.0)  # type: ignore[arg-type]
    expected = [("take_back", 3, 40.0 + NOTICE_S), ("adopt", None, 50.0), ("adopt", "person", 60.0)]
    assert bench.decoder.notes[-3:] == expected
    assert ahead.notes[-3:] == expected
    assert isinstance(ahead.notes[-4], SelfReport)


def test_the_model_at_a_time_is_the_decoders(bench):
    assert bench.predictor.model_at(12.0).labels == ("calm", "sad")
    assert bench.decoder.notes == [("model_at", 12.0)]
    assert bench.predictor.eye_unused == "why not"


def test_a_calibration_that_begins_is_adopted_by_whoever_has_its_file(bench):
    fields = CalibrationBegun.__dataclass_fields__
    bench.predictor.note(CalibrationBegun(**dict.fromkeys(fields, 1.0)), 30.0)
    assert bench.decoder.notes == []
