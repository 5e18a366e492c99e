from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import pytest

from rtemo.model.prediction import Prediction, csv_header
from rtemo.model.uncertainty.valence_arousal import place_of

DESIGN_FIELDS = [
    "time_s",
    "emotion",
    "probabilities",
    "smoothed",
    "valence",
    "arousal",
    "set",
    "abstain",
    "eeg_coverage",
    "gaze_coverage",
    "bad_channels",
    "novelty",
    "settled",
    "forced",
    "latency_ms",
    "faults",
    "late",
    "calibrated",
    "participant",
]

ONE = Prediction(
    time_s=123456.25,
    emotion="sad",
    probabilities={"neutral": 1 / 3, "sad": 2 / 3},
    smoothed={"neutral": 0.1, "sad": 0.9},
    set=("sad", "neutral"),
    abstain=None,
    eeg_coverage=1.0,
    gaze_coverage=0.5,
    bad_channels=("Fp1", "O2"),
    novelty=0.123456789,
    settled=True,
    forced=False,
)


def test_the_json_fields_are_those_of_the_design_in_its_order():
    assert list(json.loads(ONE.to_json_line())) == DESIGN_FIELDS


def test_numbers_keep_seven_digits_and_times_their_microseconds():
    record = json.loads(ONE.to_json_line())
    assert record["time_s"] == 123456.25
    assert record["probabilities"] == {"neutral": 0.3333333, "sad": 0.6666667}
    assert record["novelty"] == 0.1234568
    assert record["latency_ms"] is None
    assert record["set"] == ["sad", "neutral"]


def test_what_is_not_known_is_null_in_json_and_empty_in_csv():
    unknown = replace(
        ONE, emotion=None, abstain="no signal", novelty=math.nan, probabilities={"neutral": math.nan, "sad": math.nan}
    )
    record = json.loads(unknown.to_json_line())
    assert record["novelty"] is None
    assert record["probabilities"] == {"neutral": None, "sad": None}
    row = dict(zip(csv_header(["neutral", "sad"]), unknown.csv_row(), strict=True))
    assert row["novelty"] == row["emotion"] == row["probabilities.sad"] == row["latency_ms"] == ""


def test_what_comes_out_long_after_its_window_is_late_and_nothing_in_a_replay_is():
    def late(latency_ms):
        return json.loads(replace(ONE, latency_ms=latency_ms).to_json_line())["late"]

    assert [late(found) for found in (None, 5.0, 2000.0, 2000.1, 60_000.0)] == [False, False, False, True, True]


def test_valence_and_arousal_are_the_mean_place_of_the_smoothed_labels_and_null_where_it_abstains():
    x, y = place_of("sad")
    record = json.loads(ONE.to_json_line())
    assert (record["valence"], record["arousal"]) == (pytest.approx(0.9 * x), pytest.approx(0.9 * y))
    silent = replace(ONE, emotion=None, abstain="no signal")
    assert (silent.valence, silent.arousal) == (None, None)
    disgusted = replace(ONE, smoothed={"disgust": 0.1, "sad": 0.9})
    assert (disgusted.valence, disgusted.arousal) == (None, None)


def test_differences_below_the_last_digit_do_not_show():
    nudged = replace(ONE, novelty=ONE.novelty + 1e-12, time_s=ONE.time_s + 1e-9)
    assert nudged.to_json_line() == ONE.to_json_line()


def test_csv_has_one_cell_a_column_and_survives_a_round_trip():
    text = io.StringIO()
    csv.writer(text).writerows([csv_header(["neutral", "sad"]), ONE.csv_row()])
    row = next(csv.DictReader(io.StringIO(text.getvalue())))
    assert row["smoothed.sad"] == "0.9"
    assert row["bad_channels"] == "Fp1;O2"
    assert (row["settled"], row["forced"]) == ("true", "false")
    assert float(row["time_s"]) == 123456.25


def test_the_csv_names_are_the_json_names():
    columns = csv_header(["neutral", "sad"])
    assert list(dict.fromkeys(column.split(".")[0] for column in columns)) == DESIGN_FIELDS
