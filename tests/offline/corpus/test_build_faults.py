"""`python -m offline build` on damaged folders: what cannot be used is listed and counted, and no label is wrong."""

import os
import pickle

import numpy as np
import pytest
from scipy.io import loadmat, savemat
from seed_iv_folder import write as write_seed_iv
from small_folders import (
    bids_folder,
    eegeyenet_run,
    seed_folder,
    seed_v_eyes,
    seed_v_folder,
    seed_vii_eeg,
    seed_vii_eyes,
    xdf_file,
)

from offline.__main__ import main
from offline.corpus.corpus import open_corpus
from offline.datasets.seed.published import SEED_V_LABELS, SEED_V_TRIALS, SEED_VII_LABELS, SEED_VII_TRIALS
from offline.simulated_datasets import eegeyenet, seed_v


class Evil:
    def __reduce__(self):
        return (os.system, ("touch pwned",))


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    return tmp_path / "root"


@pytest.fixture
def command(root, capsys):
    """Runs the command. Gives its exit code, what it listed, and the labels of each recording by trial."""

    def run(name, *more):
        out = root.with_name("corpus")
        code = main(["--quiet", "build", name, "--root", str(root), "--out", str(out), *map(str, more)])
        listed = capsys.readouterr().err.splitlines()
        assert not (root.parent / "pwned").exists()
        if code:
            assert len(listed) == 1
            assert not (out / "manifest.json").exists()
            return code, listed, {}
        corpus = open_corpus(out)
        assert sum(corpus.description["omitted"].values()) == len(listed)
        return code, listed, {shard.about.id: _labels(corpus, shard) for shard in corpus}

    return run


def _labels(corpus, shard):
    rows = shard.rows[shard.labelled]
    pairs = sorted({(int(row["trial"]), corpus.labels[row["label"]]) for row in rows})
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def published(trials, words, session):
    code_to_word = {code: word for word, code in words.items()}
    return {number: code_to_word[code] for number, code in enumerate(trials[session], start=1)}


def mentioning(listed, *words):
    return [line for line in listed if all(word in line for word in words)]


def exchange(one, other):
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def cut(path, share):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def test_seed_v_with_missing_cut_and_hostile_files_keeps_the_good_sessions(root, command):
    seed_v_folder(root, {10: (1,), 2: (1, 2)})
    cut(next((root / "EEG_raw").glob("2_2_*.cnt")), 0.6)
    eyes = seed_v_eyes()
    eyes[0], eyes[1][0, 5] = eyes[0][:1], np.nan
    seed_v.write_eye_features(root, 2, eyes)
    hostile = root / "Eye_movement_features" / "10_123.npz"
    np.savez(hostile, data=np.array(pickle.dumps({0: Evil()})), label=np.array(pickle.dumps({})))
    code, listed, labels = command("seed-v")
    assert code == 0
    good = published(SEED_V_TRIALS, SEED_V_LABELS, 1)
    assert labels == {"2@1": good, "10@1": good}
    assert list(labels) == ["2@1", "10@1"]
    assert len(mentioning(listed, "recording left out", "no EEG file for it")) == 3
    assert len(mentioning(listed, "recording left out", "subject 2 session 2")) == 1
    assert len(mentioning(listed, "eye left out", "subject 2 session 1 trial 1", "last window")) == 1
    assert len(mentioning(listed, "eye left out", "subject 2 session 1 trial 2", "1 of its values are not finite")) == 1
    assert len(mentioning(listed, "eye left out", "subject 10 session 1", "holds more than arrays")) == 1
    assert len(listed) == 7


def test_seed_v_with_a_trial_too_few_in_its_times_is_one_error(root, command):
    seed_v_folder(root, {2: (1,)})
    times = root / seed_v.TIMES_FILE
    times.write_text(times.read_text().replace("[2, ", "[", 1))
    code, listed, _ = command("seed-v")
    assert code == 2
    assert "does not give 15 trials" in listed[0]


def test_one_persons_swapped_sessions_are_noticed_by_the_day_in_the_header(root, command):
    """Of one person alone there are no other people's trial lengths to compare with."""
    seed_v_folder(root, {2: (1, 2)})
    exchange(*sorted((root / "EEG_raw").glob("*.cnt")))
    code, listed, _ = command("seed-v")
    assert code == 2
    assert "are two files swapped?" in listed[0]


