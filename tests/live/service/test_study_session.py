"""What a researcher states of a session in the window: its name, marked channels, corrected notes, a gaze check."""

from __future__ import annotations

import csv
import json
import tomllib
from datetime import datetime

import pytest
from hand_fed import Lab, wait_for

from rtemo import resources
from rtemo.cli import main
from rtemo.export.recorded_session import AskedEntities, read_recorded
from rtemo.live.service.snapshot import Phase
from rtemo.recordings.events import read_event
from rtemo.recordings.open_recording import OpenRecording
from rtemo.recordings.session_facts import GazeCheckResult, gaze_check_of
from rtemo.recordings.session_folder import SessionFolder
from rtemo.recordings.study.annotations import AnnotationEdit, corrected
from rtemo.recordings.study.later_corrections import correct_later, noted_events
from rtemo.recordings.study.session_list import list_sessions, measure_session, next_run
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.study_settings import ProtocolBlock, Study

WHEN = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture(scope="module")
def person():
    return SimulatedSession(SimulationPlan.for_duration(3, 60, eeg_channels=16, eeg_rate_hz=250))


@pytest.fixture
def lab(person):
    running = Lab(person)
    yield running
    running.close()


def begin(lab, root):
    lab.feed(6)
    wait_for(lambda: lab.controller.feed.state.phase is Phase.PREVIEW)
    lab.do("start", subject="P07", notes="tired", root=str(root))
    assert lab.controller.feed.state.phase is Phase.RUNNING


def decided(path):
    with path.open() as file:
        return [{k: row[k] for k in row.keys() - {"forced", "latency_ms", "late"}} for row in csv.DictReader(file)]


