from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from offline.evaluation.statistics import bootstrap, holm, mean_interval, paired_p


def test_holm_is_the_hand_example():
    # sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1 = 0.02, 0.03, 0.06, 0.04, and never falling
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one_and_takes_nothing():
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_bootstrap_gives_the_same_interval_each_time_and_about_the_normal_one():
    values = np.random.default_rng(0).normal(0.4, 0.1, 200)
    first, again = mean_interval(values.tolist()), mean_interval(values.tolist())
    half = norm.ppf(0.975) * values.std(ddof=1) / np.sqrt(200)

    assert first == again
    assert first["value"] == pytest.approx(values.mean())
    assert first["sd"] == pytest.approx(values.std(ddof=1))
    assert first["low"] == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert first["high"] == pytest.approx(values.mean() + half, abs=0.2 * half)


def test_the_bootstrap_of_any_statistic_is_that_of_the_mean_for_the_mean():
    values = np.random.default_rng(1).normal(0.4, 0.1, 30)
    low, high = bootstrap(len(values), lambda drawn: float(values[drawn].mean()))
    known = mean_interval(values.tolist())

    assert (low, high) == pytest.approx((known["low"], known["high"]), abs=0.005)


def test_one_person_has_no_spread():
    assert mean_interval([0.3]) == pytest.approx({"value": 0.3, "sd": 0.0, "low": 0.3, "high": 0.3})


def test_the_paired_test_sees_what_all_people_share():
    random = np.random.default_rng(2)
    people = random.normal(0.4, 0.2, 15)

    assert paired_p((people + 0.02).tolist(), people.tolist()) < 0.001
    assert paired_p((people + random.normal(0.0, 0.1, 15)).tolist(), people.tolist()) > 0.05
    assert paired_p(people.tolist(), people.tolist()) == 1.0


def test_five_people_cannot_be_significant():
    assert paired_p([0.5] * 5, [0.1, 0.2, 0.3, 0.15, 0.25]) == pytest.approx(2 / 2**5)
