"""Sessions with eye-tracking and without EEG build too, with their trials."""

import numpy as np
import pytest
from bids_runs import MAPPING, ROWS, Run, gaze_of, labels_at, reasons

from offline.corpus.build import build
from offline.corpus.corpus import open_corpus
from offline.datasets.bids import dataset as bids
from rtemo.core.errors import RtemoError


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path, eyes=("left", "right"))
    for path in (*run.folder.glob("*_eeg.*"), run.file("channels", ".tsv")):
        path.unlink()
    beh = run.folder.with_name("beh")
    run.folder.rename(beh)
    run.folder = beh
    return run


def test_gaze_and_labels_are_where_the_files_put_them(run):
    recording = run.load()
    times, values = gaze_of(recording)
    assert [stream.modality for stream in recording.streams] == ["gaze"]
    assert np.allclose(times, np.arange(3600) / 60, atol=2e-6)
    assert np.allclose(values, np.column_stack(run.seen), atol=1e-3)
    assert labels_at(recording) == [(onset, word) for onset, _, word in ROWS]
    assert reasons(recording) == []


def test_a_session_of_eyes_becomes_labelled_windows(run, tmp_path):
    (run.root / "mapping.toml").write_text(MAPPING)
    build(bids.load(run.root, run.root / "mapping.toml"), "people", tmp_path / "corpus", root=run.root)
    (shard,) = open_corpus(tmp_path / "corpus")
    assert len(shard.labelled) == 4 * 5
    assert shard.rows["eeg_coverage"].max() == 0.0
    assert shard.rows["gaze_coverage"][shard.labelled].min() > 0.9


def test_without_events_a_run_is_one_trial_of_its_own_length(run):
    run.events.unlink()
    (trial,) = run.load("").trials
    assert trial.stop_s - trial.start_s == pytest.approx(60.0, abs=0.02)


def test_eyes_that_cannot_be_used_leave_the_session_out_with_the_reason(run):
    for n in (1, 2):
        run.eye(n).write_bytes(b"")
    with pytest.raises(RtemoError, match="is empty"):
        run.load()


def test_a_clock_of_its_own_is_refused_where_nothing_tells_when_it_began(run):
    for n in (1, 2):
        run.change_eye(n, StartTime=7180123)
    with pytest.raises(RtemoError, match="its clock is not the EEG's"):
        run.load()


def test_what_looks_like_eyes_and_cannot_be_known_to_be_is_listed(run):
    run.eye(1, ".json").write_text("{")
    dataset = bids.load(run.root)
    listed = " ".join(map(str, dataset.omissions))
    assert run.eye(1, ".json").name in listed
    assert f"{run.eye(1).name}: it is not known to be eye-tracking" in listed
    assert len(dataset.entries) == 1
    run.eye(2, ".json").write_text("")
    with pytest.raises(RtemoError, match="not known to be eye-tracking"):
        bids.load(run.root)
