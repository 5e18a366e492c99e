"""AFFEC in its own layout: every trial has labelled windows, gaze and pupils are joined by time, nothing is lost."""

import gzip
import json
import shutil

import numpy as np
import pytest
from affec_files import affec_files

from offline.corpus.build import build
from offline.corpus.corpus import open_corpus
from offline.datasets import load
from offline.simulated_datasets.affec import GAZE_COLUMNS, PUPIL_COLUMNS, TRIALS
from offline.simulated_datasets.people import SimulatedPeople


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two people; of each, two runs of three to five seconds a film."""
    return affec_files(tmp_path_factory.mktemp("affec"), SimulatedPeople(2, seed=4, scale=0.3), runs=2)


@pytest.fixture
def copy(root, tmp_path):
    """One person's first run."""
    shutil.copytree(root, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "sub-aaac")
    for path in [*tmp_path.glob("copy/sub-*/*_run-1_*"), *tmp_path.glob("copy/sub-*/*/*_run-1_*")]:
        path.unlink()
    return tmp_path / "copy"


def recording_of(root):
    return load("affec", root).entries[0].load()


def physio(root, part):
    (path,) = root.glob(f"sub-*/beh/*recording-{part}_physio.tsv.gz")
    return path, [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def rewrite(path, rows):
    path.write_bytes(gzip.compress("".join("\t".join(row) + "\n" for row in rows).encode()))


def gaze_of(recording):
    (stream,) = [stream for stream in recording.streams if stream.modality == "gaze"]
    chunks = list(stream.chunks(5.0))
    return stream, np.concatenate([c.stamps for c in chunks]), np.concatenate([c.values for c in chunks])


def test_every_trial_has_labelled_windows_and_every_clip_is_known(root, tmp_path):
    build(load("affec", root), "simulated people", tmp_path / "corpus", root=root)
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.labels == ("negative", "neutral", "positive")
    assert corpus.subjects == ("aaab", "aaac")
    for shard in corpus:
        assert len(shard.about.clips) == len(set(shard.about.clips.values())) == 2 * TRIALS
        assert set(shard.about.targets["1"]) == {"p_emotion_v", "p_emotion_a", "f_emotion_v", "f_emotion_a"}
        assert set(np.unique(shard.rows["trial"][shard.labelled])) == set(range(1, 2 * TRIALS + 1))
        assert shard.about.channels == tuple(shard.about.channels)
        assert len(shard.about.channels) == 63
        assert shard.rows["gaze_coverage"].mean() > 0.5
        assert any("trials are too short for a window: they begin" in note for note in shard.about.notes)
        for trial, targets in shard.about.targets.items():
            label = corpus.labels[shard.rows["label"][shard.rows["trial"] == int(trial)].max()]
            felt = targets["f_emotion_v"]
            assert label == ("negative" if felt < 5 else "positive" if felt > 5 else "neutral")
    assert len({frozenset(shard.about.clips.values()) for shard in corpus}) == 2  # half of the films each, in two runs


def test_a_row_that_holds_both_eyes_counts_once(copy):
    (_, rows), counted = physio(copy, "gaze"), recording_of(copy).rows["gaze"]
    assert (counted.read, counted.used, counted.left_out) == (len(rows), len(rows), 0)


def test_trials_begin_earlier_by_what_they_lack_and_only_then(copy):
    for trial in recording_of(copy).trials:
        assert trial.stop_s - trial.start_s >= 5.0 - 1e-9
        assert trial.lead_in_s == pytest.approx(max(0.0, 5.0 - (trial.stop_s - trial.start_s - trial.lead_in_s)))
        assert 0.0 <= trial.lead_in_s <= 2.0


def test_gaze_and_pupils_are_those_of_the_files_at_their_times(copy):
    recording = recording_of(copy)
    stream, stamps, values = gaze_of(recording)
    assert [channel.label for channel in stream.info.channels] == [
        "gaze_x_left", "gaze_y_left", "pupil_left", "gaze_x_right", "gaze_y_right", "pupil_right",
    ]  # fmt: skip
    assert [channel.unit for channel in stream.info.channels[:3]] == ["normalized", "normalized", "m"]
    _, rows = physio(copy, "gaze")
    assert len(stamps) == len(rows)
    onset = np.array([float(row[0]) for row in rows])
    assert np.allclose(stamps - stamps[0], onset - onset[0], atol=1e-5)
    x = np.array([float(row[GAZE_COLUMNS.index("LPOGX")]) for row in rows])
    valid = np.array([row[GAZE_COLUMNS.index("LPOGV")] == "1" for row in rows])
    assert np.allclose(values[valid, 0], x[valid], atol=1e-6)
    assert np.isnan(values[~valid, 0]).all()
    _, pupils = physio(copy, "pupil")
    own = np.array([float(row[0]) for row in pupils])
    at = int(np.flatnonzero(valid)[300])
    nearest = pupils[int(np.abs(own - onset[at]).argmin())]
    assert values[at, 2] == pytest.approx(float(nearest[PUPIL_COLUMNS.index("LPUPILD")]), rel=1e-5)
    assert 0.001 < np.nanmedian(values[:, 2]) < 0.01


def test_rows_that_are_out_of_step_keep_their_own_times(copy):
    """The pupils' file begins late and lacks a second: joined by row, all later pupils would be shifted."""
    whole = gaze_of(recording_of(copy))[2]
    path, rows = physio(copy, "pupil")
    rewrite(path, rows[300:2000] + rows[2149:])
    cut = gaze_of(recording_of(copy))[2]
    there = np.isfinite(cut[:, 2])
    assert (cut[there, 2] == whole[there, 2]).mean() > 0.999  # but for the rows beside the hole
    assert 150 < np.isfinite(whole[:, 2]).sum() - there.sum() < 250


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda rows: [row[:3] for row in rows], "fewer than"),
        (lambda rows: [], "no row that can be used"),
        (lambda rows: rows[:50], None),
    ],
)
def test_files_of_three_columns_or_none_are_listed_and_the_eeg_stays(copy, spoil, word):
    path, rows = physio(copy, "gaze")
    rewrite(path, spoil(rows))
    recording = recording_of(copy)
    assert len(recording.trials) == TRIALS
    listed = " ".join(map(str, recording.omissions))
    if word:
        assert path.name in listed
        assert word in listed or "no row" in listed
    else:
        assert [stream.modality for stream in recording.streams] == ["eeg", "gaze"]


