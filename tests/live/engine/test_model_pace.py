from __future__ import annotations

from rtemo.live.engine.model_pace import WINDOWS, ModelPace


def test_a_model_slower_than_the_hop_is_told_once_and_its_end_too():
    pace = ModelPace(0.1)
    assert [pace.took(0.05, 1) for _ in range(WINDOWS)] == [None] * WINDOWS
    told = [text for _ in range(3 * WINDOWS) if (text := pace.took(0.15, 1))]
    assert len(told) == 1
    assert "slower than the hop: a window takes 150 ms, the hop is 100 ms" in told[0]
    assert pace.too_slow
    told = [text for _ in range(3 * WINDOWS) if (text := pace.took(0.01, 1))]
    assert len(told) == 1
    assert "keeps up again" in told[0]
    assert not pace.too_slow


def test_one_slow_window_or_many_at_once_are_no_slow_model():
    pace = ModelPace(0.1)
    for i in range(3 * WINDOWS):
        assert pace.took(1.0 if i % 10 == 0 else 0.02, 1) is None
    assert pace.took(2.0, 40) is None  # 50 ms each, after a pause


def test_a_model_that_takes_seconds_is_told_after_a_few_windows():
    pace = ModelPace(0.1)
    told = [text for _ in range(6) if (text := pace.took(0.7, 1))]
    assert len(told) == 1
    assert "a window takes 700 ms" in told[0]


def test_slow_windows_at_a_sessions_begin_are_no_slow_model():
    pace = ModelPace(0.1)
    assert pace.took(3.0, 1) is None
    assert [pace.took(0.02, 1) for _ in range(2 * WINDOWS)] == [None] * 2 * WINDOWS
