"""Fitting a person's heads and quantiles: weights, scores and the optimum itself, worked out without the fit."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.model.bundle import LinearHead
from rtemo.model.personal.fit import LabelledClip, _compared, _covered, _helps
from rtemo.model.personal.head_refit import (
    HALF_WAY_CLIPS,
    KEPT_SHARE,
    MOST_ROWS,
    PRIOR_CLIPS,
    Rows,
    clip_weights,
    logits_of,
    refit,
)


def test_labels_weigh_alike_and_so_do_the_clips_of_one():
    np.testing.assert_allclose(clip_weights([2, 0, 2, 2]), [1 / 6, 1 / 2, 1 / 6, 1 / 6])
    np.testing.assert_allclose(clip_weights([1]), [1.0])


def test_sixteen_windows_of_a_clip_are_used_evenly_spread():
    assert (MOST_ROWS, PRIOR_CLIPS, HALF_WAY_CLIPS, KEPT_SHARE) == (16, 60.0, 24.0, 0.99)
    z = np.arange(31, dtype=np.float32)[:, None]
    assert Rows(z, 0).thinned().z[:, 0].tolist() == list(range(0, 31, 2))
    assert len(Rows(z[:17], 0).thinned().z) == 16
    assert Rows(z[:16], 0).thinned().z is not None
    assert len(Rows(z[:16], 0).thinned().z) == 16


def clips_of(seed=0, n=6, d=4):
    rng = np.random.default_rng(seed)
    middles = 2.0 * rng.normal(size=(3, d))
    return [Rows((middles[k % 3] + rng.normal(size=(5 + k, d))).astype(np.float32), k % 3) for k in range(n)]


def test_the_refitted_head_lies_part_of_the_way_to_where_the_loss_has_no_slope():
    rng = np.random.default_rng(1)
    trained = LinearHead(rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=3).astype(np.float32))
    temperature, clips = 1.5, clips_of()
    found = refit(trained, temperature, clips)
    share = 6 / (6 + 24)
    theta0 = np.column_stack([trained.weight, trained.bias]).astype(float)
    theta = theta0 + (np.column_stack([found.weight, found.bias]) - theta0) / share
    rows = np.concatenate([np.column_stack([clip.z, np.ones(len(clip.z))]) for clip in clips]) / temperature
    slope = (60.0 / 6) * (theta - theta0)
    at = 0
    for clip in clips:
        for _ in range(len(clip.z)):
            logits = theta @ rows[at]
            p = np.exp(logits) / np.exp(logits).sum()
            p[clip.label] -= 1.0
            slope += np.outer(p, rows[at]) / (3 * 2 * len(clip.z))  # three labels of two clips each
            at += 1
    _, lengths, basis = np.linalg.svd(rows, full_matrices=False)
    n_kept = next(r for r in range(1, 6) if (lengths[:r] ** 2).sum() >= 0.99 * (lengths**2).sum())
    assert np.abs(slope @ basis[:n_kept].T).max() < 2e-3
    assert np.abs((theta - theta0) @ basis[n_kept:].T).max(initial=0.0) < 2e-4
    assert np.abs(theta - theta0).max() > 0.01


def test_clips_of_one_label_or_without_windows_change_nothing():
    trained = LinearHead(np.ones((3, 4), np.float32), np.zeros(3, np.float32))
    one = [clip for clip in clips_of() if clip.label == 0]
    assert refit(trained, 1.0, one) is trained
    empty = Rows(np.empty((0, 4), np.float32), 1)
    assert refit(trained, 1.0, [*one, empty]) is trained
    with_empty = refit(trained, 1.0, [*clips_of(), empty])
    np.testing.assert_array_equal(with_empty.weight, refit(trained, 1.0, clips_of()).weight)


def test_logits_are_the_heads_products():
    head = LinearHead(np.array([[1, 2], [3, 4]], np.float32), np.array([0.5, -0.5], np.float32))
    np.testing.assert_allclose(logits_of(head, np.array([[1, 1], [0, 2]], np.float32)), [[3.5, 6.5], [4.5, 7.5]])


def labelled(*labels):
    return [LabelledClip(label, 0.0, 1.0, np.empty(0), np.empty(0, str), {}) for label in labels]


def sure(*p):
    """Windows that give the first of two labels these probabilities."""
    return np.array([[x, 1.0 - x] for x in p]).reshape(-1, 2)


def test_scores_are_means_over_clips_with_labels_alike():
    clips = labelled(0, 0, 1)
    before = [sure(0.5, 0.5), sure(0.25), sure(0.5)]
    after = [sure(0.8, 0.4), sure(0.5), sure(0.2)]
    score = _compared(clips, before, after)
    assert (score["clips"], score["windows"]) == (3, 4)
    nll = [[math.log(2), math.log(4), math.log(2)], [-(math.log(0.8) + math.log(0.4)) / 2, math.log(2), -math.log(0.8)]]
    weights = np.array([0.25, 0.25, 0.5])
    assert score["before"]["nll"] == pytest.approx(weights @ nll[0])
    assert score["after"]["nll"] == pytest.approx(weights @ nll[1])
    # argmax of a tie is the first label: right for the first clip, wrong for the last
    assert score["before"]["balanced_accuracy"] == pytest.approx(0.25 * 1 + 0.25 * 0 + 0.5 * 0)
    assert score["after"]["balanced_accuracy"] == pytest.approx(0.25 * 0.5 + 0.25 * 1 + 0.5 * 1)
    gain = np.array(nll[0]) - np.array(nll[1])
    assert score["gain_nats"] == pytest.approx(weights @ gain)
    assert score["gain_error"] == pytest.approx(math.sqrt(np.sum(weights**2 * (gain - weights @ gain) ** 2)))


def test_clips_without_windows_of_this_kind_do_not_count():
    clips, none = labelled(0, 1), np.zeros((0, 0))
    assert _compared(clips, [none, none], [none, none]) == {}
    score = _compared(clips, [sure(0.5), none], [sure(0.7), none])
    assert (score["clips"], score["gain_error"]) == (1, math.inf)
    assert score["gain_nats"] == pytest.approx(math.log(0.7 / 0.5))


@pytest.mark.parametrize(("gain", "nll", "helps"), [
    (0.1, 0.69, True), (0.0, 0.69, False), (-0.1, 0.5, False), (0.1, 0.70, False),  # ln 2 is 0.693
])  # fmt: skip
def test_a_calibration_helps_that_beats_the_trained_heads_and_chance(gain, nll, helps):
    bundle = SimpleNamespace(labels=("calm", "sad"))
    assert _helps({"gain_nats": gain, "after": {"nll": nll}}, bundle) == helps


def test_quantiles_are_raised_to_what_covers_the_held_out_clips_and_never_lowered():
    clips = labelled(0, 0, 1, 1)
    # scores 1 - p(true): 0.1, 0.2 | 0.3 | 0.4 | 0.9, 0.5; masses 1/8, 1/8 | 1/4 | 1/4 | 1/8, 1/8
    held_out = [sure(0.9, 0.8), sure(0.7), sure(0.4), sure(0.9, 0.5)]
    known = {0.5: 0.1, 0.75: 0.1, 0.8: 0.1, 0.875: 0.95, 0.9: 0.1}
    # in order 0.1 0.2 0.3 0.4 0.5 0.9; masses reach .125 .25 .5 .75 .875 1
    assert _covered(clips, held_out, known) == pytest.approx({0.5: 0.3, 0.75: 0.4, 0.8: 0.5, 0.875: 0.95, 0.9: 0.9})
    assert _covered(clips, [np.zeros((0, 0))] * 4, known) == known


def test_a_head_trains_on_the_windows_that_it_can_read():
    offers = np.array(["both", "eeg", "eye", "eeg"])
    z = {head: np.arange(4.0)[:, None].astype(np.float32) for head in ("eeg", "eye", "joint")}
    clip = LabelledClip(1, 0.0, 4.0, np.arange(4.0), offers, z)
    assert clip.rows("eeg").z[:, 0].tolist() == [0.0, 1.0, 3.0]
    assert clip.rows("eye").z[:, 0].tolist() == [0.0, 2.0]
    assert clip.rows("joint").z[:, 0].tolist() == [0.0]
    assert clip.rows("joint").label == 1