def events_of(folder):
    return [read_event(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_channel_is_bad_from_a_moment_on_and_a_replay_obeys_that_bit_by_bit(lab, tmp_path):
    begin(lab, tmp_path)
    label = lab.controller.feed.state.channels[2].label
    lab.feed(6)
    lab.do("mark_channel", label=label, mark="bad")
    marked_s = lab.time_s
    for _ in range(32):
        lab.feed(0.25)

    def shown():
        one = next(one for one in lab.take().channels if one.label == label)
        return (one.mark, one.fault)

    wait_for(lambda: shown() == ("bad", "marked bad"))
    lab.do("mark_channel", label=label, mark="automatic")
    lab.feed(8)
    lab.do("stop")
    (folder,) = tmp_path.iterdir()
    live = decided(folder / "predictions.csv")
    bad = [float(row["time_s"]) for row in live if label in row["bad_channels"].split()]
    assert bad
    assert 2.0 < min(bad) - marked_s <= 4.5  # a window's channel is bad with half of its frames
    assert max(bad) < float(live[-1]["time_s"]) - 2.0
    out = tmp_path / "r.csv"
    assert main(["replay", str(folder / "recording.xdf"), "--speed", "max", "--quiet", "--out", str(out)]) == 0
    assert decided(out) == live


@pytest.mark.parametrize(("label", "mark"), [("Fp1", "awful"), ("nowhere", "bad")])
def test_a_mark_that_cannot_be_is_refused(lab, tmp_path, label, mark):
    begin(lab, tmp_path)
    lab.do("mark_channel", label=label, mark=mark)
    lab.take()
    assert any(e["text"].startswith("mark_channel: ") for s in lab.seen for e in s.events if e["kind"] == "failure")


def test_a_session_is_named_by_its_study_and_states_it(lab, tmp_path):
    study = Study("Films", "research on emotion", "2.1")
    asked = SessionSettings(
        study=study, session="02", task="films", run=3, conditions=("film *",), protocol=(ProtocolBlock("rest", 60.0),)
    )
    lab.feed(2)
    lab.do("describe", settings=settings_text(asked))
    begin(lab, tmp_path)
    told = parse_settings(lab.controller.feed.state.settings)
    assert (told.subject, told.notes, told.study) == ("P07", "tired", study)  # for a window that is opened now
    lab.do("describe", settings=settings_text(SessionSettings(task="other")))
    assert parse_settings(lab.controller.feed.state.settings).task == "films"
    lab.feed(7)
    lab.do("stop")
    (folder,) = tmp_path.iterdir()
    assert folder.name.endswith("_sub-P07_ses-02_task-films_run-03")
    written = tomllib.loads((folder / "session.toml").read_text())
    assert written["study"]["consent"] == "2.1"
    (entry,) = list_sessions(tmp_path)
    assert (entry.subject, entry.session, entry.task, entry.run) == ("P07", "02", "films", 3)
    assert next_run([entry], "p07", "02", "films") == 4
    assert measure_session(entry).length_s > 1.0
    again = parse_settings(lab.controller.feed.state.settings)
    assert (again.subject, again.notes, again.task) == ("anonymous", "", "films")


def test_a_corrected_annotation_counts_and_the_original_stays(lab, tmp_path):
    begin(lab, tmp_path)
    for text in ("film 1", "Artefact", "slip"):
        lab.do("annotate", text=text)
        lab.feed(0.5)
    lab.take()
    noted = {e["text"]: e["time_s"] for s in lab.seen for e in s.events if e["kind"] == "annotation"}
    lab.do("edit_annotation", noted_s=noted["film 1"], was="film 1", text="film 2", time_s=noted["film 1"] - 1.0)
    lab.do("edit_annotation", noted_s=noted["slip"], was="slip", text="", time_s=noted["slip"])
    lab.feed(0.5)
    lab.do("stop")
    (folder,) = tmp_path.iterdir()
    kept = [e.text for e in events_of(folder) if e.kind == "annotation"]
    assert kept == ["film 1", "Artefact", "slip"]
    now = [(e.text, e.time_s) for e in corrected(events_of(folder)) if e.kind == "annotation"]
    assert now == [("film 2", noted["film 1"] - 1.0), ("Artefact", noted["Artefact"])]
    alone = tmp_path / "alone.xdf"  # the recording states what was corrected in its session by itself
    alone.write_bytes((folder / "recording.xdf").read_bytes())
    opened = OpenRecording(alone, load_profiles(resources.devices()))
    opened.close()
    assert [e.text for e in corrected(opened.events) if e.kind == "annotation"] == ["film 2", "Artefact"]
    later_correction_counts(SessionFolder(folder), noted)


def later_correction_counts(session, noted):
    """After the session, too: over what was corrected in it, in report and exports, with every file as it was."""
    before = {path: path.read_bytes() for path in session.path.iterdir()}
    edits = [("film 1", "film 3", 0.0), ("Artefact", "Blink", 0.25)]
    for was, text, later_s in edits:
        correct_later(session.recording, AnnotationEdit(noted[was], was, text, noted[was] + later_s), WHEN)
    now = [("film 3", noted["film 1"]), ("Blink", noted["Artefact"] + 0.25)]
    assert [(e.text, e.time_s) for e in corrected(noted_events(session.recording)) if e.kind == "annotation"] == now
    exported = read_recorded(session.path, load_profiles(resources.devices()), AskedEntities())
    assert [(e.text, e.time_s) for e in exported.events if e.kind == "annotation"] == now
    assert session.path / "corrections.jsonl" in exported.files
    assert all(path.read_bytes() == kept for path, kept in before.items())


def test_a_gaze_check_before_a_session_is_stated_in_it(lab, tmp_path):
    lab.feed(1)
    lab.do("gaze_check", accuracy_deg=0.6, precision_deg=0.2, valid=0.98)
    begin(lab, tmp_path)
    lab.do("stop")
    (folder,) = tmp_path.iterdir()
    assert [c for e in events_of(folder) if (c := gaze_check_of(e))] == [GazeCheckResult(0.6, 0.2, 0.98)]
    assert json.loads((folder / "events.jsonl").read_text().splitlines()[0])["kind"]


def test_an_export_and_a_report_of_a_session_follow_its_names_stretches_and_conditions(lab, tmp_path):
    settings = SessionSettings(session="02", task="films", run=3, conditions=("nothing",))
    lab.feed(2)
    lab.do("describe", settings=settings_text(settings))
    lab.do("gaze_check", accuracy_deg=0.6, precision_deg=0.2, valid=0.98)
    begin(lab, tmp_path / "root")
    lab.do("annotate", text="Speech begins")
    lab.feed(5)
    lab.do("annotate", text="Speech ends")
    lab.do("annotate", text="cough")
    lab.feed(3)
    lab.do("stop")
    (folder,) = (tmp_path / "root").iterdir()
    assert main(["export", str(folder), "--bids", str(tmp_path / "bids")]) == 0
    events = tmp_path / "bids" / "sub-P07" / "ses-02" / "eeg" / "sub-P07_ses-02_task-films_run-03_events.tsv"
    with events.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    (stretch,) = [row for row in rows if row["trial_type"] == "stretch"]
    assert stretch["value"] == "Speech"
    assert float(stretch["duration"]) == pytest.approx(5.0, abs=0.2)
    assert not [row for row in rows if row["trial_type"] == "condition"]
    cough = next(e for e in events_of(folder) if e.text == "cough")
    edit = AnnotationEdit(cough.time_s, "cough", "sneeze", cough.time_s)
    correct_later(folder / "recording.xdf", edit, WHEN)
    assert main(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text()
    assert "gaze accuracy in the last check" in page
    assert "Speech" in page
    assert ">sneeze<" in page
    assert ">cough<" not in page
