"""Explanations: which windows are explained, that none is waited for, and what is written of them."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace

import pytest

from rtemo.live.engine import explanations
from rtemo.live.engine.explanations import Due, Explaining, ExplanationFile, ExplanationSink, as_json, rounded
from rtemo.live.output.line_file import LineFile
from rtemo.live.output.output_queue import OutputQueue
from rtemo.model.explain import Explanation


def window(end_s):
    return SimpleNamespace(end_s=end_s)


class Predictor:
    def __init__(self):
        self.watches = []
        self.asked = []

    def model_at(self, end_s):
        self.asked.append(end_s)
        return f"model at {end_s}"

    def show(self, *ends):
        for end_s in ends:
            for watch in self.watches:
                watch(window(end_s), None)


class Explainer:
    """Explains at once, or when `gate` is opened. What ends in .75 cannot be explained."""

    gate, taken = None, threading.Event()

    def __init__(self, bundle):
        self.bundle = bundle
        self.explained = []

    def explain(self, given, model):
        if self.gate is not None:
            self.taken.set()
            assert self.gate.wait(30)
        self.explained.append((given.end_s, model))
        return None if given.end_s % 1 == 0.75 else Explanation(given.end_s, "calm", {"eeg": 0.5})


@pytest.fixture(autouse=True)
def _no_model(monkeypatch):
    monkeypatch.setattr(explanations, "Explainer", Explainer)


def test_the_first_window_of_each_second_is_due():
    due = Due()
    ends = [4.0, 4.25, 4.75, 5.25, 5.5, 5.75, 6.0, 9.5, 9.75, 3.0, 10.0]
    assert [end_s for end_s in ends if due(window(end_s))] == [4.0, 5.25, 6.0, 9.5, 10.0]
    assert Due()(window(0.5))
    after = Due(4.3)  # an engine that goes on does not know what was explained of this second
    assert [end_s for end_s in ends[1:8] if after(window(end_s))] == [5.25, 6.0, 9.5]


def test_a_file_has_every_window_that_is_due_and_can_be_explained(tmp_path):
    predictor = Predictor()
    file = LineFile(tmp_path / "why.jsonl")
    ExplanationFile(file, "bundle", predictor)
    predictor.show(4.0, 4.25, 5.75, 6.0)
    lines = (tmp_path / "why.jsonl").read_text().splitlines()  # written as they come
    file.close()
    assert [json.loads(line)["time_s"] for line in lines] == [4.0, 6.0]
    assert predictor.asked == [4.0, 5.75, 6.0]


def test_a_window_is_explained_once_its_prediction_is_out():
    predictor, explaining = Predictor(), Explaining("bundle")
    explaining.follow(predictor)
    predictor.show(4.0, 4.25)
    assert explaining.newest() == []
    explaining.begin()
    explaining.begin()  # nothing more is noted
    explaining.close()
    assert explaining._explainer.explained == [(4.0, "model at 4.0")]
    assert [one.time_s for one in explaining.newest()] == [4.0]
    assert explaining.newest() == []


def test_what_cannot_be_explained_is_left_out():
    explaining = Explaining("bundle")
    assert explaining.ask(window(4.75), "model")
    explaining.close()
    assert explaining._explainer.explained == [(4.75, "model")]
    assert explaining.newest() == []


def test_nobody_waits_for_an_explanation(monkeypatch):
    monkeypatch.setattr(Explainer, "gate", threading.Event())
    explaining = Explaining("bundle")
    assert explaining.ask(window(4.0), "model")
    assert Explainer.taken.wait(30)  # the thread stands at the gate
    assert explaining._thread.daemon  # nor does a program that ends
    assert explaining.ask(window(5.0), "model")  # one waits
    assert not explaining.ask(window(6.0), "model")  # and no more
    Explainer.gate.set()
    explaining.close()
    assert [one.time_s for one in explaining.newest()] == [4.0, 5.0]


def test_an_ended_thread_starts_again_when_it_is_asked():
    explaining = Explaining("bundle")
    explaining.close()  # there was none
    for end_s in (4.0, 5.0):
        explaining.ask(window(end_s), "model")
        explaining.close()
    assert [one.time_s for one in explaining.newest()] == [4.0, 5.0]


def test_whoever_follows_another_predictor_forgets_the_one_before():
    first, second, explaining = Predictor(), Predictor(), Explaining("bundle")
    explaining.follow(first)
    first.show(4.0)
    explaining.follow(second)
    explaining.begin()
    second.show(4.25)  # due again: a session of its own
    explaining.begin()
    explaining.close()
    assert explaining._explainer.explained == [(4.25, "model at 4.25")]


def queue_to(path):
    file = LineFile(path)
    return OutputQueue("why", file.write, file.close)


def test_explanations_of_several_name_the_participant(tmp_path):
    """In one file: each has its own predictor, thread and second."""
    lines = queue_to(tmp_path / "why.jsonl")
    for whose in ("P01", "P02"):
        predictor = Predictor()
        sink = ExplanationSink(lines, "bundle", predictor, whose)
        predictor.show(4.0)
        sink.put(None)
        sink._explaining.close()
        sink.put(None)
        sink.close()
    lines.close()
    replayed = LineFile(tmp_path / "replayed.jsonl")
    for whose in ("P01", "P02"):
        predictor = Predictor()
        ExplanationFile(replayed, "bundle", predictor, whose)
        predictor.show(4.0)
    replayed.close()
    written = (tmp_path / "why.jsonl").read_text()
    assert [json.loads(line)["participant"] for line in written.splitlines()] == ["P01", "P02"]
    assert (tmp_path / "replayed.jsonl").read_text() == written


def test_a_sink_writes_what_has_become_ready_with_each_prediction(tmp_path):
    predictor = Predictor()
    lines = queue_to(tmp_path / "why.jsonl")
    sink = ExplanationSink(lines, "bundle", predictor)
    predictor.show(4.0)
    sink.put(None)
    sink._explaining.close()  # until it is explained
    sink.put(None)
    sink.discard()
    sink.close()
    lines.close()
    written = (tmp_path / "why.jsonl").read_text()
    assert json.loads(written) == {"time_s": 4.0, "label": "calm", "shares": {"eeg": 0.5}}


def test_shares_have_four_digits_and_zero_has_no_sign():
    found = Explanation(12.3456789, "süß", {"eeg": 0.123456, "gaze": -0.00001})
    assert rounded(found) == {"eeg": 0.1235, "gaze": 0.0}
    assert str(rounded(found)["gaze"]) == "0.0"
    assert as_json(found) == '{"time_s": 12.345679, "label": "süß", "shares": {"eeg": 0.1235, "gaze": 0.0}}'


def test_a_window_is_explained_once():
    predictor, explaining = Predictor(), Explaining("bundle")
    explaining.follow(predictor)
    predictor.show(4.0)
    for _ in range(2):
        explaining.begin()
        explaining.close()
    assert explaining._explainer.explained == [(4.0, "model at 4.0")]


def test_a_session_that_is_taken_up_leaves_out_the_second_that_it_begins_in(tmp_path):
    predictor, lines = Predictor(), queue_to(tmp_path / "why.jsonl")
    sink = ExplanationSink(lines, "bundle", predictor, after_s=4.3)
    predictor.show(4.5, 5.0)
    sink.put(None)
    thread = sink._explaining._thread
    sink.close()
    assert not thread.is_alive()
    lines.close()
    assert predictor.asked == [5.0]


def test_a_share_that_is_no_number_is_never_written():
    with pytest.raises(ValueError, match="JSON"):
        as_json(Explanation(1.0, "calm", {"eeg": float("nan")}))
