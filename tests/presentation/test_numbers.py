"""Numbers read the same in window and report, and never as something that they are not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.presentation.numbers import MISSING, age, clock, number, percent, rates, several, size

seconds = st.floats(0.0, 1e6)


def in_seconds(text):
    parts = [int(part) for part in text.split(":")]
    return sum(part * 60**k for k, part in enumerate(reversed(parts)))


@given(seconds)
def test_a_duration_is_the_whole_seconds_that_have_passed(value):
    assert in_seconds(clock(value)) == math.floor(value + 1e-6)
    assert all(int(part) < 60 for part in clock(value).split(":")[1:])


@given(seconds, seconds)
def test_a_longer_duration_never_reads_shorter(one, other):
    low, high = sorted((one, other))
    assert in_seconds(clock(low)) <= in_seconds(clock(high))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (59.4, "0:59"),
        (59.6, "1:00"),
        (60.0, "1:00"),
        (1060.3 - 1000.3, "1:00"),
        (3599.99, "59:59"),
        (3600, "1:00:00"),
    ],
)
def test_durations_around_a_minute_and_an_hour(value, text):
    assert clock(value) == text


@given(st.floats(0.0, 1e18))
def test_a_size_never_has_a_thousand_of_its_unit(n_bytes):
    amount, _, unit = size(n_bytes).partition(" ")
    assert float(amount) < 1000 or unit == "TB"


def test_what_is_not_known_is_a_dash():
    for text in (clock(math.nan), age(math.nan), percent(None), percent(math.inf), number(math.nan, 1, "ms")):
        assert text == MISSING


def test_numbers_with_units():
    assert number(12345.6, 1, "Hz") == "12,345.6 Hz"
    assert (number(1000), several(1, "gap"), several(20_000, "gap")) == ("1000", "1 gap", "20,000 gaps")
    assert rates(500, 499.98) == "500 → 500.0 Hz"
    assert (percent(0.404), percent(-0.051, 1), age(0.0123), age(3.21), age(75)) == (
        "40 %",
        "\N{MINUS SIGN}5.1 %",
        "12 ms",
        "3.2 s",
        "1:15",
    )
