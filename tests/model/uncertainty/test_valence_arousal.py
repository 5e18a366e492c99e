"""The places of emotions in the circumplex, by Russell's table (1980) in degrees, and their mean by hand."""

import math

import pytest

from rtemo.model.uncertainty.valence_arousal import mean_place, place_of, without_place


@pytest.mark.parametrize(
    ("label", "valence", "arousal"),
    [
        ("neutral", 0.0, 0.0),
        ("happy", 0.99075, 0.13572),  # 7.8
        ("excited", 0.66131, 0.75011),  # 48.6
        ("surprise", 0.34530, 0.93849),  # astonished, 69.8
        ("angry", -0.15643, 0.98769),  # between arousal and distress, 99
        ("anger", -0.15643, 0.98769),
        ("fear", -0.43837, 0.89879),  # between arousal and distress, 116
        ("sad", -0.88701, -0.46175),  # 207.5
        ("calm", 0.72176, -0.69214),  # 316.2
    ],
)
def test_each_word_lies_where_russell_found_it(label, valence, arousal):
    assert place_of(label) == pytest.approx((valence, arousal), abs=1e-5)


def test_disgust_has_no_place_and_a_model_that_names_it_no_valence():
    assert place_of("disgust") is None
    assert without_place(("sad", "disgust", "neutral")) == ("disgust",)
    assert mean_place({"sad": 0.5, "disgust": 0.5}) is None


def test_the_mean_place_is_weighted_by_probability():
    # (0.6 * 0.99075 - 0.2 * 0.88701, 0.6 * 0.13572 - 0.2 * 0.46175)
    assert mean_place({"happy": 0.6, "sad": 0.2, "neutral": 0.2}) == pytest.approx((0.41705, -0.01092), abs=1e-5)
    assert mean_place({"happy": 3.0, "neutral": 1.0}) == pytest.approx((0.74306, 0.10179), abs=1e-5)
    assert mean_place({"happy": math.nan, "neutral": 1.0}) is None
    assert mean_place({}) is None
