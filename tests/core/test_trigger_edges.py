"""Events of one trigger column, value by value: when a level counts, what bits it has, when the column is given up."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.auxiliary.columns import AuxiliaryColumns, AuxiliaryReader, ImpedanceColumn
from rtemo.core.auxiliary.triggers import Trigger, TriggerColumn, TriggerEdges


def events(*chunks, **column):
    """(chunk, row in it, number of the first sample, text) of each event; sample k is at 1000 + k."""
    edges, found, n = TriggerEdges(TriggerColumn(0, "TRG", **column)), [], 0
    for index, chunk in enumerate(chunks):
        times = 1000.0 + n + np.arange(len(chunk))
        taken = edges.take(times, np.array(chunk, np.float64))
        found += [(index, one.row, one.time_s - 1000.0, one.text) for one in taken]
        n += len(chunk)
    return found


@pytest.mark.parametrize(("hold", "chunks", "found"), [
    (1, ([5, 0, 5],), [(0, 2, 2, "5")]),  # the level that it begins with is none
    (1, ([5, 5], [5, 5, 7]), [(1, 2, 4, "7")]),
    (1, ([0], [5, 5], [5]), [(1, 0, 1, "5")]),
    (1, ([np.nan], [0, np.nan, 5, np.nan, 5, 0]), [(1, 2, 3, "5")]),
    (2, ([0, 5, 0],), []),
    (2, ([0, 5], [0], [5], [0]), []),  # back at rest between the two
    (2, ([0, 5], [5, 5, 5]), [(1, 0, 1, "5")]),
    (2, ([0, 5, 5], [5]), [(0, 2, 1, "5")]),
    (3, ([0, 5, 5], [5]), [(1, 0, 1, "5")]),
    (3, ([0, 5, 5], [7], [7, 7]), [(2, 1, 3, "7")]),
    (3, ([0, 5], [5, 5, 5, 0]), [(1, 1, 1, "5")]),
    (4, ([0, 5], [5], [5], [5], [5]), [(3, 0, 1, "5")]),
])  # fmt: skip
def test_a_level_is_an_event_at_its_first_sample_once_it_has_stood_for_hold_samples(hold, chunks, found):
    assert events(*chunks, hold=hold) == found


@pytest.mark.parametrize(("column", "values", "texts"), [
    ({"mask": 0xFF}, [256, 257, 512, 511], ["1", "255"]),
    ({"mask": 0xFF, "inverted": True}, [255, 0, 255, 254], ["255", "1"]),
    ({"mask": 0xFF, "rest": (-1.0, 0.0)}, [-1, 3, -1, -3, 0], ["3", "253"]),
    ({"mask": 0xFF}, [0, 2.0**53 + 2, 0, 2.0**53 - 1, 0, 1e30, 0, -(2.0**53) - 2, 0, -1], ["255", "255"]),
    ({"rest": (7.0,), "texts": ((0.0, "off"),)}, [7, 0, 7, 2.5, 1e6, 1e30], ["off", "2.5", "1e+06", "1e+30"]),
])  # fmt: skip
def test_the_bits_that_count_are_the_event(column, values, texts):
    assert [text for *_, text in events(values, **column)] == texts


def at(times):
    """What a column finds that changes between 1 and 2 at these times, and is at rest at first."""
    edges = TriggerEdges(TriggerColumn(0, "TRG"))
    values = np.array([0.0, *(1.0 + np.arange(len(times)) % 2)])
    return edges.take(np.array([0.0, *times]), values)


SLOW = np.arange(60) * 2.0 + 500.0


@pytest.mark.parametrize("before", [[], SLOW])
def test_the_51st_event_within_a_second_shows_a_column_that_is_no_trigger(before):
    fast = 1000.0 + np.arange(50) / 64.0
    for last_s, is_flood in ((1001.0, False), (1001.0 - 1 / 128, True)):
        found = at([*before, *fast, last_s, last_s + 5.0])
        assert len(found) == len(before) + (51 if is_flood else 52)
        assert [one.problem for one in found[: len(before) + 50]] == [""] * (len(before) + 50)
        if is_flood:
            problem = "the column TRG changes more than 50 times in 1 s: it is no trigger, and not read any more"
            assert found[-1] == Trigger(len(before) + 51, last_s, "TRG", "", problem)
        else:
            assert [one.problem for one in found[-2:]] == ["", ""]


def test_a_column_that_was_given_up_is_not_read_again():
    edges = TriggerEdges(TriggerColumn(0, "TRG"))
    values = np.arange(60.0)
    assert len(edges.take(values / 100.0, values)) == 51
    assert edges.take(np.array([500.0, 501.0]), np.array([0.0, 9.0])) == []


def test_an_event_whose_first_sample_has_no_time_is_none_but_the_level_counts():
    edges = TriggerEdges(TriggerColumn(0, "TRG"))
    found = edges.take(np.array([1.0, np.nan, 3.0, 4.0]), np.array([0.0, 5.0, 5.0, 6.0]))
    assert found == [Trigger(3, 4.0, "TRG", "6")]


def test_without_a_stated_delay_times_are_the_stamps():
    reader = AuxiliaryReader(AuxiliaryColumns(triggers=(TriggerColumn(1, "TRG"),)), 250.0)
    values = np.array([[9, 0], [9, 0], [9, 4]], np.int16)
    assert reader.take(np.array([1.0, 2.0, 3.0]), values) == [Trigger(2, 3.0, "TRG", "4")]


@pytest.mark.parametrize(("values", "first", "latest", "highest"), [
    ([0.0, 0.5], 0.0, 0.5, 0.5), ([0.5, 0.0], 0.5, 0.0, 0.5), ([-0.5, 3.0, np.nan], 3.0, 3.0, 3.0),
])  # fmt: skip
def test_an_impedance_of_0_is_one(values, first, latest, highest):
    reader = AuxiliaryReader(AuxiliaryColumns(impedances=(ImpedanceColumn(0, "Fz"),)), 250.0)
    reader.take(np.arange(float(len(values))), np.array(values)[:, None])
    fz = reader.impedances["Fz"]
    assert (fz.first, fz.latest, fz.highest) == (first, latest, highest)


def test_kilo_ohms_are_exact_whatever_the_format_of_the_stream():
    reader = AuxiliaryReader(AuxiliaryColumns(impedances=(ImpedanceColumn(0, "Fz", 1e-3),)), 250.0)
    reader.take(np.zeros(1), np.array([[5100.0]], np.float32))
    assert reader.impedances["Fz"].latest == pytest.approx(5.1, rel=1e-12)
