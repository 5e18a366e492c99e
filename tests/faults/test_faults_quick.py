"""The bench's short selection: it finds sound sessions right, broken ones wrong, and holds what is cured."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from .catalog import all_faults, by_name
from .fault import Fault, Want
from .fuzz_documents import PREDICTIONS, Fuzzed, csv_bytes
from .fuzz_xdf import Fuzzed as FuzzedXdf
from .judge import Outcome, judge
from .plan import build
from .run_fault import run_fault, write_recording
from .truth import EEG_CODE, GAZE_CODE, eeg_samples, gaze_samples
from .xdf_bytes import read_xdf

# documents that were read wrong once: which reader, and the document
DOCUMENT_FINDINGS = (
    ("session_file", b'model = "x"\nrecord = []\nversions = 3\n'),
    ("session_file", b"a." * 100_000 + b"b = 1"),
    ("session_file", b"\xff"),
    ("settings_text", b"[gaze]\nquery = '" + b"x" * 100_000 + b"'\n"),
    (
        "events_file",
        b'{"time_s": 1.0, "kind": "session", "text": "a"}\n{"time_s": -Infinity, "kind": "session", "text": "z"}',
    ),
    (
        "predictions_file",
        csv_bytes([{**PREDICTIONS[0], "time_s": "-1.5e308"}, {**PREDICTIONS[0], "time_s": "1.5e308"}]),
    ),
)


def test_there_are_ninety_faults_and_more_with_names_of_their_own():
    assert len(all_faults()) >= 90
    assert {fault.mode for fault in all_faults()} == {"xdf", "live"}


@pytest.mark.parametrize("columns", [slice(None), slice(1, None), slice(0, 8)])
def test_every_sample_of_the_eeg_says_which_one_it_is_whatever_column_is_taken_out(columns):
    values = eeg_samples(70_000, 250.0).astype(np.float32)
    assert (EEG_CODE.decode(values[:, columns]) == np.arange(70_000)).all()


def test_every_sample_of_the_gaze_says_which_one_it_is_and_noise_says_nothing():
    values = gaze_samples(5_000, 120.0).astype(np.float32)
    assert (GAZE_CODE.decode(values) == np.arange(5_000)).all()
    assert np.mean(EEG_CODE.decode(np.random.default_rng(1).normal(size=(5_000, 16))) >= 0) < 0.05


def test_a_written_recording_holds_what_was_planned(tmp_path):
    plan = build((("markers", {"columns": 2}), ("lost", {"role": "eeg", "share": 0.1})), 10.0, 1000.0)
    write_recording(plan, tmp_path / "x.xdf")
    streams = {stream.name: stream for stream in read_xdf(tmp_path / "x.xdf").values()}
    for one in plan.sent:
        stream = streams[one.description["name"]]
        assert stream.stamps == one.stamps.tolist()
    assert (streams["Amp"].values == plan.of("eeg")[0].values).all()
    assert streams["Stim"].texts[1] == ["clip_1", "sad_1"]


def lines(path: Path, ends, **more):
    row = {
        "settled": True,
        "forced": False,
        "eeg_coverage": 1.0,
        "gaze_coverage": 1.0,
        "latency_ms": 5.0,
        "x": 1,
        **more,
    }
    path.write_text("".join(json.dumps({"time_s": end, **row}) + "\n" for end in ends))
    return path


def outcome_of(tmp_path, shift_s=0.0, keep=slice(None), mode="xdf", **live):
    """What a program would leave that places the EEG this far off, and uses and records only these samples of it."""
    plan = build((), 12.0, 1000.0)
    eeg, gaze = plan.of("eeg")[0], plan.of("gaze")[0]
    np.savez(
        tmp_path / "p.npz",
        times_0=eeg.stamps[keep] + shift_s,
        values_0=eeg.values[keep],
        times_1=gaze.stamps,
        values_1=gaze.values,
    )
    write_recording(plan, tmp_path / "x.xdf")
    ends = np.arange(1004.0, 1012.0, 0.25)
    replay = lines(tmp_path / "r.jsonl", ends)
    return Outcome(
        plan,
        [tmp_path / "x.xdf"],
        lines(tmp_path / "l.jsonl", ends, **live),
        replay,
        tmp_path / "p.npz",
        exit_code=0,
        replay_code=0,
    )


WANT = Want(predictions=10)


@pytest.mark.parametrize("mode", ["xdf", "live"])
def test_the_judge_finds_a_sound_session_right(tmp_path, mode):
    result = judge(Fault("f", mode, want=WANT), outcome_of(tmp_path))
    assert result.wrong == []
    assert (result.sent, result.recorded, result.used) == (4440, 4440, 4440)


@pytest.mark.parametrize(
    ("left", "mode", "found"),
    [
        ({"shift_s": 0.3}, "xdf", "misplaced by 300 ms"),
        ({"shift_s": 1.5}, "xdf", "stale predictions"),
        ({"keep": slice(0, 2000)}, "xdf", "1000 eeg samples not used"),
        ({"x": 2}, "live", "differ in the replay"),
        ({"latency_ms": 4000.0}, "live", "stale predictions"),
    ],
)
def test_the_judge_finds_what_is_wrong(tmp_path, left, mode, found):
    result = judge(Fault("f", mode, want=WANT), outcome_of(tmp_path, **left))
    assert any(found in one for one in result.wrong), result.wrong


def test_the_judge_finds_samples_that_are_not_recorded_and_what_is_not_said(tmp_path):
    outcome = outcome_of(tmp_path)
    half = build((("life", {"role": "eeg", "from_s": 0.0, "to_s": 6.0}),), 12.0, 1000.0)
    write_recording(half, tmp_path / "x.xdf")
    result = judge(Fault("f", "live", want=Want(predictions=10, said=("clock",))), outcome)
    assert "1500 samples not recorded" in result.wrong
    assert "not said: clock" in result.wrong


@pytest.mark.parametrize(
    "name",
    [
        fault.name
        for fault in all_faults()
        if fault.quick and fault.mode == "xdf" and fault.name in ("control", "file_cut_at_half")
    ],
)
def test_a_fault_of_recordings_comes_out_right(name):
    assert run_fault(by_name(name)).wrong == []


@pytest.mark.parametrize(("name", "document"), DOCUMENT_FINDINGS, ids=range(len(DOCUMENT_FINDINGS)))
def test_documents_that_were_read_wrong_once_are_read_or_refused(tmp_path, capsys, name, document):
    Fuzzed(1, tmp_path).take(name, document)


def test_a_few_mutated_documents_and_recordings_are_read_or_refused(tmp_path, capsys):
    documents = Fuzzed(1, tmp_path / "d")
    for name in (
        "settings_text",
        "profile",
        "mapping",
        "faults",
        "wire_request",
        "wire_snapshot",
        "event",
        "log_entry",
    ):
        for number in range(10):
            documents.case(name, number)
    assert len({FuzzedXdf(1, tmp_path / "x").input_of("xdf", number) for number in range(20)}) == 20
