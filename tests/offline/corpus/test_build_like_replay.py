"""`python -m offline build xdf` and `rtemo replay` make the same windows of the same file, bit by bit."""

import numpy as np
import pytest

from offline.__main__ import main as offline
from offline.corpus.corpus import open_corpus
from rtemo.cli import main as rtemo

ARRAYS = ("eeg", "eeg_power", "eeg_mask", "eye", "eye_raw", "eye_valid", "positions")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    (tmp_path / "lab").mkdir()
    made = ["simulate", "--seed", "5", "--duration", "60", "--eeg-channels", "8", "--eeg-rate", "250"]
    assert rtemo([*made, "--xdf", str(tmp_path / "lab" / "P1.xdf")]) == 0
    return tmp_path


def test_both_commands_give_bitwise_the_same_windows_and_the_corpus_holds_them(folder, windows):
    recording, corpus = folder / "lab" / "P1.xdf", folder / "corpus"
    assert (
        rtemo(["replay", str(recording), "--speed", "max", "--hop", "1", "--quiet", "--out", str(folder / "p.jsonl")])
        == 0
    )
    replayed = windows.copy()
    windows.clear()
    assert offline(["--quiet", "build", "xdf", "--root", str(recording.parent), "--out", str(corpus)]) == 0
    built = windows.copy()

    assert len(built) == len(replayed) > 50
    for one, other in zip(built, replayed, strict=True):
        assert one.end_s == other.end_s
        assert (one.channels, one.bad_channels, one.settled) == (other.channels, other.bad_channels, other.settled)
        assert (one.eeg_coverage, one.gaze_coverage) == (other.eeg_coverage, other.gaze_coverage)
        for name in ARRAYS:
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name

    (shard,) = open_corpus(corpus)
    assert np.array_equal(shard.rows["end_s"], [window.end_s for window in replayed])
    assert np.array_equal(shard.eeg, np.stack([window.eeg for window in replayed]).astype(np.float16))
    for name in ("eeg_mask", "eye", "eye_raw", "eye_valid"):
        assert np.array_equal(
            getattr(shard, name), np.stack([getattr(w, name) for w in replayed]), equal_nan=name == "eye_raw"
        )
    assert np.array_equal(shard.rows["settled"], [window.settled for window in replayed])
    assert shard.rows["settled"].any()
    assert np.abs(shard.eeg.astype(np.float32) - np.stack([w.eeg for w in replayed])).max() <= 0.002
