from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.model.uncertainty.conformal import members, quantile, scores


def slow_quantile(score, person, level):
    """The smallest score whose weighted share, with one unseen person at infinity, reaches the level."""
    people = sorted(set(person.tolist()))
    for candidate in sorted(score):
        share = sum(np.mean(score[person == p] <= candidate) for p in people) / (len(people) + 1)
        if share >= level - 1e-12:
            return candidate
    raise AssertionError


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_the_quantile_is_the_hierarchical_one(level):
    random = np.random.default_rng(5)
    person = random.choice([3, 8, 9, 20, 21, 30, 40, 41, 42, 50, 51], size=400, p=np.arange(1, 12) / 66)
    score = random.uniform(size=400)
    assert quantile(score, person, level) == slow_quantile(score, person, level)


def test_a_person_with_many_windows_counts_no_more_than_one_with_few():
    person = np.array([0] * 1000 + [1, 2, 3, 4])
    score = np.array([0.0] * 1000 + [1.0, 2.0, 3.0, 4.0])
    assert quantile(score, person, 0.5) == 2.0


def test_more_than_the_people_can_promise_is_refused():
    with pytest.raises(RtemoError, match=r"at most 80\.0%"):
        quantile(np.arange(4.0), np.arange(4), 0.9)


def test_what_the_people_can_just_promise_is_given():
    assert quantile(np.arange(4.0), np.arange(4), 0.8) == 3.0


def test_new_people_are_covered_as_often_as_promised():
    random = np.random.default_rng(0)
    hits = []
    for _ in range(400):
        skill = random.normal(1.0, 0.7, size=16)  # people differ, their windows alike
        logits = random.normal(size=(16, 30, 4))
        label = random.integers(0, 4, size=(16, 30))
        np.put_along_axis(
            logits,
            label[..., None],
            np.take_along_axis(logits, label[..., None], -1) + skill[:, None, None],
            -1,
        )
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        q = quantile(scores(p[:15].reshape(-1, 4), label[:15].ravel()), np.repeat(np.arange(15), 30), 0.8)
        hits.append(np.mean([label[15, i] in members(p[15, i], q) for i in range(30)]))
    assert 0.79 <= np.mean(hits) <= 0.86


def test_a_set_holds_what_is_probable_enough_most_probable_first():
    p = np.array([0.1, 0.5, 0.15, 0.25])
    assert members(p, 0.8) == (1, 3)
    assert members(p, 0.75) == (1, 3)
    assert members(p, 1.0) == (1, 3, 2, 0)


def test_a_set_is_never_empty():
    assert members(np.array([0.1, 0.5, 0.15, 0.25]), 0.0) == (1,)


def test_the_score_is_what_the_true_label_lacks():
    p = np.array([[0.1, 0.9], [0.4, 0.6]])
    np.testing.assert_allclose(scores(p, np.array([1, 0])), [0.1, 0.6])
