"""Which rows a buffer holds, row by row."""

import numpy as np
import pytest

from rtemo.core.row_buffer import RowBuffer


def filled(*sizes, keep=10):
    buffer = RowBuffer(1, keep, np.float64)
    n = 0
    for size in sizes:
        buffer.append(np.arange(n, n + size, dtype=float)[:, None])
        n += size
    return buffer


@pytest.mark.parametrize(("sizes", "start", "stop"), [
    ((40,), 0, 40),  # four times as many as must stay
    ((40, 1), 30, 41), ((39, 1), 0, 40), ((39, 2), 29, 41), ((5, 35, 1), 30, 41),
    ((40, 30), 30, 70), ((40, 31), 31, 71), ((40, 40), 40, 80), ((40, 41), 41, 81), ((100,), 60, 100),
    ((3, 38), 1, 41), ((3, 37), 0, 40),
])  # fmt: skip
def test_at_least_the_newest_stay_and_more_as_long_as_there_is_room(sizes, start, stop):
    buffer = filled(*sizes)
    assert (buffer.start, buffer.stop) == (start, stop)
    np.testing.assert_array_equal(buffer.slice(start, stop)[:, 0], np.arange(start, stop))


def test_a_part_is_given_by_absolute_index_and_what_is_gone_is_left_out():
    buffer = filled(40, 5)  # 30 .. 44
    assert buffer.slice(32, 35)[:, 0].tolist() == [32.0, 33.0, 34.0]
    assert buffer.slice(0, 32)[:, 0].tolist() == [30.0, 31.0]
    assert buffer.slice(43, 99)[:, 0].tolist() == [43.0, 44.0]
    for begin, end in ((0, 30), (45, 99), (35, 35), (36, 32)):
        assert len(buffer.slice(begin, end)) == 0


def test_a_cleared_buffer_begins_anywhere():
    buffer = filled(40)
    buffer.clear(1000)
    assert (buffer.start, buffer.stop, len(buffer.slice(0, 2000))) == (1000, 1000, 0)
    buffer.append(np.array([[7.0]]))
    assert buffer.slice(1000, 1001).tolist() == [[7.0]]
