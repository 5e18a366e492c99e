"""Sample counters, trigger columns and impedances: what they find, whatever the samples are cut into."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.auxiliary.columns import AuxiliaryColumns, AuxiliaryReader, ImpedanceColumn
from rtemo.core.auxiliary.losses import JUDGED, CounterColumn, Loss
from rtemo.core.auxiliary.triggers import FLOOD, Trigger, TriggerColumn

HZ = 250.0


def cut(rng, n):
    """Where n samples are cut into chunks."""
    edges = np.sort(rng.integers(0, n + 1, rng.integers(0, 12)))
    return [0, *edges.tolist(), n]


def taken(columns, times, values, edges, hz=HZ, latency_s=0.0):
    """(absolute row, finding without its row) of all chunks, and the reader."""
    reader = AuxiliaryReader(columns, hz, latency_s)
    found = []
    for begin, end in pairwise(edges):
        found += [(begin + one.row, key(one)) for one in reader.take(times[begin:end], values[begin:end])]
    return found, [key(one) for one in reader.flush()], reader


def key(one):
    if isinstance(one, Trigger):
        return (one.time_s, one.label, one.text, one.problem)
    assert isinstance(one, Loss)
    return (one.time_s, one.lost, one.filled, one.twice, one.restarts, one.since_s, one.n_places, bool(one.problem))


def counted(numbers, times=None, modulus=0, hz=HZ, **more):
    numbers = np.asarray(numbers, np.float64)
    times = 1000.0 + np.arange(len(numbers)) / hz if times is None else times
    return taken(AuxiliaryColumns(CounterColumn(0, modulus, **more)), times, numbers[:, None], [0, len(numbers)], hz)


@given(st.integers(0, 2**32), st.sampled_from([0, 128, 256, 1000]), st.booleans())
def test_a_counter_gives_the_samples_that_never_came_and_those_that_came_twice(seed, modulus, stamped):
    """stamped: whether the stamps show the gap, or go on as if nothing had happened."""
    rng = np.random.default_rng(seed)
    n = 3000
    kept = np.ones(n, bool)
    for begin in rng.integers(1, n, 4):
        length = int(rng.integers(1, 400 if stamped or not modulus else modulus // 2 - 5))
        if stamped or not modulus or kept[max(begin - modulus, 0) : begin + length + modulus].all():
            kept[begin : begin + length] = False
    kept[[0, n - 1]] = True
    index = np.flatnonzero(kept)
    twice = rng.choice(len(index) - 1, 2, replace=False) if stamped else np.zeros(0, int)
    index = np.sort(np.concatenate([index, index[twice]]))
    begin = int(rng.integers(0, 10_000))
    numbers = (begin + index) % modulus if modulus else begin + index
    sent = index if stamped else np.arange(len(index))
    times = 500.0 + sent / HZ + rng.normal(0, 2e-4, len(sent))
    values = numbers.astype(np.float64)[:, None]
    columns = AuxiliaryColumns(CounterColumn(0, modulus))
    whole, rest, reader = taken(columns, times, values, [0, len(times)])
    assert (reader.losses.lost, reader.losses.twice) == (n - kept.sum(), len(twice))
    assert sum(one[1] for _, one in whole) + sum(one[1] for one in rest) == reader.losses.lost
    assert taken(columns, times, values, cut(rng, len(times)))[:2] == (whole, rest)


def test_a_whole_turn_of_the_counter_is_found_by_the_time():
    index = np.concatenate([np.arange(1000), np.arange(1000 + 512, 2000)])
    _, _, reader = counted(index % 256, 10.0 + index / HZ, 256)
    assert reader.losses.lost == 512
    _, _, reader = counted(index % 256, 10.0 + index / HZ, 256, hz=0.0)  # no rate is stated: it is measured
    assert reader.losses.lost == 512


def test_losses_that_follow_each_other_fast_are_one_event_with_their_number():
    index = np.delete(np.arange(10_000), [1000, 1100, 1200, 1300])
    found, rest, reader = counted(index, 10.0 + index / HZ)
    assert [(one[1], one[6]) for _, one in found] == [(1, 1), (3, 3)]
    assert found[0][1][0] == pytest.approx(10.0 + 1001 / HZ)
    assert found[1][1][0] == pytest.approx(10.0 + 1301 / HZ)
    assert found[1][1][5] == pytest.approx(10.0 + 1101 / HZ)
    assert not rest
    assert reader.losses.lost == 4
    found, rest, _ = counted(index[:1500], 10.0 + index[:1500] / HZ)
    assert [one[1] for _, one in found] == [1]
    assert [one[1] for one in rest] == [3]  # the recording ended before they were due


def test_a_counter_that_begins_anew_loses_nothing():
    found, _, reader = counted([*range(500), *range(300)])
    assert [one[4] for _, one in found] == [1]
    assert reader.losses.lost == 0


def test_a_column_that_counts_no_samples_is_given_up_once():
    rng = np.random.default_rng(0)
    found, rest, reader = counted(rng.integers(0, 1000, 4 * JUDGED), modulus=1000)
    assert reader.losses.stopped
    assert reader.losses.lost == 0
    assert [one[7] for _, one in found] == [
        False,
        False,
        True,
    ]  # at first, together, no counter
    assert not rest


def test_a_counter_is_read_as_far_as_its_format_is_exact():
    numbers = (2**24 - 100 + np.arange(300)).astype(np.float32)
    numbers[50:] += 5
    found, _, reader = counted(numbers, exact=2.0**24)
    assert reader.losses.lost == 5
    assert found[-1][1][7]


def test_samples_that_the_sender_made_up_are_losses():
    flags = np.zeros(2000)
    flags[100:103] = flags[1500:1510] = 1
    flags[1999] = 1
    values = np.column_stack([np.arange(2000) % 128, flags])
    columns = AuxiliaryColumns(CounterColumn(0, 128, filled=1))
    times = np.arange(2000) / 128.0
    whole, rest, reader = taken(columns, times, values, [0, 2000], 128.0)
    assert [one[2] for _, one in whole] == [3, 10]
    assert [one[2] for one in rest] == [1]
    assert reader.losses.filled == 14
    for seed in range(20):
        edges = cut(np.random.default_rng(seed), 2000)
        assert taken(columns, times, values, edges, 128.0)[:2] == (whole, rest)


def pressed(values, column=None, edges=None, **more):
    values = np.asarray(values, np.float64)
    columns = AuxiliaryColumns(triggers=(column or TriggerColumn(0, "TRG"),))
    return taken(columns, np.arange(len(values)) / HZ, values[:, None], edges or [0, len(values)], **more)[0]


def test_edges_to_what_is_not_rest_are_events_at_their_first_sample():
    found = pressed([0, 0, 5, 5, 0, 5, 7, 7, np.nan, 0, 0])
    assert [(row, one[2]) for row, one in found] == [(2, "5"), (5, "5"), (6, "7")]
    assert [one[0] for _, one in found] == [2 / HZ, 5 / HZ, 6 / HZ]
    assert pressed([5, 5, 0, 0]) == []  # when it began is not known
    late = pressed([0, 5, 0], latency_s=0.01)
    assert late[0][1][0] == pytest.approx(1 / HZ - 0.01)


def test_what_values_mean_is_the_profiles():
    unchanged = TriggerColumn(0, "DeviceTrigger", rest=(-1.0, 0.0), texts=((3.0, "clip/start"),))
    assert [one[2] for _, one in pressed([-1, 3, -1, 0, -1, 4, -1], unchanged)] == ["clip/start", "4"]
    din = TriggerColumn(0, "DIN", mask=0xFFFF, inverted=True)
    assert [one[2] for _, one in pressed([65535, 65534, 65535, 65533], din)] == ["1", "2"]
    low = TriggerColumn(0, "Status", mask=0xFF)
    assert [one[2] for _, one in pressed([65536, 65536 + 9, 131072 + 9, 131072], low)] == ["9"]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.integers(1, 4), st.integers(0, 2**32))
def test_a_level_counts_once_it_has_stood_for_long_enough(levels, hold, seed):
    """Against the rule as it reads, sample by sample."""
    expected, level, run, value = [], levels[0], 0, None
    for row, one in enumerate(levels):
        run = run + 1 if one == value else 1
        value = one
        if one != level and run >= hold:
            level = one
            if one != 0:
                expected.append((row, ((row - hold + 1) / HZ, "TRG", str(one), "")))
    column = TriggerColumn(0, "TRG", hold=hold)
    edges = cut(np.random.default_rng(seed), len(levels))
    assert pressed(levels, column, edges) == expected


def test_a_noisy_column_is_no_trigger():
    found = pressed(np.random.default_rng(1).integers(0, 1000, 2000))
    assert len(found) == FLOOD + 1
    assert found[-1][1][3]


def test_impedances_are_kept_by_electrode():
    columns = AuxiliaryColumns(impedances=(ImpedanceColumn(0, "Fz"), ImpedanceColumn(1, "Cz", 1e-3)))
    values = np.array([[np.nan, -1], [12, 5000], [30, 4000], [20, np.inf]])
    _, _, reader = taken(columns, np.arange(4.0), values, [0, 2, 4])
    fz, cz = reader.impedances["Fz"], reader.impedances["Cz"]
    assert (fz.first, fz.latest, fz.highest) == (12, 20, 30)
    assert (cz.first, cz.latest, cz.highest) == (5, 4, 5)