def test_seed_viis_swapped_sessions_are_left_out_and_the_others_stay(root, command):
    one, other = seed_vii_eeg(root, 2, 1), seed_vii_eeg(root, 2, 2)
    seed_vii_eeg(root, 2, 3)
    exchange(one, other)
    code, listed, labels = command("seed-vii", "--eye", "none")
    assert code == 0
    assert labels == {"2@3": published(SEED_VII_TRIALS, SEED_VII_LABELS, 3)}
    assert len(mentioning(listed, "are two files swapped?")) == 2


def test_seed_vii_with_missing_triggers_and_cut_files_keeps_the_good_sessions(root, command):
    for subject in (10, 2):
        seed_vii_eeg(root, subject, 1)
    seed_vii_eeg(root, 2, 2, n_triggers=39)
    cut(seed_vii_eeg(root, 10, 2), 0.7)
    cut(seed_vii_eyes(root, 2), 0.15)
    code, listed, labels = command("seed-vii", "--eye", "released")
    assert code == 0
    good = published(SEED_VII_TRIALS, SEED_VII_LABELS, 1)
    assert labels == {"2@1": good, "10@1": good}
    assert list(labels) == ["2@1", "10@1"]
    assert len(mentioning(listed, "recording left out", "2_20221002_2.cnt", "found 39 triggers")) == 1
    assert len(mentioning(listed, "recording left out", "10_20221002_2.cnt")) == 1
    assert len(mentioning(listed, "recording left out", "no EEG file for it")) == 4
    assert mentioning(listed, "eye left out", "subject 2 session 1 trial 20")
    assert not mentioning(listed, "eye left out", "subject 2 session 1 trial 1:")


def test_seed_with_a_missing_trial_and_a_cut_file_keeps_the_other_labels(root, command):
    seed_folder(root, (10, 2))
    gap, short = (root / "Preprocessed_EEG" / f"{subject}_20131027.mat" for subject in (10, 2))
    savemat(gap, {key: value for key, value in loadmat(gap).items() if key[0] != "_" and not key.endswith("eeg7")})
    cut(short, 0.999)
    code, listed, labels = command("seed")
    assert code == 0
    words = {number: ("positive", "neutral", "negative")[(number - 1) % 3] for number in range(1, 16)}
    assert list(labels) == ["2@1", "10@1"]
    assert labels["2@1"] == {number: word for number, word in words.items() if number != 15}
    assert labels["10@1"] == {number: word for number, word in words.items() if number != 7}
    assert len(mentioning(listed, "trial left out")) == 2


@pytest.mark.parametrize("codes", [None, [[1, 0, -1] * 4], [[3] * 15]])
def test_seed_without_its_15_labels_is_one_error(root, command, codes):
    seed_folder(root, (2,))
    path = root / "Preprocessed_EEG" / "label.mat"
    path.unlink()
    if codes is not None:
        savemat(path, {"label": np.array(codes)})
    code, listed, _ = command("seed")
    assert code == 2
    assert "label" in listed[0]


def test_eegeyenet_with_a_cut_run_keeps_the_others(root, command):
    for subject, run in (("EP10", 1), ("EP02", 1), ("EP02", 2)):
        path = eegeyenet_run(root, subject, run)
    cut(path, 0.5)
    code, listed, labels = command("eegeyenet")
    assert code == 0
    assert labels == {"EP02@dots": {}, "EP10@dots": {}}
    assert list(labels) == ["EP02@dots", "EP10@dots"]
    assert len(mentioning(listed, "EP02", "cannot be read as an EEGEyeNet recording")) == len(listed) == 1


def test_eegeyenets_prepared_arrays_are_never_unpickled(root, command):
    root.mkdir()
    name = f"{next(iter(eegeyenet.TARGETS))}_with_dots_synchronised_min.npz"
    np.savez(root / name, EEG=np.array([Evil()], dtype=object), labels=np.zeros((1, 3)))
    code, listed, _ = command("eegeyenet")
    assert code == 2
    assert name in listed[0]


