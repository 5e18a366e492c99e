"""Everybody is held out once, by a model that knows neither the person nor, where films are shared, the film."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline.splits import WindowIds, check, clip_folds, cross_fitting
from rtemo.core.errors import RtemoError


def ids_of(people, clips=8, per_clip=3, shared=True, unlabelled=4):
    """Every person sees the clips, four labels in turn, and has some windows between them."""
    rows = []
    for who in range(people):
        for clip in range(clips):
            name = f"film {clip}" if shared else f"film {who} {clip}"
            rows += [(f"d/{who}", "1", clip, name, clip % 4)] * per_clip
        rows += [(f"d/{who}", "1", -1, "", -1)] * unlabelled
    subject, session, trial, clip, label = (np.array(column) for column in zip(*rows, strict=True))
    return WindowIds(subject, session, trial, clip, label)


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 11), st.integers(8, 14), st.integers(2, 9), st.booleans(), st.integers(0, 5))
def test_every_window_is_answered_once_by_a_model_that_does_not_know_its_person(people, clips, folds, shared, seed):
    ids = ids_of(people, clips, shared=shared)
    answered, tested = np.zeros(len(ids), int), np.zeros(len(ids), int)
    for fold in cross_fitting(ids, seed, folds):
        check(fold.split, ids)
        answered[fold.answers] += 1
        tested[fold.split.test] += 1
        learned = np.concatenate((fold.split.train, fold.split.validation))
        assert not set(ids.subject[fold.answers]) & set(ids.subject[learned])
        if shared and people - -(-people // min(folds, people)) > 1:  # else there is one person to learn from
            assert not set(ids.clip[fold.split.test]) & set(ids.clip[learned])
    assert (answered == 1).all()
    np.testing.assert_array_equal(tested, ids.label >= 0)


def test_clips_of_ones_own_are_not_held_out_and_few_shared_ones_cannot_be():
    assert clip_folds(ids_of(6, shared=False)) == 1
    assert clip_folds(ids_of(6, clips=12)) == 3
    assert clip_folds(ids_of(6, clips=8)) == 2
    assert clip_folds(ids_of(6, clips=4)) == 1


def test_of_one_person_left_to_learn_from_no_label_loses_its_only_trial():
    """Labels 0 and 1 have two trials, 2 and 3 one: the last ones of the first two choose."""
    ids = ids_of(2, clips=6, shared=False)
    for fold in cross_fitting(ids, 0, 2):
        check(fold.split, ids)
        assert set(ids.label[fold.split.train]) == {0, 1, 2, 3}
        assert set(ids.trial[fold.split.validation]) == {4, 5}


def test_the_same_seed_deals_the_same_and_another_one_others():
    ids = ids_of(9, shared=False)
    deals = [[fold.answers.tolist() for fold in cross_fitting(ids, seed, 4)] for seed in (1, 1, 2)]
    assert deals[0] == deals[1] != deals[2]


@pytest.mark.parametrize(("people", "folds", "message"), [(1, 4, "nobody can be held out"), (5, 1, "two folds")])
def test_too_few_are_refused(people, folds, message):
    with pytest.raises(RtemoError, match=message):
        list(cross_fitting(ids_of(people), 0, folds))
