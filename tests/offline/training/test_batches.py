from __future__ import annotations

import numpy as np
import pytest

from offline.training.batches import NONE, Augmentation, all_labelled, pick_epoch, plain_batches, read, training_batches

FULL = Augmentation()


def rng(seed=0):
    return np.random.default_rng(seed)


def test_every_trial_gives_the_same_number_of_windows(corpus):
    picked = pick_epoch(corpus.shards, 4, rng())
    trials = [(s, corpus.shards[s].rows["trial"][i]) for s, i in zip(picked.shard, picked.index, strict=True)]
    _, counts = np.unique(trials, axis=0, return_counts=True)
    assert set(counts) == {4}
    assert len(counts) == 30 * 8


def test_a_trial_shorter_than_that_repeats_windows(corpus):
    picked = pick_epoch(corpus.shards[:1], 50, rng())
    assert len(picked.index) == 8 * 50


def test_an_epoch_holds_each_picked_window_once(corpus):
    picked = pick_epoch(corpus.shards, 3, rng())
    batches = list(training_batches(corpus.shards, picked, 32, FULL, rng(1)))
    assert sum(len(batch.labels) for batch in batches) == len(picked.shard)
    labels = np.concatenate([batch.labels for batch in batches])
    assert np.bincount(labels).tolist() == [30 * 2 * 3] * 4


def test_the_seed_decides_everything(corpus):
    picked = pick_epoch(corpus.shards, 2, rng())
    for a, b in zip(*(training_batches(corpus.shards, picked, 32, FULL, rng(7)) for _ in range(2)), strict=True):
        for name in ("eeg", "eeg_mask", "positions", "eye", "eye_valid", "labels"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_undisturbed_windows_are_those_of_the_corpus_padded_with_masked_channels(corpus):
    picked = all_labelled(corpus.shards[:3])
    batch = next(plain_batches(corpus.shards[:3], picked, len(picked.shard)))
    assert batch.eeg.shape[2] == 19
    for row in (0, 60, 100):
        shard = corpus.shards[picked.shard[row]]
        window, n = shard.window(picked.index[row]), len(shard.about.channels)
        np.testing.assert_array_equal(batch.eeg[row, :, :n], window.eeg)
        np.testing.assert_array_equal(batch.positions[row, :n], window.positions)
        np.testing.assert_array_equal(batch.eye[row], window.eye)
        assert batch.eeg_mask[row, :, :n].all()
        assert not batch.eeg_mask[row, :, n:].any()


def test_channels_are_dropped_up_to_the_share_and_keep_their_place(corpus):
    shards = [shard for shard in corpus.shards if len(shard.about.channels) == 19][:1]
    picked = pick_epoch(shards, 6, rng())
    seen = set()
    for seed in range(40):
        batch = read(shards, picked, FULL, rng(seed))
        kept = batch.eeg_mask[:, 0].sum(axis=1)
        assert len(set(kept)) == 1
        seen.add(int(kept[0]))
        for place, channel in zip(batch.positions[0, : kept[0]], range(kept[0]), strict=True):
            (source,) = np.flatnonzero((shards[0].positions == place).all(axis=1))
            np.testing.assert_array_equal(batch.eeg[0, :, channel], shards[0].eeg[picked.index[0]][:, source])
    assert min(seen) >= 19 * 0.4 - 1
    assert max(seen) == 19
    assert len(seen) > 5


def test_one_channel_always_stays(corpus):
    shards = corpus.shards[1:2]
    batch = read(shards, pick_epoch(shards, 2, rng()), Augmentation(channel_dropout=1.0), rng(3))
    assert batch.eeg_mask.any(axis=(1, 2)).all()


def test_modalities_go_missing_but_never_both(corpus):
    picked = pick_epoch(corpus.shards, 6, rng())
    batches = list(training_batches(corpus.shards, picked, 64, Augmentation(no_eeg=0.3, no_eye=0.2), rng(1)))
    eeg = np.concatenate([batch.eeg_mask.any(axis=(1, 2)) for batch in batches])
    eye = np.concatenate([batch.eye_valid.any(axis=1) for batch in batches])
    assert (eeg | eye).all()
    assert np.mean(~eeg) == pytest.approx(0.3, abs=0.04)
    assert np.mean(~eye) == pytest.approx(0.2, abs=0.04)


def test_without_augmentation_nothing_is_drawn(corpus):
    picked = pick_epoch(corpus.shards, 2, rng())
    a, b = (read(corpus.shards, picked, NONE, rng(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(a.eeg, b.eeg)
