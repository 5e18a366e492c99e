"""SEED-IV into a corpus: the right labels, and no fault in a folder becomes a wrong one or a crash."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from seed_iv_folder import SECONDS, eyes, write

from offline.__main__ import main
from offline.corpus.build import build
from offline.corpus.corpus import open_corpus
from offline.datasets import load
from offline.datasets.feature_sources import FeatureSources
from offline.datasets.seed import safe_pickle as restricted_pickle
from offline.datasets.seed.published import SEED_IV_TRIALS
from offline.simulated_datasets import seed_iv as layout
from offline.workers import Workers
from rtemo.core.errors import RtemoError

LABELS = ("neutral", "sad", "fear", "happy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp("seed-iv"), subjects=(2, 10), sessions=(1, 2))


@pytest.fixture(scope="module")
def corpus(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "corpus"
    build(load("seed-iv", folder), "noise", out, root=folder)
    return open_corpus(out)


@pytest.fixture
def one(folder, tmp_path):
    """Subject 2's first session, to be damaged."""
    for part in ("eeg_raw_data", "eye_feature_smooth"):
        (tmp_path / "root" / part / "1").mkdir(parents=True)
        shutil.copy(folder / part / "1" / "2_20150915.mat", tmp_path / "root" / part / "1")
    return tmp_path / "root"


def built(root, **options):
    out = root.with_name("corpus")
    report = build(load("seed-iv", root), "noise", out, root=root, **options)
    return report, open_corpus(out)


def trials_of(shard):
    """(trial, label) of every labelled window's trial, in order."""
    rows = shard.rows[shard.labelled]
    return sorted({(int(row["trial"]), int(row["label"])) for row in rows})


def test_every_trial_of_every_session_has_its_published_label(corpus):
    assert [(s.about.subject, s.about.session) for s in corpus] == [("2", "1"), ("2", "2"), ("10", "1"), ("10", "2")]
    assert corpus.labels == LABELS
    for shard in corpus:
        session = int(shard.about.session)
        assert trials_of(shard) == list(enumerate(SEED_IV_TRIALS[session], start=1))
        rows = shard.rows[shard.labelled]
        windows = np.bincount(rows["trial"])[1:].tolist()
        assert windows[:-1] == [s - 3 for s in SECONDS[session][:-1]]
        assert windows[-1] == SECONDS[session][-1] - 4  # the filters want to see a little more than there is
        assert shard.about.clips["5"] == f"seed-iv/{session}/5"


def test_the_manifest_names_sources_baseline_files_counts_and_what_was_left_out(corpus, folder):
    about = corpus.description
    assert about["sources"] == {"eeg": "causal", "eye": "as released"}
    assert about["baseline"] == "surrogate: the first 120 s of data, whatever was shown (4)"
    assert about["counts"]["recordings"] == 4
    assert about["counts"]["windows"] == sum(s.about.n_windows for s in corpus)
    assert about["omitted"] == {"recording": 2}
    assert sum("session 3: no EEG file for it" in text for text in about["omissions"]) == 2
    files = corpus.shards[2].about.files
    assert set(files) == {"eeg_raw_data/1/10_20151014.mat", "eye_feature_smooth/1/10_20151014.mat"}
    assert len(set(files.values())) == 2


def test_released_eye_features_lie_on_the_windows_of_their_place_in_the_trial(corpus, folder):
    shard = corpus.shards[0]
    raw = loadmat(folder / "eye_feature_smooth" / "1" / "2_20150915.mat")
    rows = shard.rows
    for trial in (1, 2, 24):
        at = np.flatnonzero(rows["trial"] == trial)
        released = raw[f"eye_{trial}"].T.astype(np.float32)
        np.testing.assert_array_equal(shard.eye_raw[at[0], :31], released[0])
        np.testing.assert_array_equal(shard.eye_raw[at[-1], :31], released[-1])
        assert shard.eye_valid[at].all(axis=0).tolist() == [True] * 31 + [False] * 2
    assert np.abs(shard.eye).max() <= 6.0
    assert rows["gaze_coverage"][shard.labelled].all()


