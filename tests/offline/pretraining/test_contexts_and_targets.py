from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from invented import about, invented_windows

from offline.corpus.shard_writer import write_recording
from offline.corpus.shards import Shard
from offline.pretraining.contexts_and_targets import Masking, Sampler
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


def watched(folder, person, clips, subject=None):
    """A recording whose trials are these clips, in this order; the n-th window of each ends 2 n s after its first."""
    windows, labels, trials = invented_windows(person, 4 + 4 * (person % 2), n_trials=len(clips))
    said = about(person, windows[0].channels, {str(i + 1): clip for i, clip in enumerate(clips)})
    said = write_recording(folder, replace(said, subject=subject or said.subject), windows, labels, trials)
    return Shard(folder / "recordings" / said.id, said)


def seen_in(view, shards):
    """For each row: whose window it is, its clip, and which of the clip's windows."""
    known = {
        shard.eye[i].tobytes(): (shard.about.subject, shard.about.clips[str(row["trial"])], i % 6)
        for shard in shards
        for i, row in enumerate(shard.rows)
    }
    return [known[eye.tobytes()] for eye in view.eye]


def test_a_target_of_another_person_is_of_the_same_moment_of_the_same_clip(tmp_path):
    shards = [watched(tmp_path, 0, "abcd"), watched(tmp_path, 1, "dxba"), watched(tmp_path, 2, "cdab", "p000")]
    both = views([shards], replace(CALM, group=8, shared_clip=1.0), range(160))
    assert both.across.all()
    assert not both.same.any()
    context, target = seen_in(both.context, shards), seen_in(both.target, shards)
    assert all(one[0] != other[0] and one[1:] == other[1:] for one, other in zip(context, target, strict=True))
    assert {one[1] for one in context} == set("abd")
    clips = [np.array([one[1] for one in view]).reshape(-1, 8) for view in (context, target)]
    np.testing.assert_array_equal(both.near, clips[0][:, :, None] == clips[1][:, None, :])
    whose = {tuple(one[0] for one in context[first : first + 8]) for first in range(0, 160, 8)}
    assert all(len(set(group)) == 1 for group in whose)


def test_a_moment_that_the_other_person_did_not_see_has_no_counterpart(tmp_path):
    shards = [watched(tmp_path, 0, "ab"), watched(tmp_path, 1, "ab")]
    short = Shard(shards[1].folder, shards[1].about)
    rows = np.array(short.rows)
    rows["trial"][3:6] = -1  # went on watching elsewhere
    short.__dict__["rows"] = rows
    both = views([[shards[0], short]], replace(CALM, group=8, shared_clip=1.0), range(400))
    seen = {one[1:] for one in seen_in(both.context, shards)}
    assert {at for clip, at in seen if clip == "a"} == {0, 1, 2, 3}  # the last one is half a window off
    assert {at for clip, at in seen if clip == "b"} == set(range(6))


def test_each_of_two_people_is_seen_through_their_own_cap(tmp_path):
    shards = [watched(tmp_path, 0, "ab"), watched(tmp_path, 1, "ab")]
    both = views([shards], replace(CALM, group=8, shared_clip=1.0))
    for view in (both.context, both.target):
        eights = [person == "p001" for person, _, _ in seen_in(view, shards)]
        np.testing.assert_array_equal(channel_counts(view), np.where(eights, 8, 4))


def test_no_sample_of_an_excluded_clip_is_read(tmp_path):
    shards = [watched(tmp_path, 0, "abcd"), watched(tmp_path, 1, "abcd")]
    held = [Shard(shard.folder, shard.about) for shard in shards]
    for shard in held:  # windows between trials, some of which reach into the excluded clip
        rows = np.array(shard.rows)
        rows["trial"][rows["trial"] == 3] = -1
        rows["end_s"][12:18] = rows["end_s"][11] + np.array([1, 2, 3, 4, 5, 6])
        shard.__dict__["rows"] = rows
    without = ("b",)
    for masking in (replace(CALM, group=8, neighbour=1.0), replace(CALM, group=8, shared_clip=1.0)):
        both = Sampler([held], masking, 0, without).views(0, range(400))
        for view in (both.context, both.target):
            seen = seen_in(view, shards)
            assert {clip for _, clip, _ in seen} <= {"a", "c", "d"}
            between = {at for _, clip, at in seen if clip == "c"}
            assert between == ({3, 4, 5} if masking.neighbour else set())
    with pytest.raises(RtemoError, match="nothing to pretrain on"):
        Sampler([shards], CALM, 0, "abcd")


def test_nobody_who_saw_other_clips_is_a_companion(corpus, tmp_path):
    apart = [watched(tmp_path, 0, "ab"), watched(tmp_path, 1, "cd")]
    for shards in (apart, corpus.shards):
        assert not views([shards], replace(FULL, shared_clip=1.0)).across.any()


def test_half_of_the_groups_may_be_of_two_people(tmp_path):
    shards = [watched(tmp_path, 0, "abcd"), watched(tmp_path, 1, "abcd")]
    across = views([shards], replace(FULL, shared_clip=0.5), range(400)).across.reshape(-1, 4)
    assert (across.all(axis=1) | ~across.any(axis=1)).all()
    assert 0.35 < across.mean() < 0.65
