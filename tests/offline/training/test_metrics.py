from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from offline.metrics import balanced_accuracy, ece, nll, per_person

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 4, 300)
P = RANDOM.dirichlet(np.ones(4), 300)


def test_balanced_accuracy_and_nll_are_the_usual_ones():
    assert balanced_accuracy(LABELS, P.argmax(1)) == pytest.approx(balanced_accuracy_score(LABELS, P.argmax(1)))
    assert nll(P, LABELS) == pytest.approx(log_loss(LABELS, P))


def test_a_calibrated_forecast_has_a_small_ece_and_a_boastful_one_a_large_one():
    random = np.random.default_rng(1)
    p = random.dirichlet(np.ones(4), 40_000)
    labels = np.array([random.choice(4, p=row) for row in p])
    boast = np.eye(4)[p.argmax(1)] * 0.96 + 0.01
    assert ece(p, labels) < 0.02
    assert ece(boast, labels) == pytest.approx(0.97 - np.mean(p.argmax(1) == labels), abs=0.01)


def test_the_spread_over_people_is_told():
    assert per_person([0.2, 0.4, 0.6]) == pytest.approx({"mean": 0.4, "sd": 0.2, "min": 0.2, "max": 0.6})
