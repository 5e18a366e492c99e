from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from invented import LABELS, about, invented_corpus, invented_windows

from offline.corpus import UNLABELLED, open_corpus, read_recording, write_manifest, write_recording
from rtemo.core.errors import RtemoError


def test_windows_come_back_as_they_were_but_for_half_precision(tmp_path):
    windows, labels, trials = invented_windows(0, 8)
    done = write_recording(tmp_path, about(0, windows[0].channels), windows, labels, trials)
    write_manifest(tmp_path, "x", {}, LABELS, {}, [done])
    (shard,) = open_corpus(tmp_path)
    assert done.n_windows == len(windows)
    for i in (0, 17, len(windows) - 1):
        read = shard.window(i)
        np.testing.assert_allclose(read.eeg, windows[i].eeg, rtol=5e-4, atol=1e-6)
        np.testing.assert_array_equal(read.eye, windows[i].eye)
        np.testing.assert_array_equal(read.eeg_mask, windows[i].eeg_mask)
        np.testing.assert_array_equal(read.positions, windows[i].positions)
        assert (read.end_s, read.channels, read.settled) == (windows[i].end_s, windows[i].channels, True)
        assert shard.rows["label"][i] == labels[i]
        assert shard.rows["trial"][i] == trials[i]


def test_only_windows_with_a_label_are_labelled(tmp_path):
    windows, labels, trials = invented_windows(0, 4)
    labels[:6] = [UNLABELLED] * 6
    done = write_recording(tmp_path, about(0), windows, labels, trials)
    write_manifest(tmp_path, "x", {}, LABELS, {}, [done])
    (shard,) = open_corpus(tmp_path)
    np.testing.assert_array_equal(shard.labelled, np.arange(6, len(windows)))


def test_a_folder_without_a_manifest_is_no_corpus(tmp_path):
    windows, labels, trials = invented_windows(0, 4)
    write_recording(tmp_path, about(0), windows, labels, trials)
    with pytest.raises(RtemoError, match="no corpus"):
        open_corpus(tmp_path)


def test_a_recording_that_was_interrupted_leaves_nothing_that_counts(tmp_path, monkeypatch):
    windows, labels, trials = invented_windows(0, 4)
    calls = []

    def fail_late(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            raise OSError("disk full")

    monkeypatch.setattr(np, "save", fail_late)
    with pytest.raises(OSError, match="disk full"):
        write_recording(tmp_path, about(0), windows, labels, trials)
    assert read_recording(tmp_path, "p000", "k") is None


def test_a_finished_recording_is_used_again_only_if_it_was_made_from_the_same(tmp_path):
    windows, labels, trials = invented_windows(0, 4)
    done = write_recording(tmp_path, about(0), windows, labels, trials)
    assert read_recording(tmp_path, "p000", "k") == done
    assert read_recording(tmp_path, "p000", "another key") is None


def test_the_same_windows_give_the_same_hashes(tmp_path):
    a, b = (invented_corpus(tmp_path / name, 2) for name in "ab")
    assert a.fingerprint == b.fingerprint
    assert [s.about.content for s in a] == [s.about.content for s in b]
    assert invented_corpus(tmp_path / "c", 3).fingerprint != a.fingerprint


def test_an_empty_corpus_is_refused(tmp_path):
    with pytest.raises(RtemoError, match="empty"):
        write_manifest(tmp_path, "x", {}, LABELS, {}, [about(0)])


@pytest.mark.parametrize("name", ["eeg", "rows"])
def test_a_missing_array_is_named(tmp_path, name):
    corpus = invented_corpus(tmp_path, 2)
    (corpus.shards[1].folder / f"{name}.npy").unlink()
    with pytest.raises(RtemoError, match="p001"):
        open_corpus(tmp_path)


def test_an_array_that_is_no_array_is_refused_and_never_unpickled(tmp_path):
    corpus = invented_corpus(tmp_path, 1)
    np.save(corpus.shards[0].folder / "eye.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RtemoError, match=r"eye\.npy cannot be read"):
        open_corpus(tmp_path).shards[0].window(0)


@pytest.mark.parametrize("change", [{"format": 2}, None])
def test_another_format_or_no_json_is_refused(tmp_path, change):
    invented_corpus(tmp_path, 1)
    path = tmp_path / "manifest.json"
    path.write_text("{" if change is None else json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RtemoError):
        open_corpus(tmp_path)


def test_recordings_are_found_by_person(tmp_path):
    corpus = invented_corpus(tmp_path, 3)
    assert corpus.subjects == ("p000", "p001", "p002")
    assert [shard.about.subject for shard in corpus.of(["p002", "p000"])] == ["p000", "p002"]
    assert replace(corpus, shards=()).subjects == ()