def test_released_features_are_normalised_by_what_came_before_and_by_nobody_elses(corpus, folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "root")
    path = other / "eye_feature_smooth" / "1" / "2_20150915.mat"
    arrays = {key: value for key, value in loadmat(path).items() if key[0] != "_"}
    savemat(path, {**arrays, "eye_24": arrays["eye_24"] + 50.0})
    _, changed = built(other)
    before, after = corpus.shards[0], changed.shards[0]
    late = before.rows["trial"] == 24
    first_end = before.rows["end_s"][late][0]
    earlier = before.rows["end_s"] < first_end - 4.0
    np.testing.assert_array_equal(before.eye[earlier], after.eye[earlier])
    assert (before.eye[late] != after.eye[late]).any()
    np.testing.assert_array_equal(corpus.shards[2].eye, changed.shards[2].eye)


def test_all_combinations_of_sources_build_and_say_what_they_are(one, tmp_path):
    rng = np.random.default_rng(3)
    trials = [rng.normal(0, 20, (62, 200 * s + 1)) for s in SECONDS[1]]
    layout.write_eeg(one, 2, 1, trials)
    layout.write_eeg_features(one, 2, 1, trials)
    dataset, shapes = load("seed-iv", one), {}
    for eeg, eye in (("as released", "as released"), ("as released", "none"), ("causal", "none")):
        out = tmp_path / f"{eeg}-{eye}"
        build(dataset, "noise", out, sources=FeatureSources(eeg, eye))
        made = open_corpus(out)
        assert made.sources == FeatureSources(eeg, eye)
        (shard,) = made
        assert trials_of(shard) == list(enumerate(SEED_IV_TRIALS[1], start=1))
        assert shard.eye_valid.any() == (eye == "as released")
        shapes[eeg] = shard.eeg.shape[1:]
        if eeg == "as released":
            assert made.pipeline["window"]["hop_s"] == 4.0
            assert shard.about.n_windows == sum(s // 4 for s in SECONDS[1])
            assert shard.about.channels[:3] == ("Fp1", "Fpz", "Fp2")
    assert shapes == {"as released": (1, 62, 5), "causal": (4, 62, 20)}


def test_what_a_data_set_does_not_have_is_refused(folder, tmp_path):
    dataset = load("seed-iv", folder)
    with pytest.raises(RtemoError, match="do not overlap; the hop is 1 s"):
        build(dataset, "noise", tmp_path / "c", 1.0, sources=FeatureSources("as released", "none"))
    with pytest.raises(RtemoError, match=r"nothing of SEED-IV could be built; .*it has no released EEG features"):
        build(dataset, "noise", tmp_path / "c", sources=FeatureSources("as released", "none"))
    with pytest.raises(RtemoError, match="seed has no eye features 'causal'; it has none"):
        build(_seed(tmp_path / "seed"), "noise", tmp_path / "c", sources=FeatureSources("causal", "causal"))


def _seed(root):
    (root / "Preprocessed_EEG").mkdir(parents=True)
    savemat(root / "Preprocessed_EEG" / "label.mat", {"label": np.array([[1, 0, -1] * 5])})
    savemat(
        root / "Preprocessed_EEG" / "1_20131027.mat",
        {f"djc_eeg{n}": np.random.default_rng(n).normal(0, 20, (62, 2001)) for n in range(1, 16)},
    )
    return load("seed", root)


def test_seed_builds_with_eeg_alone(tmp_path):
    build(_seed(tmp_path / "seed"), "noise", tmp_path / "c")
    made = open_corpus(tmp_path / "c")
    assert made.sources == FeatureSources("causal", "none")
    assert made.labels == ("negative", "neutral", "positive")
    assert trials_of(made.shards[0]) == [(n, [2, 1, 0][(n - 1) % 3]) for n in range(1, 16)]


def expect_one_trial_less(one, corpus, trial, word):
    report, made = built(one)
    assert [word in text for text in report.omissions].count(True) == 1
    (shard,) = made
    assert trials_of(shard) == [pair for pair in trials_of(corpus.shards[0]) if pair[0] != trial]


def test_a_trial_too_few_is_left_out_and_the_others_keep_their_labels(one, corpus):
    path = one / "eeg_raw_data" / "1" / "2_20150915.mat"
    arrays = {key: value for key, value in loadmat(path).items() if key[0] != "_" and not key.endswith("eeg7")}
    savemat(path, arrays)
    expect_one_trial_less(one, corpus, 7, "trial 7: it is not in the file")


def test_a_truncated_file_keeps_the_trials_before_the_cut(one, corpus):
    path = one / "eeg_raw_data" / "1" / "2_20150915.mat"
    path.write_bytes(path.read_bytes()[:-1000])
    expect_one_trial_less(one, corpus, 24, "trial 24: the file ends before it")


def test_eye_windows_one_short_and_nan_cells_are_listed_and_cost_nothing_else(one, corpus, rng):
    trials = eyes(rng, 1)
    trials[0] = trials[0][:, :-1]
    trials[2][5, 1] = np.nan
    layout.write_eye_features(one, 2, 1, trials)
    report, made = built(one)
    (shard,) = made
    assert trials_of(shard) == trials_of(corpus.shards[0])
    assert made.description["omitted"] == {"eye": 2, "recording": 2}
    assert [text.split(": ", 1)[0] for text in report.omissions if text.startswith("eye")] == ["eye left out"] * 2
    third = np.flatnonzero(shard.rows["trial"] == 3)
    assert not shard.eye_valid[third[-1], 5]
    assert shard.eye[third[-1], 5] == 0.0


def test_damage_that_shows_only_while_reading_costs_one_recording(folder, tmp_path):
    root = shutil.copytree(folder, tmp_path / "root")
    path = root / "eeg_raw_data" / "1" / "10_20151014.mat"
    savemat(path, {k: v for k, v in loadmat(path).items() if k[0] != "_"}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    path.write_bytes(bytes(content))
    report, made = built(root)
    assert [s.about.id for s in made] == ["2@1", "2@2", "10@2"]
    assert sum("10_20151014.mat" in text or "subject 10 session 1" in text for text in report.omissions) == 1
    assert "1 recording" not in made.description["omissions"]
    assert [p.name for p in (made.path / "recordings").iterdir() if p.name.startswith(".")] == []


def test_swapped_sessions_build_nothing_of_the_two(tmp_path):
    root = write(tmp_path / "root", subjects=(2, 10, 11), sessions=(1, 2), parts=("eeg",))
    first, second = (root / "eeg_raw_data" / n for n in ("1/2_20150915.mat", "2/2_20150920.mat"))
    first_bytes = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(first_bytes)
    report, made = built(root, sources=FeatureSources("causal", "none"))
    assert [s.about.id for s in made] == ["10@1", "10@2", "11@1", "11@2"]
    assert sum("are two files swapped?" in text for text in report.omissions) == 2


def test_a_folder_without_one_good_file_is_one_clear_error(one, capsys):
    (one / "eeg_raw_data" / "1" / "2_20150915.mat").write_bytes(b"no MATLAB file")
    out = one.with_name("corpus")
    assert main(["--quiet", "build", "seed-iv", "--root", str(one), "--out", str(out)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: nothing of SEED-IV could be built; 0 recordings; ")
    assert "cannot be read as MATLAB v5" in message
    assert message.count("\n") == 1
    assert not (out / "manifest.json").exists()


def test_the_command_builds_with_what_is_usual_and_lists_what_it_left_out(one, capsys, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    out = one.with_name("corpus")
    assert main(["--quiet", "build", "seed-iv", "--root", str(one), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(f"{out}: 1 recordings of 1 people, ")
    assert said.out.endswith("left out: 2 recording\n")
    assert said.err.count("recording left out: seed-iv subject 2 session") == 2


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (["xdf"], "where xdf lies is not given"),
        (["xdf", "--root", ".", "--seed", "3"], "--seed are about simulated people"),
        (["synthetic", "--root", "."], "simulated people are made, not read"),
        (["bids", "--root", "nowhere"], "nowhere is no folder"),
    ],
)
def test_options_that_make_no_sense_are_refused(given, word, tmp_path, capsys):
    assert main(["--quiet", "build", *given, "--out", str(tmp_path / "c")]) == 2
    assert word in capsys.readouterr().err


def test_simulated_people_in_a_layout_stay_simulated(one):
    (one / ".rtemo-simulated.json").write_text(json.dumps({"layout": "seed-iv", "seed": 4, "effect": 1.0}))
    out = one.with_name("corpus")
    assert main(["--quiet", "build", "seed-iv", "--root", str(one), "--out", str(out)]) == 0
    about = open_corpus(out).description
    assert about["people"] == "simulated people"
    assert about["data set"] == "simulated people in the layout of SEED-IV"
    assert about["notes"][0] == "simulated: layout seed-iv, seed 4, effect 1.0"
    assert about["licence"] == "none needed"


class Evil:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


def test_a_pickle_that_tries_to_run_code_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "1_123.npz", data=pickle.dumps({0: Evil()}), label=pickle.dumps({}))
    with pytest.raises(RtemoError):
        restricted_pickle.load_trials(tmp_path / "1_123.npz", "data")
    assert not (tmp_path / "pwned").exists()


def test_two_jobs_give_the_same_corpus(folder, corpus, tmp_path):
    out = tmp_path / "c"
    build(load("seed-iv", folder), "noise", out, workers=Workers(2), root=folder)
    assert open_corpus(out).fingerprint == corpus.fingerprint


def test_a_killed_build_leaves_no_corpus_and_goes_on_where_it_was(folder, corpus, tmp_path):
    out = tmp_path / "c"
    command = [sys.executable, "-m", "offline", "--quiet", "build", "seed-iv", "--root", str(folder), "--out", str(out)]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    first = out / "recordings" / "2@1" / "about.json"
    deadline = time.monotonic() + 120.0
    while not first.exists() and child.poll() is None and time.monotonic() < deadline:
        child.poll()
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    with pytest.raises(RtemoError, match="is no corpus"):
        open_corpus(out)
    done = first.stat().st_mtime_ns
    build(load("seed-iv", folder), "SEED-IV", out, root=folder)
    made = open_corpus(out)
    assert first.stat().st_mtime_ns == done
    assert [s.about.content for s in made] == [s.about.content for s in corpus]
    assert [path.name for path in (out / "recordings").iterdir() if path.name.startswith(".")] == []


def test_a_dask_scheduler_builds_the_same(folder, corpus, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        build(
            load("seed-iv", folder),
            "noise",
            tmp_path / "c",
            workers=Workers(scheduler=cluster.scheduler_address),
            root=folder,
        )
    assert open_corpus(tmp_path / "c").fingerprint == corpus.fingerprint


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_a_scheduler_that_does_not_answer_is_an_error_before_dask_waits_for_it(address, folder, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", lambda *_, **__: pytest.fail("it waits a minute when the program ends"))
    with pytest.raises(RtemoError, match="no Dask scheduler answers"):
        build(load("seed-iv", folder), "noise", tmp_path / "c", workers=Workers(scheduler=address))


def test_the_folders_of_two_sessions_never_coincide():
    from offline.corpus.build_recording import recording_id
    from offline.datasets.base import Entry

    names = [("a_1", "2"), ("a", "1_2"), ("a/b", "1"), ("a@1", "2"), ("a", "1@2"), ("..", "1")]
    found = [recording_id(Entry(subject, session, (), lambda: None)) for subject, session in names]
    assert len(set(found)) == len(names)
    assert all(Path(one).name == one for one in found)
