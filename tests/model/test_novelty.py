from __future__ import annotations

import numpy as np
from scipy.spatial.distance import mahalanobis
from scipy.special import logsumexp

from rtemo.model.novelty import Familiar, NoveltyScale, distance, energy, novelty

SCALE = NoveltyScale(distance=(1.0, 0.5), energy=(-3.0, 1.0), threshold=2.0)


def familiar(width=6):
    random = np.random.default_rng(2)
    mixing = random.normal(size=(width, width))
    return Familiar(random.normal(size=width).astype(np.float32), (mixing @ mixing.T).astype(np.float32))


def test_distance_is_mahalanobis_per_root_dimension():
    known, z = familiar(), np.random.default_rng(3).normal(size=(5, 6)).astype(np.float32)
    expected = [mahalanobis(row, known.mean, known.precision) / np.sqrt(6) for row in z]
    np.testing.assert_allclose(distance(z, known), expected, rtol=1e-5)
    np.testing.assert_allclose(distance(z[0], known), expected[0], rtol=1e-5)


def test_energy_is_the_negative_log_sum_of_exponentials():
    logits = np.random.default_rng(4).normal(size=(5, 4)) * 100
    np.testing.assert_allclose(energy(logits), -logsumexp(logits, axis=-1))


def test_the_threshold_lies_at_one_for_either_measure():
    known = Familiar(np.zeros(4, np.float32), np.eye(4, dtype=np.float32))
    far = np.full(4, 2.0, np.float32)  # distance 2: (2 - 1) / 0.5 = 2 spreads, the threshold
    assert novelty(far, np.full(4, 50.0), known, SCALE) == 1.0
    flat = np.full(4, 1.0 - np.log(4.0))  # energy -1: 2 spreads above the centre
    np.testing.assert_allclose(novelty(np.zeros(4, np.float32), flat, known, SCALE), 1.0)


def test_an_ordinary_window_is_not_novel_at_all():
    known = Familiar(np.zeros(4, np.float32), np.eye(4, dtype=np.float32))
    assert novelty(np.zeros(4, np.float32), np.full(4, 9.0), known, SCALE) == 0.0
