"""Where a baseline comes from: what is understood, what is refused, and what a recording tells its replay."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest
from hostile_documents import JSON_TEXTS, changed, damaged, json_bytes, outcome, refused
from hypothesis import given
from hypothesis import strategies as st

from rtemo.cli import main
from rtemo.core.baseline.rest_interval import Baseline
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Modality
from rtemo.recordings.baseline_file import load_baseline, save_baseline
from rtemo.recordings.baseline_plan import BaselinePlan, MarkedBaseline
from rtemo.recordings.events import Event, EventKind

SETTINGS = PipelineSettings()
FOUND = {Modality.EEG: Baseline(("Cz", "Pz"), np.array([[1.0, np.nan], [2.0, 3.0]]), np.array([[0.5, np.nan], [1, 2]]))}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "baseline.json"
    save_baseline(path, FOUND, SETTINGS, "P01", datetime(2026, 1, 2, 3, 4, 5))
    return path


def test_a_saved_baseline_comes_back_as_it_was_whatever_the_hop_is(saved):
    loaded = load_baseline(saved, SETTINGS.with_hop(0.1), "P01")[Modality.EEG]
    assert loaded.names == ("Cz", "Pz")
    np.testing.assert_array_equal(loaded.mean, FOUND[Modality.EEG].mean)
    np.testing.assert_array_equal(loaded.scale, FOUND[Modality.EEG].scale)


def test_another_persons_baseline_is_refused_and_an_unknown_person_takes_it(saved):
    with pytest.raises(RtemoError, match="another person's; it is of 'P01', the session of 'P02'"):
        load_baseline(saved, SETTINGS, "P02")
    assert load_baseline(saved, SETTINGS, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pipeline": "other"}, "does not fit the model"),
        ({"kind": "something"}, "no baseline of this format"),
        ({"modalities": {"eeg": {"names": ["Cz"], "mean": [[1.0], [2.0]], "scale": [[1.0], [1.0]]}}}, "damaged"),
        ({"modalities": {"eeg": {"names": ["Cz"], "mean": [[1.0]], "scale": [[0.0]]}}}, "damaged"),
        ({"modalities": {"smell": {}}}, "damaged"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_reason(saved, change, said):
    saved.write_text(json.dumps({**json.loads(saved.read_text()), **change}))
    with pytest.raises(RtemoError, match=said):
        load_baseline(saved, SETTINGS, "P01")


def test_hostile_files_are_refused_and_changed_ones_refused_or_read(saved):
    content = saved.read_bytes()

    def read(text):
        saved.write_bytes(text)
        return load_baseline(saved, SETTINGS, "P01")

    for text in JSON_TEXTS:
        refused(lambda text=text: read(text))

    @given(st.one_of(changed(json.loads(content)).map(json_bytes), damaged(content)))
    def check(text):
        outcome(lambda: read(text), dict)

    check()


@pytest.mark.parametrize("text", ["120", "5:", "10:5", "-1:5", "0:inf", "marker=a", "marker=a,", "marker=a,a", "x:y"])
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(RtemoError):
        BaselinePlan.parse(text)


@pytest.mark.parametrize("text", ["10:130.5", "marker=rest begins,rest ends"])
def test_a_plan_says_itself_as_it_was_written(text):
    assert str(BaselinePlan.parse(text)) == text


def test_a_live_session_cannot_choose_seconds_of_a_recording():
    with pytest.raises(RtemoError, match="a live session has no seconds"):
        BaselinePlan.parse("0:120").prepare(Pipeline(SETTINGS), "P01")


def marker(time_s, text):
    return Event(time_s, EventKind.MARKER, text)


def test_the_interval_between_two_markers_becomes_the_baseline():
    asked, said = [], []

    class Asked(Pipeline):
        def rest_begins(self, begin_s):
            asked.append(begin_s)

        def rest(self, begin_s, end_s):
            asked.append((begin_s, end_s))
            return super().rest(begin_s, end_s)

    hear = MarkedBaseline(BaselinePlan.parse("marker=in,out"), Asked(SETTINGS), said.append)
    hear(marker(5.0, "out"))
    hear(Event(6.0, EventKind.ANNOTATION, "in"))
    hear(marker(10.0, "in"))
    hear(marker(20.0, "film"))
    hear(marker(70.0, "out"))
    hear(marker(71.0, "out"))
    assert asked == [10.0, (10.0, 70.0)]
    hear(marker(80.0, "in"))
    hear(marker(81.0, "out"))
    assert len(said) == 1
    assert "lasts 20 to 600 s" in said[0]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recorded") / "session.xdf"
    wanted = ["--seed", "7", "--duration", "150", "--eeg-channels", "8", "--eeg-rate", "250"]
    assert main(["simulate", *wanted, "--xdf", str(path), "--quiet"]) == 0
    return path


def replay(recording, out, *options):
    assert main(["replay", str(recording), "--speed", "max", "--quiet", "--hop", "1", "--out", str(out), *options]) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_the_same_rest_by_markers_and_by_seconds_gives_the_same_predictions(recording, tmp_path):
    plain = replay(recording, tmp_path / "plain.jsonl")
    markers = replay(recording, tmp_path / "m.jsonl", "--baseline", "marker=baseline/start,baseline/end")
    seconds = replay(recording, tmp_path / "s.jsonl", "--baseline", "0:30")
    assert [r["smoothed"] for r in markers] == [r["smoothed"] for r in seconds]
    assert [r["settled"] for r in markers] == [r["settled"] for r in seconds]
    first_s = plain[0]["time_s"] - 4
    assert not any(r["settled"] for r in markers if r["time_s"] < first_s + 31)
    assert all(r["settled"] for r in markers if r["time_s"] > first_s + 34)
    assert any(r["settled"] for r in plain if r["time_s"] < first_s + 31)
    later = [(p["probabilities"], m["probabilities"]) for p, m in zip(plain, markers, strict=True)]
    assert [p == m for p, m in later[:24]] == [True] * 24
    assert not any(p == m for p, m in later[40:])


def test_a_bad_plan_ends_the_command_with_one_line(recording, capsys):
    assert main(["replay", str(recording), "--baseline", "soon"]) == 2
    assert "write FILE.json, START:STOP in seconds, or marker=BEGIN,END" in capsys.readouterr().err
