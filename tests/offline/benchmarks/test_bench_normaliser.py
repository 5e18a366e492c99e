"""The table that compares normalisers, on answers that are known; what the three normalisers are."""

from __future__ import annotations

import numpy as np
import pytest

from offline.benchmarks.normaliser import CLIP_S, LATE_S, NORMALISERS, NormalisedSession, plan_of, table
from rtemo.recordings.markers import EMOTIONS


def seen(said, *, told=True):
    """Forty windows, ten of each label, half of them late; features that tell the label, or nothing."""
    labels = np.tile(np.arange(4), 10)
    since_s = np.repeat([LATE_S - 10.0, LATE_S + 10.0], 20)
    features = np.eye(4)[labels] if told else np.zeros((40, 4))
    return NormalisedSession(features, labels, since_s, np.asarray(said(labels, since_s)))


def cells(text, name):
    row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [float(cell.split()[0]) for cell in row.split("|")[2:6]]


def test_first_and_last_parts_of_blocks_are_told_apart_and_each_normaliser_has_its_own_judge():
    def late_wrong(labels, since_s):
        return np.where(since_s > LATE_S, (labels + 1) % 4, labels)

    names = list(NORMALISERS)
    people = [{name: seen(late_wrong, told=name == names[0]) for name in names} for _ in range(2)]
    text = table(people, people, 4)
    assert cells(text, names[0]) == [100.0, 100.0, 100.0, 0.0]
    assert cells(text, names[1]) == [25.0, 25.0, 100.0, 0.0]


def test_a_plan_has_each_emotion_as_often_as_asked_in_an_order_that_the_seed_decides():
    plan, again, other = (plan_of(seed, CLIP_S, 2) for seed in (5, 5, 6))
    assert sorted(clip.emotion for clip in plan.clips) == sorted([*EMOTIONS] * 2)
    assert [clip.emotion for clip in plan.clips] == [clip.emotion for clip in again.clips]
    assert plan.family != other.family


@pytest.mark.parametrize("name", ["running, 60 s", "none"])
def test_the_normalisers_that_are_compared_differ_from_the_chosen_one_in_how_fast_they_forget(name):
    chosen, other = NORMALISERS["chosen"], NORMALISERS[name]
    assert chosen is None  # as in the bundle
    assert (other.half_life_s < 100.0) == name.startswith("running")
