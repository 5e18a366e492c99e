from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon, mahalanobis
from scipy.special import logsumexp

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.model.uncertainty.novelty import (
    CentreAndSpread,
    Familiar,
    NoveltyScale,
    disagreement,
    distance,
    energy,
    novelty,
)

SCALE = NoveltyScale(distance=(1.0, 0.5), energy=(-3.0, 1.0), disagreement=None, threshold=2.0)


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


def test_disagreement_is_the_jensen_shannon_divergence():
    random = np.random.default_rng(5)
    p, q = random.dirichlet(np.ones(4), 6), random.dirichlet(np.ones(4), 6)
    expected = [jensenshannon(a, b) ** 2 for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(disagreement(p, q), expected, rtol=1e-9)
    assert disagreement(p[0], p[0]) == 0.0
    np.testing.assert_allclose(disagreement(np.array([1.0, 0.0]), np.array([0.0, 1.0])), np.log(2.0))


def test_the_threshold_lies_at_one_for_each_measure():
    calm = (np.float64(1.0), np.float64(-3.0), np.float64(0.1))  # the centres
    three = replace(SCALE, disagreement=(0.1, 0.2))
    assert novelty(*calm, three) == 0.0
    assert novelty(np.float64(2.0), *calm[1:], three) == 1.0  # two spreads away
    assert novelty(calm[0], np.float64(-1.0), calm[2], three) == 1.0
    np.testing.assert_allclose(novelty(*calm[:2], np.float64(0.5), three), 1.0)


def test_disagreement_counts_only_where_two_modalities_speak():
    assert novelty(np.float64(1.0), np.float64(-3.0), np.float64(0.7), SCALE) == 0.0
    assert novelty(np.float64(1.0), np.float64(-3.0), None, replace(SCALE, disagreement=(0.1, 0.2))) == 0.0


@pytest.mark.parametrize(("spread", "fits"), [(0.01, True), (0.5, True), (0.0, False), (-1.0, False)])
def test_a_scale_needs_a_spread(spread, fits):
    reader = Reader("the bundle", "get it again")
    if fits:
        assert reader.value(CentreAndSpread, [-3.0, spread], "energy") == (-3.0, spread)
        return
    with pytest.raises(RtemoError, match="a centre and a positive spread"):
        reader.value(CentreAndSpread, [-3.0, spread], "energy")
