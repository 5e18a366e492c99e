"""No protocol leaks, every window is tested as often as it should be, and each leak is refused by name."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offline.datasets.seed.published import SEED_IV_TRIALS, SEED_V_TRIALS
from offline.splits import (
    Split,
    WindowIds,
    check,
    cross_session,
    leave_clip_out,
    loso,
    subject_dependent,
)
from rtemo.core.errors import RtemoError


def ids_of(trials, subjects=6, windows=3, shuffle=0, name="seed-iv"):
    """`windows` windows of every trial of every session, in a random order, with some unlabelled ones among them."""
    rows = [
        (f"{name}/{subject}", str(session), number, f"{name}/{session}/{number}", code)
        for subject in range(1, subjects + 1)
        for session, codes in trials.items()
        for number, code in enumerate(codes, start=1)
        for _ in range(windows)
    ]
    rows += [(f"{name}/1", "1", 1, "", -1)] * 5
    order = np.random.default_rng(shuffle).permutation(len(rows))
    subject, session, trial, clip, label = zip(*(rows[k] for k in order), strict=True)
    return WindowIds(*map(np.array, (subject, session, trial, clip, label)))


IDS = ids_of(SEED_IV_TRIALS)
IDS_V = ids_of(SEED_V_TRIALS, name="seed-v")


def how_often(splits, ids):
    """How often each labelled window is tested."""
    counts = np.zeros(len(ids), dtype=int)
    for split in splits:
        check(split, ids)
        counts[split.test] += 1
    assert (counts[ids.label == -1] == 0).all()
    return set(counts[ids.label != -1].tolist())


def test_loso_tests_everybody_once_and_selects_on_other_people():
    splits = list(loso(IDS, seed=3))
    assert how_often(splits, IDS) == {1}
    for split in splits:
        sides = [set(IDS.subject[side]) for side in (split.train, split.validation, split.test)]
        assert [len(side) for side in sides] == [4, 1, 1]
        assert len(set.union(*sides)) == 6
    again = list(loso(IDS, seed=3))
    assert all(np.array_equal(a.validation, b.validation) for a, b in zip(splits, again, strict=True))
    assert len({tuple(set(IDS.subject[s.validation])) for s in loso(IDS, seed=3)}) > 1


def test_loso_may_leave_several_people_out_at_a_time():
    splits = list(loso(IDS, seed=3, people_out=2))
    assert how_often(splits, IDS) == {1}
    assert [len(set(IDS.subject[split.test])) for split in splits] == [2, 2, 2]
    assert {tuple(set(IDS.subject[s.test])) for s in splits} != {
        tuple(set(IDS.subject[s.test])) for s in loso(IDS, 4, 2)
    }
    for count in (0, 5, 6):
        with pytest.raises(RtemoError, match="cannot be left out"):
            next(loso(IDS, 0, count))


def test_cross_session_tests_each_session_of_each_person_once():
    splits = list(cross_session(IDS))
    assert len(splits) == 18
    assert how_often(splits, IDS) == {1}
    for split in splits:
        assert len(set(IDS.session[split.test])) == 1
        assert set(IDS.session[split.train]) | set(IDS.session[split.validation]) == {"1", "2", "3"} - set(
            IDS.session[split.test]
        )


# The last two trials of each emotion, counted by hand from the published vectors: neutral, sad, fear, happy.
LAST_TWO = {
    "1": {21, 23, 13, 14, 17, 18, 22, 24},
    "2": {19, 21, 22, 24, 13, 17, 20, 23},
    "3": {22, 24, 11, 23, 17, 21, 15, 18},
}


def test_subject_dependent_seed_iv_tests_the_last_two_trials_of_each_emotion():
    splits = list(subject_dependent(IDS, "seed-iv"))
    assert len(splits) == 18
    for split in splits:
        check(split, IDS)
        session = set(IDS.session[split.test]).pop()
        assert set(IDS.trial[split.test].tolist()) == LAST_TWO[session]
        sizes = [len(set(IDS.trial[side].tolist())) for side in (split.train, split.validation, split.test)]
        assert sizes == [12, 4, 8]
        assert np.bincount(IDS.label[split.test]).tolist() == [6, 6, 6, 6]


def test_subject_dependent_seed_v_has_the_three_official_folds():
    splits = list(subject_dependent(IDS_V, "seed-v"))
    assert how_often(splits, IDS_V) == {1}
    assert len(splits) == 18
    folds = {split.name[-1]: sorted(set(IDS_V.trial[split.test].tolist())) for split in splits}
    assert folds == {"1": [1, 2, 3, 4, 5], "2": [6, 7, 8, 9, 10], "3": [11, 12, 13, 14, 15]}
    for split in splits:
        assert np.bincount(IDS_V.label[split.test]).tolist() == [9] * 5
        assert len(set(zip(IDS_V.session[split.validation], IDS_V.trial[split.validation], strict=True))) == 5


def test_other_data_sets_test_the_last_third_of_each_label():
    for split in subject_dependent(IDS, "xdf"):
        check(split, IDS)
        assert set(IDS.trial[split.test].tolist()) == LAST_TWO[set(IDS.session[split.test]).pop()]


def test_leave_clip_out_tests_every_window_once_with_neither_its_person_nor_its_clip_in_training():
    splits = list(leave_clip_out(IDS, seed=1))
    assert len(splits) == 20
    assert how_often(splits, IDS) == {1}
    for split in splits:
        assert not set(IDS.clip[split.train]) & set(IDS.clip[split.test])
        assert not set(IDS.subject[split.train]) & set(IDS.subject[split.test])
        assert set(IDS.label[split.test].tolist()) == {0, 1, 2, 3}


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1000), st.integers(3, 9), st.integers(1, 3))
def test_no_protocol_leaks_whatever_the_order_of_the_windows(seed, subjects, windows):
    ids = ids_of(SEED_IV_TRIALS, subjects, windows, seed)
    for splits in (loso(ids, seed), cross_session(ids), subject_dependent(ids, "seed-iv"), subject_dependent(ids, "")):
        for split in splits:
            check(split, ids)
    if subjects >= 5:
        assert how_often(leave_clip_out(ids, seed), ids) == {1}


def first(splits=None):
    return next(iter(splits if splits is not None else loso(IDS, seed=0)))


def moved(split, side, k=0):
    """One window of the test side also on another side."""
    return replace(split, **{side: np.append(getattr(split, side), split.test[k])})


@pytest.mark.parametrize("side", ["train", "validation"])
def test_a_window_on_two_sides_is_refused(side):
    with pytest.raises(RtemoError, match=rf"1 trials lie in both {side} and test"):
        check(moved(first(), side), IDS)


def test_two_windows_of_one_trial_on_two_sides_are_refused():
    split = first(subject_dependent(IDS, "seed-iv"))
    with pytest.raises(RtemoError, match=r"trials lie in both train and test, such as seed-iv/1 session"):
        check(replace(split, train=np.append(split.train, split.test[0]), test=split.test[1:]), IDS)


def test_a_person_on_two_sides_is_refused_by_name():
    split = first()
    stolen = split.test[IDS.trial[split.test] == 1]
    changed = replace(split, train=np.append(split.train, stolen), test=np.setdiff1d(split.test, stolen))
    with pytest.raises(RtemoError, match=r"1 subjects lie in both train and test, such as seed-iv/1 "):
        check(changed, IDS)


def test_inner_people_who_are_also_trained_on_are_refused():
    split = first()
    stolen = split.validation[IDS.trial[split.validation] == 1]
    changed = replace(split, train=np.append(split.train, stolen), validation=np.setdiff1d(split.validation, stolen))
    with pytest.raises(RtemoError, match="subjects lie in both train and validation"):
        check(changed, IDS)


def test_a_clip_on_two_sides_is_refused_where_clips_are_to_be_apart():
    split = first(leave_clip_out(IDS, seed=1))
    person, clip = IDS.subject[split.train[0]], IDS.clip[split.test[0]]
    stolen = np.flatnonzero((IDS.subject == person) & (IDS.clip == clip))
    with pytest.raises(RtemoError, match="clips lie in both train and test"):
        check(replace(split, train=np.append(split.train, stolen)), IDS)


def test_a_session_on_two_sides_is_refused_in_cross_session():
    split = first(cross_session(IDS))
    stolen = split.test[IDS.trial[split.test] == 1]
    changed = replace(split, train=np.append(split.train, stolen), test=np.setdiff1d(split.test, stolen))
    with pytest.raises(RtemoError, match="sessions lie in both train and test"):
        check(changed, IDS)


def test_pretraining_on_tested_people_is_refused_and_on_others_is_not():
    split = first()
    check(split, IDS, pretrained_on=["seed-iv/2", "seed-v/1"])
    with pytest.raises(RtemoError, match="pretraining has seen seed-iv/1; pretrain without"):
        check(split, IDS, pretrained_on=["seed-iv/1", "seed-iv/2"])


def test_pretraining_on_others_who_saw_the_tested_clips_is_refused_where_clips_are_to_be_new():
    split = first(leave_clip_out(IDS, seed=1))
    other = next(who for who in np.unique(IDS.subject) if who not in IDS.subject[split.test])
    check(split, IDS, pretrained_on=["seed-v/1"])
    check(first(), IDS, pretrained_on=["seed-iv/2"])
    with pytest.raises(RtemoError, match=rf"may have seen the tested clips: {other}; pretrain without"):
        check(split, IDS, pretrained_on=["seed-v/1", str(other)])
    others = sorted(set(IDS.clip.tolist()) - set(IDS.clip[split.test].tolist()))
    check(split, IDS, [str(other)], others)
    with pytest.raises(RtemoError, match=f"has seen clips {IDS.clip[split.test][0]}; "):
        check(split, IDS, [str(other)], [*others, str(IDS.clip[split.test][0])])


def test_unknown_clips_are_refused_where_clips_are_to_be_apart():
    ids = replace(IDS, clip=np.where(IDS.trial == 3, "", IDS.clip))
    split = next(split for split in leave_clip_out(ids, seed=1) if (ids.clip[split.test] == "").any())
    with pytest.raises(RtemoError, match="clips are unknown"):
        check(split, ids)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda s: replace(s, test=s.test[:0]), "nothing in test"),
        (lambda s: replace(s, validation=s.validation[:0]), "nothing in validation"),
        (lambda s: replace(s, train=np.append(s.train, s.train[0])), "names windows twice"),
        (lambda s: replace(s, train=np.append(s.train, 10**6)), "not there"),
        (lambda s: replace(s, train=np.append(s.train, np.flatnonzero(IDS.label == -1)[0])), "without a label"),
        (lambda s: replace(s, train=s.train[IDS.label[s.train] != 2]), r"classes \[2\] are tested but not trained"),
    ],
)
def test_splits_that_make_no_sense_are_refused(change, word):
    with pytest.raises(RtemoError, match=word):
        check(change(first()), IDS)


def test_too_few_people_or_clips_are_refused():
    lonely = ids_of(SEED_IV_TRIALS, subjects=1)
    with pytest.raises(RtemoError, match="nothing in"):
        check(first(loso(lonely, 0)), lonely)
    with pytest.raises(RtemoError, match="three groups"):
        first(leave_clip_out(IDS, 0, people_groups=2))
    assert list(cross_session(ids_of({1: SEED_IV_TRIALS[1]}))) == []


def test_ids_of_different_lengths_are_refused():
    with pytest.raises(RtemoError, match="not equally long"):
        WindowIds(*map(np.array, (["a"], ["1"], [1], ["c"], [1, 2])))


def test_the_same_trial_number_of_another_session_is_another_trial():
    ids = WindowIds(*map(np.array, (["a", "a", "b"], ["1", "2", "1"], [1, 1, 1], ["x", "x", "x"], [0, 0, 0])))
    assert len(set(ids.keys["trial"])) == 3
    assert len(set(ids.keys["session"])) == 3
    assert len(set(ids.keys["clip"])) == 1
    check(Split("own", "", *(np.array([k]) for k in range(3)), apart=(), inner=()), ids)
