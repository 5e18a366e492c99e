"""Cells of tables: which are numbers, which were left open, and when a comma is a decimal one."""

from __future__ import annotations

import pytest

from offline.datasets.cells import cell, given, number, with_decimal_commas


@pytest.mark.parametrize(("text", "value"), [
    ("1.5", 1.5), (" -2e3 ", -2000.0), (7, 7.0), (0, 0.0), (2.5, 2.5),
    ("n/a", None), ("", None), ("1,5", None), ("nan", None), ("inf", None), (float("-inf"), None),
    (True, None), (False, None), (None, None), ([1], None), (10**400, None),
])  # fmt: skip
def test_a_number_is_finite_and_no_truth_value(text, value):
    assert number(text) == value


def test_the_case_of_a_columns_name_does_not_count_unless_it_fits_exactly():
    assert cell({"Onset": "1", "onset": "2"}, "onset") == "2"
    assert cell({"ONSET": "1", "Onset": "2"}, "onset") == "1"
    assert cell({"onset": ""}, "Onset") == ""
    assert cell({"onset": "1"}, "duration") is None


@pytest.mark.parametrize("text", ["", " ", "n/a", "N/A", "na", "NaN", "None", "NULL", None, float("nan")])
def test_cells_that_were_left_open_say_nothing(text):
    assert not given(text)


@pytest.mark.parametrize("text", ["0", 0, False, "no", "-", "n.a."])
def test_everything_else_says_something(text):
    assert given(text)


@pytest.mark.parametrize(("cells", "decimal"), [
    (["20,5"], True), (["20,5", "-3,25", "n/a"[:0], "7"], True), (["20,5", "20,500"], True),
    ([], False), (["20"], False), (["20,500"], False), (["1,234", "20,500"], False),
    (["20,5", "1.5"], False), (["20,5", "1,2,3"], False), (["20,5", "a,b"], False), ([",5"], False), (["5,"], False),
])  # fmt: skip
def test_commas_are_decimal_where_nothing_else_can_be_meant(cells, decimal):
    assert with_decimal_commas(cells) is decimal
