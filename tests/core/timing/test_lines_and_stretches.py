"""The line of a run of samples, and which stretches of stamps can be believed, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.timing.sample_line import SampleLine, pieces
from rtemo.core.timing.sampling_rate import Rate
from rtemo.core.timing.stretches import Stretch


def test_samples_without_a_stamp_take_the_next_places_of_the_line():
    times = 1000.0 + np.arange(60) / 100.0
    line = SampleLine(Rate(100.0, bursty=False, gap_s=0.015), times)
    line.follow(times[:50])
    np.testing.assert_allclose(line.skip(3), times[50:53], atol=1e-9)
    np.testing.assert_allclose(line.follow(times[53:]), times[53:], atol=1e-9)


@pytest.mark.parametrize(
    ("steps_s", "believed"),
    [
        ([0.07] * 15, True),
        ([0.06] * 15, False),  # 0.9 s
        ([0.1] * 14, False),  # 15 samples
        ([0.1, *[0.92 / 14] * 14], True),  # from the first sample on
        ([*[0.05] * 13, 0.26, 0.26], True),  # long, but no ten usual steps
        ([*[0.05] * 13, 0.6, 0.6], False),  # pauses do not count
        ([*[0.05] * 13, 0.6, 0.6, 0.6], True),  # as many are bursts
    ],
)
def test_a_rate_is_measured_on_a_second_of_sixteen_samples_without_pauses(steps_s, believed):
    stretch = Stretch()
    for number, time_s in enumerate(np.cumsum([1000.0, *steps_s])):
        stretch.add(number, float(time_s))
    assert stretch.believed is believed


class PlainLine:
    """The tracker as its equations read, sample by sample: w = 0.2 rad/s, alpha = 2 w p, beta = (w p)^2."""

    def __init__(self, hz, gap_s, origin_s, level_s):
        self.p, self.gap_s, self.origin_s = 1.0 / hz, gap_s, origin_s
        self.alpha, self.beta = 2.0 * 0.2 * self.p, (0.2 * self.p) ** 2
        self.n, self.x, self.v = 0, level_s, 0.0

    def place(self, ahead=0):
        return self.origin_s + (self.n + ahead) * self.p + self.x + (1 + ahead) * self.v

    def follow(self, times):
        even = []
        for time_s in times:
            predicted = self.x + self.v
            r = time_s - (self.origin_s + self.n * self.p) - predicted
            if abs(r) > self.gap_s:
                break
            self.x, self.v = predicted + self.alpha * r, self.v + self.beta * r
            even.append(self.origin_s + self.n * self.p + self.x)
            self.n += 1
        return even

    def skip(self, n):
        places = [self.place(k) for k in range(n)]
        self.x, self.n = self.x + n * self.v, self.n + n
        return places

    def restart(self, time_s):
        self.x = time_s - (self.origin_s + self.n * self.p) - self.v


@pytest.mark.parametrize("hz", [10.0, 250.0])
def test_a_line_is_the_tracker_that_its_equations_describe(hz):
    rng = np.random.default_rng(3)
    gap_s = 1.0 / hz
    times = 1000.0 + np.arange(600) / (1.02 * hz) + rng.uniform(-0.2, 0.2, 600) / hz  # faster than it is taken for
    level_s = float(np.median(times[:5] - times[0] - np.arange(5) / hz))
    line = SampleLine(Rate(hz, bursty=False, gap_s=gap_s), times[:5])
    plain = PlainLine(hz, gap_s, times[0], level_s)
    begin = 0
    while begin < 600:
        assert line.off(times[begin] + 0.5, 0) == pytest.approx(times[begin] + 0.5 - plain.place(), abs=1e-9)
        assert line.off(times[begin], 7) == pytest.approx(times[begin] - plain.place(7), abs=1e-9)
        even, expected = line.follow(times[begin : begin + 90]), plain.follow(times[begin : begin + 90])
        assert even.tolist() == pytest.approx(expected, abs=1e-9)
        begin += len(even)
        if len(even) < 90 and begin < 600:
            assert line.off(times[begin], 0) == pytest.approx(times[begin] - plain.place(), abs=1e-9)
            line.restart(times[begin])
            plain.restart(times[begin])
        else:
            assert line.skip(4).tolist() == pytest.approx(plain.skip(4), abs=1e-9)
            begin += 4


def test_samples_before_one_that_is_off_are_counted():
    times = np.array([1000.0, 1001.0, 1002.0, 1003.9])
    line = SampleLine(Rate(1.0, bursty=False, gap_s=0.5), times)
    assert line.follow(times).tolist() == [1000.0, 1001.0, 1002.0]
    assert line.off(1003.0, 0) == 0.0


def test_a_sample_is_in_line_up_to_the_threshold():
    for off_s, n in ((0.4999, 2), (0.5001, 1), (-0.4999, 2), (-0.5001, 1)):
        line = SampleLine(Rate(1.0, bursty=False, gap_s=0.5), np.array([1000.0]))
        assert len(line.follow(np.array([1000.0, 1001.0 + off_s]))) == n


@pytest.mark.parametrize(("times", "numbers", "first_s"), [
    ([5.0], None, 5.0),
    ([5.0, 6.2, 7.1], None, 5.1),  # off by 0, 0.2, 0.1
    ([5.0, 8.2, 9.1], [4, 7, 8], 5.1),  # two between them are left out
    ([5.0, 6.2, 7.1, 9.0, 10.0, 11.0], None, 5.1),  # up to the gap
    ([5.0, 6.5, 7.5], None, 5.5),  # steps of half a second are none
    ([5.0, 6.75, 7.75, 8.75], None, 5.0),
])  # fmt: skip
def test_a_line_begins_at_the_median_of_the_samples_before_the_first_gap(times, numbers, first_s):
    line = SampleLine(Rate(1.0, bursty=False, gap_s=0.5), np.array(times), numbers)
    assert line.off(first_s, 0) == pytest.approx(0.0, abs=1e-9)
    assert line.off(first_s + 2.25, 2) == pytest.approx(0.25, abs=1e-9)


def test_behind_a_step_a_line_goes_on_where_the_samples_do():
    times = np.concatenate([1000.0 + np.arange(50) / 100.0, 1002.0 + np.arange(30) / 100.0, [1002.5, 1002.51]])
    line = SampleLine(Rate(100.0, bursty=False, gap_s=0.015), times)
    found = list(pieces(line, times))
    assert [(begin, len(even)) for begin, even in found] == [(0, 50), (50, 30), (80, 2)]
    np.testing.assert_allclose(np.concatenate([even for _, even in found]), times, atol=1e-9)
    assert list(pieces(line, times[:0])) == []


def test_a_stretch_of_just_a_second_is_believed():
    stretch = Stretch()
    for number, time_s in enumerate([1000.0, *(1000.0625 + np.arange(15) / 16)]):
        stretch.add(number, float(time_s))
    assert stretch.highest - stretch.times[0] < 1.0
    assert not stretch.believed
    stretch.add(16, 1001.0)
    assert stretch.believed