def test_bids_with_a_cut_run_and_an_unknown_session_keeps_the_other_labels(root, command):
    bids_folder(root, {"10": ("01",), "2": ("01", "02", "03")})
    cut(next(root.rglob("sub-2_ses-02*_eeg.eeg")), 0.5)
    mapping = root.with_name("mapping.toml")
    mapping.write_text("[trials]\nlabel_from='session'\n[labels]\n'01'='attentive'\n'02'='distracted'\n")
    code, listed, labels = command("bids", "--mapping", mapping)
    assert code == 0
    assert [name for name in labels if name.endswith("01")] == ["2@01", "10@01"]
    assert labels["2@01"] == labels["10@01"] == {1: "attentive"}
    assert labels["2@03"] == {}
    assert len(mentioning(listed, "trial left out", "'03' is not in the mapping file")) == 1
    assert labels.get("2@02", {}) in ({}, {1: "distracted"})
    assert mentioning(listed, "sub-2_ses-02") or mentioning(listed, "subject 2 session 02")


MARKS = ((102.0, "clip/start id=4 emotion=happy"), (110.0, "clip/end id=4"), (112.0, "clip/start id=9 emotion=sad"))


def test_a_mapping_whose_start_fits_no_marker_is_said(root, command):
    root.mkdir()
    xdf_file(root / "P1.xdf", MARKS)
    mapping = root.with_name("mapping.toml")
    mapping.write_text("[trials]\nstart = 'film (?P<label>.+)'\nstop = 'end'\n[labels]\njoy = 'happy'\n")
    code, listed, labels = command("xdf", "--eye", "none", "--mapping", mapping)
    assert (code, labels) == (0, {"P1@1": {}})
    assert len(mentioning(listed, "trial left out", "no marker fits", "clip/end id=4")) == 1


def test_xdf_with_open_trials_a_cut_file_and_one_that_is_none_keeps_the_closed_trials(root, command):
    root.mkdir()
    xdf_file(root / "P10.xdf", MARKS)
    cut(xdf_file(root / "P2.xdf", (*MARKS, (125.0, "clip/end id=9"))), 0.6)
    (root / "P3.xdf").write_bytes(b"XDF: no")
    code, listed, labels = command("xdf", "--eye", "none")
    assert code == 0
    assert labels == {"P2@1": {1: "happy"}, "P10@1": {1: "happy"}}
    assert list(labels) == ["P2@1", "P10@1"]
    assert len(mentioning(listed, "trial left out", "P10")) == 1
    assert len(mentioning(listed, "trial left out", "P2")) == 1
    assert len(mentioning(listed, "recording left out", "P3")) == 1


def test_seed_v_with_the_sample_count_that_its_files_have_is_read_whole_and_says_so(root, command):
    seed_v_folder(root, {2: (1,)})
    with next((root / "EEG_raw").glob("*.cnt")).open("r+b") as file:
        file.seek(864)
        file.write((4294966564).to_bytes(4, "little"))
    code, _, labels = command("seed-v")
    assert code == 0
    assert labels == {"2@1": published(SEED_V_TRIALS, SEED_V_LABELS, 1)}
    (shard,) = open_corpus(root.with_name("corpus"))
    assert any("states 4294966564 samples; it is read as 32 bit" in note for note in shard.about.notes)


UNKNOWN_TYPE = 256  # of a matrix's numbers, on which SciPy's reader takes its whole process with it


def crash(path, name):
    """A MATLAB file whose first array is of a type that there is not."""
    savemat(path, {name: np.arange(62.0 * 500).reshape(62, 500)})
    data = bytearray(path.read_bytes())
    data[184:188] = UNKNOWN_TYPE.to_bytes(4, "little")
    path.write_bytes(data)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_file_that_crashes_its_reader_is_left_out_and_the_build_goes_on(command, root, jobs):
    write_seed_iv(root, (2, 3), (1,))
    crash(root / "eeg_raw_data" / "1" / "2_20150915.mat", "cz_eeg1")
    code, listed, labels = command("seed-iv", "--jobs", jobs)
    assert code == 0
    assert list(labels) == ["3@1"]
    assert any("2_20150915.mat" in line and "cannot be read as MATLAB v5" in line for line in listed)


def test_a_run_that_crashes_its_reader_is_left_out_and_the_others_stay(command, root):
    for subject in ("EP10", "EP11"):
        eegeyenet_run(root, subject, 1)
    path = eegeyenet_run(root, "EP10", 2)
    data = bytearray(path.read_bytes())
    for at in range(128, 4096, 8):
        data[at : at + 4] = UNKNOWN_TYPE.to_bytes(4, "little")
    path.write_bytes(data)
    code, listed, labels = command("eegeyenet")
    assert code == 0
    assert list(labels) == ["EP10@dots", "EP11@dots"]
    assert any(path.name in line for line in listed)
