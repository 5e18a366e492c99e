from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from offline.views import Masking, Sampler
from rtemo.core.errors import RtemoError

FULL = Masking(group=4)
CALM = Masking(
    group=1,
    frames=0.0,
    channel_dropout=0.0,
    eye_dropout=0.0,
    no_eeg=0.0,
    no_eye=0.0,
    neighbour=0.0,
    gain=0.0,
    noise=0.0,
)


def views(shards, masking, rows=range(64), step=0, seed=0):
    return Sampler(shards, masking, seed).views(step, rows)


def channel_counts(batch):
    return (np.abs(batch.positions).sum(axis=2) > 0).sum(axis=1)


def test_every_corpus_gives_the_same_share_of_a_batch_whatever_its_size(corpus):
    eight = [shard for shard in corpus if len(shard.about.channels) == 8]
    four = [shard for shard in corpus if len(shard.about.channels) == 4][:1]
    counts = channel_counts(views([eight, four], FULL).target)
    assert (counts == 8).sum() == (counts == 4).sum() == 32


def test_a_person_with_many_recordings_is_drawn_no_more_often_than_one_with_few(corpus):
    one, other = corpus.shards[0], corpus.shards[1]
    counts = channel_counts(views([[one] * 9 + [other]], FULL, range(2000)).target)
    assert np.mean(counts == len(other.about.channels)) == pytest.approx(0.5, abs=0.07)


def test_a_row_is_the_same_whoever_makes_it(corpus):
    whole, part = views([corpus.shards], FULL), views([corpus.shards], FULL, range(32, 64))
    for view in ("target", "context"):
        for name in ("eye", "eye_valid"):
            a, b = getattr(getattr(whole, view), name), getattr(getattr(part, view), name)
            np.testing.assert_array_equal(a[32:], b)
        width = part.target.eeg.shape[2]
        np.testing.assert_array_equal(getattr(whole, view).eeg[32:, :, :width], getattr(part, view).eeg)
    np.testing.assert_array_equal(whole.same[32:], part.same)


def test_steps_and_seeds_give_other_rows(corpus):
    first = views([corpus.shards], FULL).target.eye
    assert not np.array_equal(first, views([corpus.shards], FULL, step=1).target.eye)
    assert not np.array_equal(first, views([corpus.shards], FULL, seed=1).target.eye)


def test_a_calm_context_is_the_target(corpus):
    both = views([corpus.shards], CALM)
    for name in ("eeg", "eeg_mask", "positions", "eye", "eye_valid"):
        np.testing.assert_array_equal(getattr(both.target, name), getattr(both.context, name))
    assert both.same.all()


def test_the_context_lacks_a_block_of_frames_and_the_target_nothing(corpus):
    both = views([corpus.shards], replace(CALM, frames=0.5))
    assert both.target.eeg_mask.any(axis=2).all()
    seen = both.context.eeg_mask.any(axis=2)
    assert (seen.sum(axis=1) == 2).all()
    gaps = [np.flatnonzero(~row) for row in seen]
    assert all(gap[-1] - gap[0] == 1 for gap in gaps)
    assert len({int(gap[0]) for gap in gaps}) == 3


def test_the_context_may_lack_a_modality_but_never_both(corpus):
    both = views([corpus.shards], replace(FULL, no_eeg=0.5, no_eye=0.5), range(200)).context
    eeg, eye = both.eeg_mask.any(axis=(1, 2)), both.eye_valid.any(axis=1)
    assert (eeg | eye).all()
    assert 60 < (~eeg).sum() < 140
    assert (~eeg).sum() + (~eye).sum() == 200


def test_the_only_modality_of_a_recording_is_never_taken_away(corpus, monkeypatch):
    shard = corpus.shards[0]
    monkeypatch.setattr(shard, "eye_valid", np.zeros_like(shard.eye_valid))
    both = views([[shard]], replace(FULL, no_eeg=0.5, no_eye=0.5))
    assert both.context.eeg_mask.any(axis=(1, 2)).all()


def test_a_neighbour_is_another_window_of_the_recording_near_in_time_without_a_common_sample(corpus):
    shard = corpus.shards[0]
    both = views([[shard]], replace(CALM, neighbour=1.0, neighbour_s=7.0))
    eyes = {value.tobytes(): i for i, value in enumerate(shard.eye)}
    at = [(eyes[t.tobytes()], eyes[c.tobytes()]) for t, c in zip(both.target.eye, both.context.eye, strict=True)]
    away = np.abs([shard.rows["end_s"][i] - shard.rows["end_s"][j] for i, j in at])
    assert not both.same.any()
    assert away.min() >= 4.0
    assert away.max() <= 7.0


def test_it_is_said_which_rows_of_a_recording_are_near_in_time(corpus):
    shard = corpus.shards[0]
    both = views([[shard]], replace(CALM, group=8, neighbour=1.0, neighbour_s=7.0))
    eyes = {value.tobytes(): i for i, value in enumerate(shard.eye)}
    context, target = (
        np.array([shard.rows["end_s"][eyes[eye.tobytes()]] for eye in view.eye]).reshape(8, 8)
        for view in (both.context, both.target)
    )
    np.testing.assert_array_equal(both.near, np.abs(context[:, :, None] - target[:, None, :]) <= 7.0)
    assert 0.0 < both.near.mean() < 1.0


def test_labels_are_not_in_it(corpus):
    both = views([corpus.shards], FULL)
    assert (both.target.labels == -1).all()
    assert (both.context.labels == -1).all()


def test_no_more_channels_are_read_than_wanted(corpus):
    assert channel_counts(views([corpus.shards], replace(FULL, channels=6)).target).max() == 6


def test_a_corpus_without_people_is_refused(corpus):
    with pytest.raises(RtemoError, match="nothing to pretrain on"):
        Sampler([corpus.shards, []], FULL, 0)
