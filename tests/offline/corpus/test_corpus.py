from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hostile_documents import JSON_TEXTS, changed, damaged, json_bytes, outcome, refused
from hypothesis import given
from hypothesis import strategies as st
from invented import LABELS, about, invented_corpus, invented_windows

from offline.corpus.corpus import (
    UNLABELLED,
    Corpus,
    Shard,
    ShardMetadata,
    open_corpus,
    read_recording,
    write_manifest,
    write_recording,
)
from offline.corpus.shard_writer import ShardWriter
from offline.corpus.summary import EDGES, Summary
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


def test_a_recording_that_was_interrupted_leaves_nothing_at_all(tmp_path):
    windows, labels, trials = invented_windows(0, 4)
    with pytest.raises(KeyboardInterrupt), ShardWriter(tmp_path, about(0)) as writer:  # noqa: PT012
        for one in zip(windows, labels, trials, strict=True):
            writer.add(*one)
        raise KeyboardInterrupt
    assert read_recording(tmp_path, "p000", "k") is None
    assert list((tmp_path / "recordings").iterdir()) == []


@pytest.mark.parametrize("n", [1, 63, 64, 65, 130])
def test_arrays_grow_to_whatever_number_of_windows_comes(tmp_path, n):
    windows, labels, trials = invented_windows(1, 3, n_trials=n, per_trial=1)
    done = write_recording(tmp_path, about(0, windows[0].channels), windows, labels, trials)
    shard = Shard(tmp_path / "recordings" / "p000", done)
    assert done.counts == {"windows": n, "labelled": n, "eeg": n, "eye": n}
    assert (shard.eeg.shape, shard.eye_raw.shape) == ((n, 4, 3, 20), (n, 33))
    np.testing.assert_array_equal(shard.eye_raw, [window.eye_raw for window in windows])
    np.testing.assert_array_equal(shard.rows["end_s"], [window.end_s for window in windows])


def test_the_summary_holds_the_mean_raw_power_of_each_label_and_every_bands_histogram(tmp_path):
    windows, labels, trials = invented_windows(2, 5)
    labels[:6] = [UNLABELLED] * 6
    windows[7].eeg_power[-1, 2, 4] = np.nan
    windows[8].eeg_power[-1, 0, 0] = 99.0
    done = write_recording(tmp_path, about(0), windows, labels, trials)
    summary = Shard(tmp_path / "recordings" / "p000", done).summary
    newest = np.array([window.eeg_power[-1] for window in windows])
    assert summary.labels == (-1, 0, 1, 2, 3)
    for label in summary.labels:
        mine = np.array(labels) == label
        np.testing.assert_allclose(summary.mean(label), np.nanmean(newest[mine], axis=0), rtol=1e-4, atol=1e-6)
    assert summary.frames(labels[7])[2, 4] == labels.count(labels[7]) - 1
    assert summary.histogram.sum(axis=1).tolist() == [48 * 5] * 4 + [48 * 5 - 1] + [48 * 5] * 15
    assert summary.histogram[0, -1] == 1
    np.testing.assert_array_equal(summary.histogram[3], np.histogram(newest[..., 3], EDGES)[0])


def test_a_channel_that_was_never_usable_has_no_mean():
    summary = Summary(2, 3)
    power = np.zeros((4, 2, 3), np.float32)
    power[:, 1] = np.nan
    summary.add(power, np.zeros(4, int))
    assert np.isnan(summary.mean(0)[1]).all()
    assert (summary.mean(0)[0] == 0).all()


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


@pytest.mark.parametrize("change", [{"format": 1}, None])
def test_another_format_or_no_json_is_refused(tmp_path, change):
    invented_corpus(tmp_path, 1)
    path = tmp_path / "manifest.json"
    path.write_text("{" if change is None else json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RtemoError):
        open_corpus(tmp_path)


@pytest.mark.parametrize("text", JSON_TEXTS, ids=range(len(JSON_TEXTS)))
def test_hostile_descriptions_are_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(text)
    refused(lambda: open_corpus(tmp_path))
    (tmp_path / "recordings" / "p000").mkdir(parents=True)
    (tmp_path / "recordings" / "p000" / "about.json").write_bytes(text)
    assert read_recording(tmp_path, "p000", "k") is None


@pytest.mark.parametrize("name", ["manifest.json", "recordings/p000/about.json"])
def test_changed_descriptions_are_refused_or_read(tmp_path, name):
    invented_corpus(tmp_path, 1)
    path, content = tmp_path / name, (tmp_path / name).read_bytes()

    @given(st.one_of(changed(json.loads(content)).map(json_bytes), damaged(content)))
    def check(text):
        path.write_bytes(text)
        outcome(lambda: open_corpus(tmp_path), Corpus)
        assert isinstance(read_recording(tmp_path, "p000", "k"), ShardMetadata | None)

    check()


def test_recordings_are_found_by_person(tmp_path):
    corpus = invented_corpus(tmp_path, 3)
    assert corpus.subjects == ("p000", "p001", "p002")
    assert [shard.about.subject for shard in corpus.of(["p002", "p000"])] == ["p000", "p002"]
    assert replace(corpus, shards=()).subjects == ()


def test_a_manifest_from_before_there_were_targets_is_read(tmp_path):
    windows, labels, trials = invented_windows(0, 4)
    done = write_recording(tmp_path, replace(about(0), targets={"1": {"Valence": 5.5}}), windows, labels, trials)
    write_manifest(tmp_path, "x", {}, LABELS, {}, [done])
    assert open_corpus(tmp_path).shards[0].about.targets == {"1": {"Valence": 5.5}}
    path = tmp_path / "manifest.json"
    document = json.loads(path.read_text())
    del document["recordings"][0]["targets"]
    path.write_text(json.dumps(document))
    assert open_corpus(tmp_path).shards[0].about.targets == {}
    known = tmp_path / "recordings" / done.id / "about.json"
    older = {name: value for name, value in json.loads(known.read_text()).items() if name != "targets"}
    known.write_text(json.dumps(older))
    assert read_recording(tmp_path, done.id, done.key) is not None
