"""Conditions on ratings: each comparison at its limit, thirds of a person's own ratings, what is no condition."""

from __future__ import annotations

import pytest

from offline.datasets.ratings import RatingCondition, thirds_of


@pytest.mark.parametrize(("sign", "below", "at", "above"), [
    (">=", False, True, True), ("<=", True, True, False), ("==", False, True, False), ("!=", True, False, True),
    (">", False, False, True), ("<", True, False, False),
])  # fmt: skip
@pytest.mark.parametrize("space", ["", " "])
def test_each_comparison_at_its_limit(sign, below, at, above, space):
    condition = RatingCondition.parse(f"Felt valence{space}{sign}{space}-2.5")
    assert condition.terms == (("Felt valence", sign, -2.5),)
    assert [condition.holds({"Felt valence": value}) for value in (-2.6, -2.5, -2.4)] == [below, at, above]


def test_all_parts_must_hold():
    condition = RatingCondition.parse(" Valence >= 5 and Arousal is high  and  Arousal < 9")
    assert condition.columns == ("Valence", "Arousal", "Arousal")
    assert condition.thirds == (("Arousal", "high"),)
    thirds = {"Arousal": (3.0, 6.0)}
    assert condition.holds({"Valence": 5.0, "Arousal": 7.0}, thirds)
    assert not condition.holds({"Valence": 4.9, "Arousal": 7.0}, thirds)
    assert not condition.holds({"Valence": 5.0, "Arousal": 6.0}, thirds)
    assert not condition.holds({"Valence": 5.0, "Arousal": 9.0}, thirds)


@pytest.mark.parametrize(("value", "third"), [
    (2.9, "low"), (3.0, "middle"), (4.5, "middle"), (6.0, "middle"), (6.1, "high"),
])  # fmt: skip
def test_both_bounds_are_in_the_middle_third(value, third):
    for word in ("low", "middle", "high"):
        assert RatingCondition.parse(f"V is {word}").holds({"V": value}, {"V": (3.0, 6.0)}) is (word == third)


@pytest.mark.parametrize("text", [
    "", "Valence", "Valence > ", "> 5", "Valence > high", "Valence is good", "is high", "Valence >= 5 or Arousal > 2",
    "Valence >== 5", "Valence > 5.", "Valence > 5 and",
])  # fmt: skip
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(ValueError, match="is no comparison such as Valence >= 5 or Valence is high"):
        RatingCondition.parse(text)


def test_thirds_need_three_different_ratings():
    # of 1 to 7, a third of the way from the first to the last lies at 3, two thirds at 5
    assert thirds_of({"V": [7, 1, 6, 2, 5, 3, 4], "A": [1, 2, 2, 1], "D": [1, 2, 3], "E": []}) == {
        "V": (pytest.approx(3.0), pytest.approx(5.0)),
        "D": (pytest.approx(5 / 3), pytest.approx(7 / 3)),
    }
