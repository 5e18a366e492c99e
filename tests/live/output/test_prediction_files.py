"""Prediction files, terminal lines and the event log."""

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest

from rtemo.core.errors import RtemoError
from rtemo.live.output.line_file import LineFile, StandardOutput
from rtemo.live.output.prediction_files import Csv, JsonLines, Lines, open_output
from rtemo.model.prediction import FIELDS, Prediction, csv_header
from rtemo.recordings.events import Event, EventKind, EventLog

LABELS = ("neutral", "sad")


def prediction(time_s=10.25, **changes):
    fields = {
        "time_s": time_s,
        "emotion": "sad",
        "probabilities": {"neutral": 0.25, "sad": 0.75},
        "smoothed": {"neutral": 0.4, "sad": 0.6},
        "set": ("sad", "neutral"),
        "abstain": None,
        "eeg_coverage": 1.0,
        "gaze_coverage": 0.5,
        "bad_channels": ("T7",),
        "novelty": 0.3,
        "settled": True,
        "forced": False,
    }
    return Prediction(**{**fields, **changes})


def test_json_lines_hold_every_field(tmp_path):
    sink = open_output(tmp_path / "a.jsonl", LABELS, replace=True)
    sink.put(prediction())
    sink.put(prediction(10.5, emotion=None, abstain="signal too bad"))
    sink.close()
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [tuple(line) for line in lines] == [FIELDS, FIELDS]
    assert lines[1]["emotion"] is None
    assert lines[0]["bad_channels"] == ["T7"]


def test_csv_has_the_same_names(tmp_path):
    sink = open_output(tmp_path / "a.csv", LABELS, replace=False)
    sink.put(prediction())
    sink.close()
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == csv_header(LABELS)
    assert rows[0]["smoothed.sad"] == "0.6"


