import numpy as np
import pytest
from scipy.io import savemat

from offline.datasets.seed import seed
from rtemo.core.errors import RtemoError

CODES = [1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1]


@pytest.fixture
def folder(tmp_path, rng):
    eeg = tmp_path / "Preprocessed_EEG"
    eeg.mkdir()
    savemat(eeg / "label.mat", {"label": np.array([CODES])})
    for name in ("1_20131027", "1_20131030", "1_20131107", "2_20990103", "2_20990101", "2_20990102"):
        savemat(eeg / f"{name}.mat", {f"djc_eeg{k}": rng.normal(size=(62, 401)) for k in range(1, 16)})
    return tmp_path


def test_labels_come_from_label_mat_and_sessions_from_published_names_or_dates(folder):
    dataset = seed.load(folder)
    assert [(e.subject, e.session, e.files[0].stem) for e in dataset.entries] == [
        ("1", "1", "1_20131027"),
        ("1", "2", "1_20131030"),
        ("1", "3", "1_20131107"),
        ("2", "1", "2_20990101"),
        ("2", "2", "2_20990102"),
        ("2", "3", "2_20990103"),
    ]
    words = {1: "positive", 0: "neutral", -1: "negative"}
    trials = dataset.entries[3].load().trials
    assert [trial.label for trial in trials] == [words[code] for code in CODES]
    assert trials[0].clip == dataset.entries[0].load().trials[0].clip
    assert dataset.omissions == ()


def test_a_missing_session_and_a_fourth_file_are_listed(folder):
    (folder / "Preprocessed_EEG" / "1_20131030.mat").unlink()
    extra = folder / "Preprocessed_EEG" / "2_20990104.mat"
    extra.write_bytes((folder / "Preprocessed_EEG" / "2_20990103.mat").read_bytes())
    omissions = [str(o) for o in seed.load(folder).omissions]
    assert any("a fourth file" in text for text in omissions)
    assert any("subject 1 session 2" in text for text in omissions)


def test_a_missing_or_wrong_label_file_is_an_error(folder):
    label = folder / "Preprocessed_EEG" / "label.mat"
    savemat(label, {"label": np.array([CODES[:-1]])})
    with pytest.raises(RtemoError, match="15 labels"):
        seed.load(folder)
    label.unlink()
    with pytest.raises(RtemoError, match=r"label\.mat cannot be read"):
        seed.load(folder)


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(RtemoError, match="no SEED EEG"):
        seed.load(tmp_path)