def test_truncated_lists_of_columns_keep_what_they_name(copy):
    (side_car,) = copy.glob("sub-*/beh/*recording-gaze_physio.json")
    about = json.loads(side_car.read_text())
    about["Columns"] = about["Columns"][: GAZE_COLUMNS.index("RPOGX")]
    side_car.write_text(json.dumps(about))
    stream, _, values = gaze_of(recording_of(copy))
    assert [channel.eye for channel in stream.info.channels] == ["left"] * 3
    assert np.isfinite(values).any()


def test_pupils_in_pixels_stand_in_where_metres_are_zero(copy):
    path, rows = physio(copy, "pupil")
    for row in rows:
        for name in ("LPUPILD", "RPUPILD"):
            row[PUPIL_COLUMNS.index(name)] = "0"
    rewrite(path, rows)
    stream, _, values = gaze_of(recording_of(copy))
    assert stream.info.channels[2].unit == "pixel"
    assert np.nanmedian(values[:, 2]) > 6


def test_another_mapping_may_take_its_place(copy, tmp_path):
    text = (
        "[trials]\ncolumn = 'flag'\nstart = 'video'\nleast_s = 5.0\n[table]\nfile = 'beh'\nkey = 'trial'\n[ratings]\n"
        "low = 'f_emotion_a is low'\nmiddle = 'f_emotion_a is middle'\nhigh = 'f_emotion_a is high'\n"
    )
    (tmp_path / "own.toml").write_text(text)
    recording = load("affec", copy, tmp_path / "own.toml").entries[0].load()
    assert {trial.label for trial in recording.trials} == {"low", "middle", "high"}
