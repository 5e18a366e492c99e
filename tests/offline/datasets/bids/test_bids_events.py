"""Every row of events.tsv is used, or listed with its file, row and reason; a label is where its row is."""

import itertools

import pytest
from bids_runs import MAPPING, ROWS, WORDS, Run, labels_at, reasons
from hypothesis import given, settings
from hypothesis import strategies as st

from offline.datasets.base import RowCount

EXPECTED = [(onset, word) for onset, _, word in ROWS]


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def spoilt(row, column, value):
    rows = [list(one) for one in ROWS]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize("row", range(4))
@pytest.mark.parametrize(
    "value", ["NaN", "nan", "n/a", "", "inf", "-inf", "soon", "1e999", "0x10", "20,500", "-3", "61"]
)
def test_a_row_whose_onset_makes_no_sense_is_listed_and_the_others_keep_their_labels(run, row, value):
    run.write_events(spoilt(row, 0, value))
    recording = run.load()
    assert labels_at(recording) == [one for k, one in enumerate(EXPECTED) if k != row]
    (listed,) = reasons(recording)
    assert listed.startswith(f"trial left out: sub-01_task-film_events.tsv row {row + 2}")
    assert repr(WORDS[row]) in listed
    assert recording.rows["event"] == RowCount(4, 3, 1)


@pytest.mark.parametrize("value", ["NaN", "-8", "inf", "long", "0", "n/a", "", "1000"])
def test_a_row_whose_duration_makes_no_sense_is_listed(run, value):
    run.write_events(spoilt(1, 1, value))
    recording = run.load()
    assert labels_at(recording) == [one for k, one in enumerate(EXPECTED) if k != 1]
    (listed,) = reasons(recording)
    assert "events.tsv row 3" in listed


@pytest.mark.parametrize(
    "cells", [("5", "20,5", "35", "50,25"), ("5,0", "20,5", "35,0", "50,25"), ("5,125", "20,5", "35", "50")]
)
def test_decimal_commas_are_read_where_they_can_only_be_meant_as_points(run, cells):
    run.write_events([(cell, *row[1:]) for cell, row in zip(cells, ROWS, strict=True)])
    recording = run.load()
    assert labels_at(recording) == [(float(c.replace(",", ".")), w) for c, w in zip(cells, WORDS, strict=True)]
    assert any("commas in onset are read as decimal points" in note for note in recording.notes)


@pytest.mark.parametrize("cells", [("5.0", "20,5", "35", "50"), ("5", "20,500", "35", "50,500")])
def test_commas_that_may_mean_thousands_are_listed(run, cells):
    run.write_events([(cell, *row[1:]) for cell, row in zip(cells, ROWS, strict=True)])
    recording = run.load()
    assert labels_at(recording) == [(float(c), w) for c, w in zip(cells, WORDS, strict=True) if "," not in c]
    assert len(reasons(recording)) == sum("," in cell for cell in cells)


@pytest.mark.parametrize(
    ("factor", "units", "durations", "word"),
    [
        (1000, None, 1000, "onsets are taken as ms"),
        (1000, "ms", 1000, "onsets are taken as ms"),
        (1000, "s", 1000, "onsets are taken as ms"),
        (1000, "ms", 1, "durations are taken as s"),
        (1, "ms", 1, "onsets are taken as s"),
        (1, None, 1000, "durations are taken as ms"),
        (1000000, None, 1000000, "onsets are taken as \u00b5s"),
        (1, "s", 1, ""),
    ],
)
def test_the_unit_of_onsets_is_stated_or_recognised_and_noted(run, factor, units, durations, word):
    run.write_events([(onset * factor, length * durations, text) for onset, length, text in ROWS])
    if units is not None:
        run.change(run.file("events", ".json"), onset={"Units": units})
    recording = run.load()
    assert labels_at(recording) == EXPECTED
    assert {round(trial.stop_s - trial.start_s, 3) for trial in recording.trials} == {8.0}
    assert [note for note in recording.notes if word and word in note] or not word
    assert bool(recording.notes) == bool(word)


