"""Numbers as text: the window and the reports have one rule, and it does not contradict itself."""

from __future__ import annotations

import importlib
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.presentation import numbers
from rtemo.presentation.numbers import MISSING, age, clock, number, percent, several, shortened, size

SECONDS = st.floats(0, 1e9)
UNITS = {"ms": 1e-3, "s": 1.0}
BYTES = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


def seconds_of(text):
    """What a duration reads as."""
    if " " in text:
        value, unit = text.split()
        return float(value) * UNITS[unit]
    return sum(int(part) * 60**k for k, part in enumerate(reversed(text.split(":"))))


@given(SECONDS)
def test_a_duration_never_shows_60_seconds_or_minutes(seconds):
    parts = re.fullmatch(r"(?:(\d+):)?(\d+):(\d\d)", clock(seconds))
    assert parts
    assert int(parts[3]) < 60
    assert int(parts[2]) < 60
    assert not re.match(r"60\.|1000 ms", age(seconds))


@pytest.mark.parametrize("shown", [clock, age])
@given(one=SECONDS, other=SECONDS)
def test_a_longer_duration_never_reads_shorter(shown, one, other):
    assert seconds_of(shown(min(one, other))) <= seconds_of(shown(max(one, other)))


@given(st.integers(0, 10**6), st.floats(-1e-7, 1e-7))
def test_a_whole_second_reads_whole_whatever_its_last_bits_are(whole, error):
    assert seconds_of(clock(whole + error)) == whole


@given(SECONDS)
def test_a_duration_reads_what_has_passed_and_not_more(seconds):
    assert seconds - 1 < seconds_of(clock(seconds)) <= seconds + 1e-6
    assert seconds - 1 < seconds_of(age(seconds)) <= seconds + 1e-6


@given(st.integers(0, 10**15))
def test_a_size_stays_below_a_thousand_of_its_unit_and_is_right_to_its_last_digit(n_bytes):
    value, unit = size(n_bytes).split()
    assert float(value) < 1000 or unit == "TB"
    assert float(value) * BYTES[unit] == pytest.approx(n_bytes, abs=0.0501 * BYTES[unit])


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, 1e305])
def test_what_is_not_known_is_a_dash(seconds):
    assert clock(seconds) == age(seconds) == MISSING
    assert number(math.nan, 1, "ms") == number(None) == percent(None) == percent(math.inf) == MISSING


def test_a_few_numbers_as_they_are_written():
    assert [clock(s) for s in (0, 59.6, 60, 3599.999, 3605, -5)] == ["0:00", "0:59", "1:00", "59:59", "1:00:05", "0:00"]
    assert [age(s) for s in (0.021, 0.9996, 1.25, 59.96, 61)] == ["21 ms", "999 ms", "1.2 s", "59.9 s", "1:01"]
    assert [size(n) for n in (999, 999_960, 1_250_000)] == ["999 B", "1.0 MB", "1.2 MB"]
    assert [number(-0.04, 1), number(-1234.5, 1, "µV")] == ["0.0", "−1,234.5 µV"]
    assert [percent(0.256), percent(0.256, 1), percent(-0.1)] == ["26 %", "25.6 %", "−10 %"]
    assert [several(1, "event"), several(1200, "event")] == ["1 event", "1,200 events"]
    assert shortened("a\n long  note", 8) == "a long …"


def test_the_window_and_the_report_write_durations_by_the_same_function():
    for name in ("rtemo.report.page", "rtemo.report.timeline", "rtemo.report.time_axis"):
        assert importlib.import_module(name).clock is numbers.clock
    pytest.importorskip("PySide6")
    for name in ("rtemo.gui.bars.status_strip", "rtemo.gui.bars.replay_bar", "rtemo.gui.views.events"):
        assert importlib.import_module(name).clock is numbers.clock
