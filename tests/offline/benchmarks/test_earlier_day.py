from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from offline.benchmarks.personal import earlier_day
from offline.benchmarks.personal.earlier_day import table


def test_people_for_whom_a_rule_changes_nothing_count_as_zero():
    people = [{"one": (3.0, -0.2)}, {"one": None}, {"one": (-1.0, 0.1)}]
    row = table(people).splitlines()[-1]
    assert row.startswith("| one | 2 of 3 | +0.7 (-1.0), ")
    assert row.endswith("| -0.033 (+0.100) |")


@pytest.mark.parametrize(("loss", "used"), [(0.9, True), (1.1, False)])
def test_an_earlier_days_calibration_is_taken_only_where_the_clips_of_today_are_likelier_by_it(monkeypatch, loss, used):
    later = SimpleNamespace(labels=np.array([0, 1]), clips=np.array([0, 5]))
    losses = {"earlier": loss, None: 1.0}
    monkeypatch.setattr(earlier_day, "run", lambda _bundle, _session, scored, person=None: (person, scored.tolist()))
    monkeypatch.setattr(earlier_day, "_loss", lambda run: losses[run[0]] if run[1] == [True, False] else 0.0)
    assert earlier_day._likelier(None, later, "earlier") is used
    assert earlier_day._likelier(None, later, None) is False
