"""The level of the sets follows what the person reports, by stamps alone."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.model.decoder import Decoder
from rtemo.model.embeddings import Embeddings
from rtemo.model.uncertainty.adaptive import (
    RecentSets,
    SelfReport,
    Smoothed,
    adapted_level,
    quantile_at,
    without,
)
from rtemo.model.uncertainty.conformal import members

QUANTILES = {"both": {0.5: 0.3, 0.8: 0.6, 0.9: 0.8}}


def said(posterior, seconds=60):
    kept = RecentSets()
    for i in range(seconds):
        kept.take(Smoothed(float(i), "both", np.array(posterior)))
    return kept


def level(label, n, posterior=(0.7, 0.2, 0.05, 0.05), rate=0.05):
    reports = [SelfReport(label, 10.0, 40.0, 42.0 + i) for i in range(n)]
    return adapted_level(reports, said(posterior), QUANTILES, 0.8, rate, 4.0)


def test_the_known_levels_have_their_quantiles_and_the_others_lie_between():
    for known, quantile in QUANTILES["both"].items():
        assert quantile_at(QUANTILES["both"], known) == pytest.approx(quantile)
    assert quantile_at(QUANTILES["both"], 0.85) == pytest.approx(0.7)
    assert quantile_at(QUANTILES["both"], 1.3) == 1.0
    assert quantile_at(QUANTILES["both"], -0.2) == 0.0


def test_misses_widen_the_sets_and_hits_alone_never_narrow_them():
    assert level(2, 1) == pytest.approx(0.8 + 0.05 * 0.8)
    assert level(0, 1) == 0.8


def test_hits_take_back_what_a_miss_has_widened():
    reports = [SelfReport(2, 10.0, 40.0, 42.0), SelfReport(0, 10.0, 40.0, 43.0)]
    found = adapted_level(reports, said((0.7, 0.2, 0.05, 0.05)), QUANTILES, 0.8, 0.05, 4.0)
    assert found == pytest.approx(0.8 + 0.05 * 0.8 - 0.05 * 0.2)


def test_a_report_without_any_judged_window_changes_nothing():
    assert adapted_level([SelfReport(2, 500.0, 540.0, 542.0)], said((1.0, 0, 0, 0)), QUANTILES, 0.8, 0.05, 4.0) == 0.8


def test_many_hits_do_not_delay_the_sets_when_the_misses_come():
    kept, reports = RecentSets(), []
    for i in range(600):
        kept.take(Smoothed(10.0 * i + 8.0, "both", np.array((0.7, 0.2, 0.06, 0.04))))
        reports.append(SelfReport(0 if i < 590 else 1, 10.0 * i, 10.0 * i + 9.0, 0.0))
    after_hits = adapted_level(reports[:590], kept, QUANTILES, 0.8, 0.05, 4.0)
    after_misses = adapted_level(reports[:593], kept, QUANTILES, 0.8, 0.05, 4.0)
    assert after_hits == 0.8
    assert after_misses == pytest.approx(after_hits + 3 * 0.05 * 0.8)
    assert 1 in members(np.array((0.7, 0.2, 0.06, 0.04)), quantile_at(QUANTILES["both"], after_misses))


def test_the_long_run_share_of_misses_keeps_the_bound_for_hostile_labels():
    rate, n = 0.05, 400
    random, kept = np.random.default_rng(0), RecentSets()
    posteriors = random.dirichlet(np.ones(4) * 0.5, n)
    reports, missed, now = [], [], 0.8
    for i, posterior in enumerate(posteriors):
        kept.take(Smoothed(10.0 * i + 8.0, "both", posterior))
        q = quantile_at(QUANTILES["both"], now)
        label = int(posterior.argsort()[1])  # never the most probable one
        missed.append(1.0 - posterior[label] > q)
        reports.append(SelfReport(label, 10.0 * i, 10.0 * i + 9.0, 0.0))
        now = max(0.8, now + rate * (missed[-1] - 0.2))
    assert adapted_level(reports, kept, QUANTILES, 0.8, rate, 4.0) == pytest.approx(now)
    assert np.mean(missed) - 0.2 <= (1.0 + rate) / (rate * n)  # Gibbs & Candes 2021


def test_reports_change_the_sets_from_their_time_on_and_no_probability(bundle, window):
    def run(change):
        decoder = Decoder(bundle)
        change(decoder)
        random = np.random.default_rng(1)
        steps = [Embeddings(*random.normal(size=(3, 40)).astype(np.float32)) for _ in range(60)]
        return [decoder.step(window(4.0 + i), z) for i, z in enumerate(steps)]

    worst = min(range(4), key=lambda k: np.mean([list(p.smoothed.values())[k] for p in run(lambda d: None)]))

    def report(decoder):
        for i in range(30):
            decoder.report(SelfReport(worst, 4.0, 30.0, 34.5 + i / 100))

    def taken_back(decoder):
        report(decoder)
        for i in range(30):
            decoder.take_back(i, 50.0)

    plain, adapted, back = run(lambda d: None), run(report), run(taken_back)
    assert [p.smoothed for p in adapted] == [p.smoothed for p in plain]
    assert [p.set for p in adapted[:31]] == [p.set for p in plain[:31]]
    assert sum(len(p.set) for p in adapted[31:]) > sum(len(p.set) for p in plain[31:])
    assert [p.set for p in back[:47]] == [p.set for p in adapted[:47]]
    assert [p.set for p in back[47:]] == [p.set for p in plain[47:]]


def test_two_hours_are_remembered_one_window_a_second():
    kept = RecentSets()
    for k in range(4 * 7300):
        kept.take(Smoothed(k / 4, "both", np.array([1.0])))
    found = kept.between(-1.0, 1e9)
    assert [one.end_s for one in found[:2]] == [100.0, 101.0]
    assert len(found) == 7200
    assert [one.end_s for one in kept.between(200.0, 203.0)] == [201.0, 202.0, 203.0]
    assert [one.end_s for one in kept.copy().between(200.0, 201.0)] == [201.0]


def test_a_report_that_was_taken_back_counts_until_then():
    report = SelfReport(0, 10.0, 20.0, 22.0, until_s=30.0)
    assert [report.known_at(time_s) for time_s in (22.0, 22.25, 30.0, 30.25)] == [False, True, True, False]
    first, second = without([SelfReport(0, 1.0, 2.0, 3.0), SelfReport(1, 4.0, 5.0, 6.0)], 1, 9.0)
    assert first == SelfReport(0, 1.0, 2.0, 3.0)
    assert second == SelfReport(1, 4.0, 5.0, 6.0, 9.0)


def test_only_windows_wholly_within_a_report_judge_it():
    kept = RecentSets()
    # windows of four seconds that end at 13 s (one second too early), at 14 s and at 41 s (too late)
    for end_s, posterior in ((13.0, (0.0, 1.0)), (14.0, (1.0, 0.0)), (41.0, (0.0, 1.0))):
        kept.take(Smoothed(end_s, "both", np.array(posterior)))
    report = [SelfReport(0, 10.0, 40.0, 42.0)]
    assert adapted_level(report, kept, QUANTILES, 0.8, 0.05, 4.0) == 0.8
    assert adapted_level(report, kept, QUANTILES, 0.8, 0.05, 3.0) == pytest.approx(0.8 + 0.05 * (0.5 - 0.2))