def test_the_mapping_may_state_the_unit_and_the_column_sample_decides(run):
    run.write_events([(1000 * row[0], row[1], row[2]) for row in ROWS])
    stated = MAPPING.replace("[trials]", "[trials]\nonset_unit = '{}'")
    assert labels_at(run.load(stated.format("ms"))) == EXPECTED
    in_seconds = run.load(stated.format("s"))
    assert labels_at(in_seconds) == []
    assert all("it begins after the recording, which is 60 s long" in listed for listed in reasons(in_seconds))
    rows = [(onset * 100, length, word, onset * 100) for onset, length, word in ROWS]  # onsets that count samples
    run.write_events(rows, ("onset", "duration", "trial_type", "sample"))
    recording = run.load()
    assert labels_at(recording) == EXPECTED
    assert any("the column `sample` has it" in note for note in recording.notes)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_tables_in_other_encodings_are_read(run, encoding):
    run.write_events([*ROWS, (58, 1, "M\u00fcdigkeit")], encoding=encoding)
    recording = run.load()
    assert labels_at(recording) == EXPECTED
    assert reasons(recording) == []
    assert any("events that the mapping does not name: 'M\u00fcdigkeit' (1)" in note for note in recording.notes)
    assert any("read as Latin-1" in note for note in recording.notes) == (encoding == "latin-1")


def test_events_that_nobody_asked_for_are_counted_and_named(run):
    run.write_events([*ROWS, *[(1.0, 0, "button")] * 3, (2.0, 0, "rest")])
    recording = run.load()
    assert recording.rows["event"] == RowCount(8, 4, 0)
    assert recording.notes == (
        "sub-01_task-film_eeg.vhdr: 4 events that the mapping does not name: 'button' (3), 'rest' (1)",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("\n\n", "has no header line"),
        ("onset,duration,trial_type\n1,2,sad\n", "separate columns by tabs"),
        ("onset\tonset\ttrial_type\n", "columns of the same name"),
        ("time\tduration\ttrial_type\n1\t2\tsad\n", "it has no column 'onset', but time, duration, trial_type"),
        ("onset\tduration\tvalue\n1\t2\tsad\n", "it has no column 'trial_type'"),
        ("/annex/objects/MD5E-s77--1.tsv\n", "datalad get"),
    ],
)
def test_a_table_that_cannot_be_read_is_listed_and_the_recording_stays(run, text, why):
    run.events.write_text(text)
    recording = run.load()
    assert recording.trials == ()
    assert len(recording.streams) == 2
    assert any(why in listed for listed in reasons(recording))


def test_names_of_columns_and_ragged_rows_do_no_harm(run):
    lines = ["Onset\tDURATION\ttrial_type\tmore", *("\t".join(map(str, row)) for row in ROWS), "58\t1\tsad\tx\ty"]
    run.events.write_text("\r\n".join(lines) + "\r\n")
    recording = run.load()
    assert labels_at(recording) == EXPECTED
    assert reasons(recording) == ["side-car left out: sub-01_task-film_events.tsv row 6: it has 5 cells for 4 columns"]


def test_two_trials_at_the_same_time_are_both_left_out_and_a_repeated_row_once(run):
    run.write_events([*ROWS, (24.0, 2.0, "neutral"), (35.0, 8.0, "happy")])
    recording = run.load()
    assert labels_at(recording) == [EXPECTED[0], EXPECTED[2], EXPECTED[3]]
    listed = reasons(recording)
    assert len(listed) == 3
    assert sum("begins before" in why for why in listed) == 2
    assert "it is there twice" in " ".join(listed)


def test_case_alone_does_not_part_a_table_from_its_recording(run):
    run.events.rename(run.events.with_name("sub-01_task-Film_events.tsv"))
    recording = run.load()
    assert labels_at(recording) == EXPECTED
    assert any("differ in the case of letters only" in note for note in recording.notes)


START_STOP = "[trials]\nstart = 'go (?P<label>.*)'\nstop = 'end'\n[labels]\n" + "".join(f"{w} = '{w}'\n" for w in WORDS)


@given(st.sets(st.integers(0, 7)))
@settings(max_examples=30)
def test_with_starts_and_ends_no_trial_spans_a_row_that_lost_its_time(tmp_path_factory, lost):
    """Whatever rows lose their time: the trials that are left are true ones, and every row is accounted for."""
    run = Run(tmp_path_factory.mktemp("run"), seconds=60.0)
    true = [((onset, f"go {word}"), (onset + length, "end")) for onset, length, word in ROWS]
    rows = [("n/a" if k in lost else onset, 0, text) for k, (onset, text) in enumerate(itertools.chain(*true))]
    run.write_events(rows)
    recording = run.load(START_STOP)
    whole = [k for k in range(4) if not lost & {2 * k, 2 * k + 1}]
    assert set(labels_at(recording)) == {EXPECTED[k] for k in whole}
    assert all(round(trial.stop_s - trial.start_s, 3) == 8.0 for trial in recording.trials)
    rows_seen = recording.rows["event"]
    assert (rows_seen.read, rows_seen.used, rows_seen.left_out) == (8, 2 * len(whole), 8 - 2 * len(whole))
    assert all(any(f"row {k + 2}," in listed for listed in reasons(recording)) for k in lost)
