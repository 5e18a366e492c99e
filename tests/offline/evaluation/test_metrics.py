from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    log_loss,
)

from offline.evaluation.metrics import (
    accuracy,
    aurc,
    balanced_accuracy,
    confusion,
    ece,
    f1_macro,
    kappa,
    nll,
    per_person,
    risk_coverage,
)

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


def test_accuracy_f1_and_kappa_are_the_usual_ones():
    predicted = P.argmax(1)
    assert accuracy(LABELS, predicted) == pytest.approx(accuracy_score(LABELS, predicted))
    assert f1_macro(LABELS, predicted) == pytest.approx(f1_score(LABELS, predicted, average="macro"))
    assert kappa(LABELS, predicted) == pytest.approx(cohen_kappa_score(LABELS, predicted))
    assert (confusion(LABELS, predicted, 4) == confusion_matrix(LABELS, predicted)).all()


def test_a_label_that_is_only_predicted_counts_in_f1():
    labels, predicted = np.array([0, 0, 1]), np.array([0, 2, 1])
    assert f1_macro(labels, predicted) == pytest.approx(f1_score(labels, predicted, average="macro"))


@pytest.mark.parametrize("seed", range(60))
def test_scores_are_their_definitions_where_labels_are_absent_or_only_predicted(seed):
    random = np.random.default_rng(seed)
    k = int(random.integers(2, 6))
    labels = random.choice(random.choice(k, random.integers(1, k + 1), replace=False), random.integers(1, 40))
    predicted = random.integers(0, k, len(labels))
    counts = np.array([[np.sum((labels == a) & (predicted == b)) for b in range(k)] for a in range(k)])
    true, said, hit, n = counts.sum(axis=1), counts.sum(axis=0), np.diag(counts), counts.sum()
    seen, chance = true + said > 0, float(true @ said) / n**2
    assert (confusion(labels, predicted, k) == counts).all()
    assert accuracy(labels, predicted) == pytest.approx(hit.sum() / n)
    assert balanced_accuracy(labels, predicted) == pytest.approx(np.mean(hit[true > 0] / true[true > 0]))
    assert f1_macro(labels, predicted) == pytest.approx(np.mean(2 * hit[seen] / (true + said)[seen]))
    expected = (hit.sum() / n - chance) / (1 - chance) if chance < 1 else 0.0
    assert kappa(labels, predicted) == pytest.approx(expected, abs=1e-12)


def test_one_label_alone_has_no_kappa():
    assert kappa(np.zeros(3, int), np.zeros(3, int)) == 0.0


def test_the_risk_at_full_coverage_is_the_error_and_a_forecast_that_knows_its_errors_has_a_small_area():
    right = P.argmax(1)
    labels = np.where(P.max(1) > np.median(P.max(1)), right, (right + 1) % 4)
    n = len(labels)

    assert risk_coverage(P, labels)[-1] == pytest.approx(0.5)
    assert (risk_coverage(P, labels)[: n // 2] == 0.0).all()
    assert aurc(P, labels) == pytest.approx(np.sum(1 - (n / 2) / np.arange(n // 2 + 1, n + 1)) / n)
    assert aurc(P, LABELS) > aurc(P, labels)