def test_a_replaced_file_takes_its_name_only_when_it_is_closed(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("before\n")
    sink = open_output(path, LABELS, replace=True)
    sink.put(prediction())
    assert path.read_text() == "before\n"
    sink.close()
    assert path.read_text() != "before\n"
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_failed_run_leaves_no_half_written_file(tmp_path):
    sink = open_output(tmp_path / "a.csv", LABELS, replace=True)
    sink.put(prediction())
    sink.discard()
    sink.close()
    assert list(tmp_path.iterdir()) == []


def test_a_live_file_is_readable_at_once_and_never_overwrites(tmp_path):
    path = tmp_path / "a.jsonl"
    sink = open_output(path, LABELS, replace=False)
    sink.put(prediction())
    assert len(path.read_text().splitlines()) == 1
    sink.close()
    with pytest.raises(RtemoError, match="exists already"):
        open_output(path, LABELS, replace=False)


@pytest.mark.parametrize("name", ["a.txt", "a", "folder.csv", "missing/a.csv"])
def test_what_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(RtemoError):
        open_output(tmp_path / name, LABELS, replace=True)


def test_stdout_stays_open(capsys):
    import sys

    sink = JsonLines(StandardOutput())
    sink.put(prediction())
    sink.close()
    sys.stdout.write("still here\n")
    assert capsys.readouterr().out.endswith("still here\n")


def test_lines_for_people_name_what_matters():
    out = []
    sink = Lines(out.append)
    sink.put(prediction(100.0))
    sink.put(prediction(100.5, emotion=None, abstain="unlike the training data", settled=False, forced=True))
    assert "sad" in out[0]
    assert "60%" in out[0]
    assert "0.50 s" in out[1]
    assert "(sad)" in out[1]
    assert "unlike the training data" in out[1]
    assert "settling" in out[1]


def test_events_are_kept_told_and_written_as_they_come(tmp_path):
    path = tmp_path / "events.jsonl"
    log, file, heard = EventLog(), LineFile(path), []
    log.listen(lambda event: file.write(event.to_json_line() + "\n"))
    log.listen(heard.append)
    event = Event(5.0, EventKind.STREAM_DOWN, "lost: no answer", "Tobii", {"state": "lost"})
    log.add(event)
    written = [json.loads(line) for line in path.read_text().splitlines()]
    assert heard == log.events == [event]
    assert written == [
        {
            "time_s": 5.0,
            "kind": "stream_down",
            "text": "lost: no answer",
            "stream": "Tobii",
            "details": {"state": "lost"},
        }
    ]
    file.close()
    with pytest.raises(RtemoError):
        LineFile(path)


def test_an_event_log_without_a_file_only_keeps(tmp_path):
    log = EventLog()
    log.add(Event(1.0, EventKind.NOTE, "é"))
    assert io.StringIO(log.events[0].to_json_line()).read() == '{"time_s": 1.0, "kind": "note", "text": "é"}'


def test_a_csv_file_has_the_same_line_ends_on_every_system(tmp_path):
    sink = open_output(tmp_path / "a.csv", LABELS, replace=False)
    sink.put(prediction())
    sink.put(prediction(10.5))
    sink.close()
    data = (tmp_path / "a.csv").read_bytes()
    assert (data.count(b"\n"), data.count(b"\r"), data[-1:]) == (3, 0, b"\n")


def test_a_line_for_people_word_by_word():
    out = []
    sink = Lines(out.append)
    sink.put(prediction(100.0, smoothed={"neutral": 0.6, "sad": 0.4}, emotion=None, set=()))
    sink.put(prediction(101.5, settled=False, forced=True))
    assert out == [
        "    0.00 s  (neutral)   60%  {}  EEG 100%  gaze  50%",
        "    1.50 s  sad         60%  {sad, neutral}  EEG 100%  gaze  50%  settling  waited",
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_what_replaces_a_file_is_on_the_disk_line_by_line(tmp_path, name):
    """So that a full disk is an error of the prediction that finds no room."""
    sink = open_output(tmp_path / name, LABELS, replace=True)
    sink.put(prediction())
    (partial,) = tmp_path.iterdir()
    assert partial.name == f".{name}.partial"
    assert len(partial.read_text().splitlines()) == (2 if name == "a.csv" else 1)
    sink.close()


@pytest.mark.parametrize("replace", [True, False])
def test_the_head_of_a_table_names_labels_and_ratings(tmp_path, replace):
    open_output(tmp_path / "a.csv", LABELS, replace=replace, ratings=("valence",)).close()
    (head,) = (tmp_path / "a.csv").read_text().splitlines()
    names = head.split(",")
    assert names[0] == "time_s"
    assert {"probabilities.neutral", "probabilities.sad", "smoothed.neutral", "smoothed.sad"} <= set(names)
    assert names[-3:] == ["ratings.valence", "ratings.valence.low", "ratings.valence.high"]


def test_a_session_that_is_taken_up_goes_on_in_its_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"whole": 1}\n{"cut o')
    sink = open_output(path, LABELS, replace=False, goes_on=True)
    sink.put(prediction())
    sink.close()
    first, second = path.read_text().splitlines()
    assert (first, json.loads(second)["time_s"]) == ('{"whole": 1}', 10.25)


def test_what_is_discarded_twice_stays_away(tmp_path):
    sink = open_output(tmp_path / "a.jsonl", LABELS, replace=True)
    sink.discard()
    sink.discard()
    sink.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "the kind of output is not known; found 'a.txt'; name a file that ends in .jsonl or .csv"),
        ("folder.csv", "the output is a folder; found {path}; name a file"),
        ("missing/a.csv", "{path} cannot be written; No such file or directory; name another file"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path, name, text):
    (tmp_path / "folder.csv").mkdir()
    path = tmp_path / name
    with pytest.raises(RtemoError) as refused:
        open_output(path, LABELS, replace=True)
    assert str(refused.value) == text.format(path=path)


def test_a_name_that_no_file_can_have_is_refused_as_one(tmp_path):
    with pytest.raises(RtemoError) as refused:
        open_output(tmp_path / "a\0.jsonl", LABELS, replace=True)
    assert str(refused.value).startswith(f"{tmp_path / 'a'}\0.jsonl cannot be written; embedded null")


def test_a_long_name_is_cut_where_it_is_named():
    with pytest.raises(RtemoError) as refused:
        open_output(Path(f"/{'x' * 400}.csv"), LABELS, replace=True)
    assert str(refused.value).startswith(f"/{'x' * 299} cannot be written; ")


class Breaking:
    """A file, or what stands for one, that fails from now on."""

    def __init__(self, error):
        self.error = error

    def put(self, _prediction):
        raise self.error

    close = discard = lambda self: self.put(None)


@pytest.mark.parametrize("what", ["put", "close"])
def test_a_disk_that_is_full_is_an_error_that_names_the_file(tmp_path, what):
    sink = open_output(tmp_path / "a.jsonl", LABELS, replace=True)
    sink._sink.close()
    sink._sink = Breaking(OSError(28, "No space left on device"))
    with pytest.raises(RtemoError) as refused:
        sink.put(prediction()) if what == "put" else sink.close()
    assert str(refused.value) == f"{tmp_path / 'a.jsonl'} cannot be written; No space left on device; name another file"
    sink.discard()  # worth nothing anyway
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows' folders of a user are private anyway")
def test_only_the_user_can_read_what_replaces_a_file(tmp_path):
    sink = open_output(tmp_path / "a.jsonl", LABELS, replace=True)
    (partial,) = tmp_path.iterdir()
    assert stat.S_IMODE(partial.stat().st_mode) == 0o600
    sink.close()


def test_a_line_is_the_prediction_and_letters_are_as_they_are(tmp_path):
    path = tmp_path / "a.jsonl"
    sink = open_output(path, LABELS, replace=True)
    made = prediction(abstain="zu müde")
    sink.put(made)
    sink.close()
    assert path.read_bytes() == (made.to_json_line() + "\n").encode()
    assert "zu müde" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "kind"), [("a.jsonl", JsonLines), ("a.csv", Csv)])
def test_a_live_file_knows_its_name(tmp_path, name, kind):
    sink = open_output(tmp_path / name, LABELS, replace=False)
    assert (type(sink), sink.name) == (kind, str(tmp_path / name))
    sink.put(prediction())
    sink.discard()
    sink.close()
    assert (tmp_path / name).read_text()  # what was written in a live session stays


def test_lines_for_people_go_to_standard_output_and_end_nothing():
    sink = Lines(print)
    assert sink.name == StandardOutput.name
    sink.discard()
    sink.close()
