"""The self-test names the step that fails."""

from __future__ import annotations

import pytest

from rtemo.core.errors import RtemoError
from rtemo.sources.lsl import self_test


def test_a_clock_that_cannot_be_measured_is_waited_for_and_then_no(monkeypatch):
    answers = iter([None, None, 1.0])
    monkeypatch.setattr(self_test, "measure_clock", lambda inlet: next(answers))
    assert self_test._measures(None, 30.0)
    monkeypatch.setattr(self_test, "measure_clock", lambda inlet: None)
    assert not self_test._measures(None, 0.0)


@pytest.mark.parametrize(("step", "said"), [("_delivers", "samples do not come"), ("_measures", "clock cannot be")])
def test_the_step_that_fails_is_named(monkeypatch, step, said):
    monkeypatch.setattr(self_test, step, lambda *_: False)
    with pytest.raises(RtemoError, match=said):
        self_test.self_test()


def test_it_takes_as_long_as_the_first_sample_takes():
    assert 0.0 < self_test.self_test() < 5.0
