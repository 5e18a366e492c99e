"""What the benchmark of costs times: every element, on what the application would give it."""

from __future__ import annotations

from functools import partial

import numpy as np

from offline.benchmarks import cost as bench_cost
from rtemo import resources
from rtemo.model.bundle import load_bundle


def test_each_call_is_timed_by_itself_and_in_order():
    done = []
    took = bench_cost._timed([partial(done.append, k) for k in range(5)])
    assert done == [0, 1, 2, 3, 4]
    assert took.shape == (5,)
    assert (took > 0.0).all()
    assert (took < 100.0).all()  # milliseconds


def test_the_gate_is_timed_once_a_prediction_on_the_bundles_settings():
    took = bench_cost._gate(load_bundle(resources.assets() / "models" / "demo"), 3)
    assert took.shape == (3,)
    assert np.isfinite(took).all()


def test_reports_lie_in_the_past_one_after_the_other_with_every_label():
    reports = bench_cost._reports(1000.0)
    assert {report.label for report in reports} == {0, 1, 2, 3}
    assert all(report.begin_s < report.end_s < report.holds_s for report in reports)
