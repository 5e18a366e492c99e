"""Steps with known times, and the stages that the bench explains them by."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.commands.bench.step import STAGES, StageTimes, as_text, summary
from rtemo.core.types import Chunk
from rtemo.simulate import outlets, steps
from rtemo.simulate.steps import EVERY_S, FIRST_S, LASTS_S, ReceivedPrediction, SignalStep, StepRecord


def predictions(ends, lower_from):
    """Coverages of 1, the EEG's lower in windows that end at a time or after it."""
    return [ReceivedPrediction(end, end + 0.02, 0.9 if end >= lower_from else 1.0, 1.0) for end in ends]


def test_a_step_is_shown_by_the_first_window_after_it_with_less_coverage_and_by_no_other_stream():
    record = StepRecord(received=predictions([10.0, 10.25, 10.5, 10.75], 10.5))
    assert record.shown_by(SignalStep("eeg", 10.1, 10.1)).end_s == 10.5
    assert record.shown_by(SignalStep("gaze", 10.1, 10.1)) is None
    assert record.shown_by(SignalStep("eeg", 10.6, 10.6)) is None
    assert record.shown_by(SignalStep("eeg", 10.5 - EVERY_S, 0.0)) is None  # so late that it is another one's


def test_stages_add_up_to_the_whole_and_what_they_leave_over_is_shown():
    record = StepRecord(
        [SignalStep("eeg", 10.1, 10.11)],
        {"eeg": [(10.1, 10.11), (10.5, 10.512), (10.9, 10.91)]},
        predictions([10.0, 10.25, 10.5], 10.5),
    )
    times = StageTimes()
    times.roles = {"a": "eeg"}
    times.pushed(10.5, "a", 10.45, 10.514, 0.001)  # a sample of the block that was handed over at 10.512
    times.embedded(10.5, 10.5163, 0.001)
    times.given(10.5, 10.517)
    times.taken(10.5, 10.518)
    found = summary(record, times.windows())["eeg"]
    assert (found["steps"], found["followed"]) == (1, 1)
    ms = {name: value["p50"] for name, value in found["ms"].items()}
    assert ms == pytest.approx(
        {
            "waiting": 402.0,
            "transport": 2.0,
            "pipeline": 1.0,
            "network": 1.0,
            "decision": 0.7,
            "output": 1.0,
            "reception": 2.0,
            "total": 410.0,
            "unexplained": 0.3,
        },
        abs=1e-6,
    )
    text = "\n".join(as_text({"eeg": found}))
    assert all(stage in text for stage in STAGES)
    assert "1 of 1 in eeg" in text


def test_a_window_that_was_given_before_its_samples_came_is_not_followed():
    times = StageTimes()
    times.pushed(10.5, "a", 10.45, 10.514, 0.001)
    times.embedded(10.5, 10.5163, 0.001)
    times.given(10.5, 10.4)
    times.taken(10.5, 10.41)
    assert times.windows() == {}
    record = StepRecord([SignalStep("eeg", 10.1, 10.11)], {"eeg": [(10.5, 10.512)]}, predictions([10.25, 10.5], 10.5))
    assert summary(record, times.windows()) == {"eeg": {"steps": 1, "followed": 0, "ms": {}}}
    assert "0 of 1 in eeg" in as_text(summary(record, {}))[0]


def test_a_record_is_the_same_after_its_way_between_two_processes():
    record = StepRecord([SignalStep("eeg", 10.1, 10.11)], {"eeg": [(10.1, 10.11)]}, predictions([10.0], 9.0))
    assert StepRecord.from_dict(record.to_dict()) == record


def _keep(sent):
    return lambda self, chunk, shift_s: sent[chunk.stream_id].append(chunk)


def test_steps_wait_for_the_first_prediction_and_take_the_values_away_in_turn(monkeypatch):
    sent = {"eeg": [], "gaze": []}
    monkeypatch.setattr(steps, "pylsl", SimpleNamespace(local_clock=lambda: 7.0))
    monkeypatch.setattr(
        outlets.SimulatedOutlets, "push", lambda self, chunk, shift_s: sent[chunk.stream_id].append(chunk)
    )
    record, over = StepRecord(), threading.Event()
    out = steps._StepOutlets(2, record, over)
    for k in range(150):  # 15 s in blocks of 0.1 s, 1000 s later on the clock
        if k == 10:
            record.received.extend(predictions([1000.5], 2000.0))
        times = 0.1 * k + np.arange(1, 11) / 100.0
        for stream in sent:
            out.push(Chunk(stream, times, np.ones((10, 2), np.float32)), 1000.0)
    missing = {}
    for stream, chunks in sent.items():
        stamps = np.concatenate([chunk.stamps for chunk in chunks])
        missing[stream] = stamps[np.isnan(np.concatenate([chunk.values for chunk in chunks])).all(axis=1)]
        assert len(record.pushed[stream]) == 150
    assert over.is_set()
    begun = {stream: [step.stamp - 1000.0 for step in record.steps if step.stream == stream] for stream in sent}
    first_s = 1.1 + FIRST_S  # the block in which the prediction had come ends at 1.1 s
    assert begun["eeg"] == pytest.approx([first_s, first_s + EVERY_S], abs=0.011)
    assert begun["gaze"] == pytest.approx([first_s + 0.5 * EVERY_S, first_s + 1.5 * EVERY_S], abs=0.011)
    for stream, gone in missing.items():
        assert len(gone) == pytest.approx(2 * 100 * LASTS_S, abs=2)
        assert gone[0] == pytest.approx(begun[stream][0])
    assert {step.pushed_s for step in record.steps} == {7.0}
