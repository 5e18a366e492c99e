"""A study over many sessions: names, conditions, listing, withdrawing."""

from __future__ import annotations

import os
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.cli import main
from rtemo.core.errors import RtemoError
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_folder import SessionFolder
from rtemo.recordings.study.conditions import marker_intervals
from rtemo.recordings.study.session_list import list_sessions
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.study_settings import Study, next_participant, session_name

WHEN = datetime(2026, 1, 2, 3, 4, 5)
WORDS = st.text("abc 019_-ä", max_size=8)


def kept(root, subject, **more):
    folder = SessionFolder.create(root, subject, WHEN)
    folder.write_settings(SessionSettings(subject=subject, **more), {}, {"started": WHEN.isoformat()}, {})
    folder.recording.write_bytes(b"XDF:")
    for path in folder.path.iterdir():
        os.utime(path, (time.time() - 60, time.time() - 60))
    return folder.path


@given(WORDS, WORDS, WORDS, st.integers(0, 999), WORDS)
def test_what_names_a_session_is_read_as_it_was_written(subject, session, task, run, study):
    settings = SessionSettings(subject=subject, session=session, task=task, run=run, study=Study(study))
    assert parse_settings(settings_text(settings)) == settings


@pytest.mark.parametrize(
    ("given_", "name"),
    [
        ({}, "P 7"),
        ({"run": 2}, "sub-P7_run-02"),
        ({"session": "01", "task": "my films", "run": 12}, "sub-P7_ses-01_task-myfilms_run-12"),
        ({"study": Study("S 1", folder_name="{study}_{subject}_{task}")}, "S1_P7"),
    ],
)
def test_a_session_is_named_by_what_is_given(given_, name):
    assert session_name(SessionSettings(subject="P 7", **given_)) == name


@pytest.mark.parametrize(
    ("subject", "taken", "name"),
    [("P07", (), "P08"), ("P09", ("p10", "P11"), "P12"), ("S1-x", (), "S2-x"), ("anna", (), ""), ("99", (), "100")],
)
def test_the_next_participant_is_counted_on(subject, taken, name):
    assert next_participant(subject, taken) == name


def test_only_chosen_markers_are_conditions_and_paired_notes_always():
    texts = ["film 1 start", "film 1 end", "trigger start", "trigger end"]
    events = [Event(float(k), EventKind.MARKER, text, "m") for k, text in enumerate(texts)]
    events += [Event(0.5, EventKind.ANNOTATION, "talk begins"), Event(2.5, EventKind.ANNOTATION, "talk ends")]
    names = lambda chosen: [one.name for one in marker_intervals(events, 9.0, chosen)]  # noqa: E731
    assert names(()) == ["film 1", "talk", "trigger"]
    assert names(("film *",)) == ["film 1", "talk"]
    assert names(("film 1", "trigger")) == ["film 1", "talk", "trigger"]
    assert names(("film",)) == ["talk"]


def test_a_withdrawal_erases_what_there_is_of_a_participant_and_nothing_else(tmp_path, capsys):
    root, outside = tmp_path / "root", tmp_path / "outside"
    first, second, other = kept(root, "P07"), kept(root, "p07", run=2), kept(root, "P070")
    away = kept(outside, "P07")
    (root / "link").symlink_to(away, target_is_directory=True)
    (first / "link").symlink_to(outside, target_is_directory=True)
    assert sorted(one.subject for one in list_sessions(root)) == ["P07", "P070", "p07"]
    assert main(["withdraw", "P07", "--root", str(root), "--list"]) == 0
    assert all(path.exists() for path in (first, second))
    assert main(["withdraw", "P07", "--root", str(root)]) == 2  # nobody can be asked
    assert "--yes" in capsys.readouterr().err
    assert all(path.exists() for path in (first, second))
    assert main(["withdraw", "P07", "--root", str(root), "--yes"]) == 0
    told = capsys.readouterr()
    assert all(str(path) in told.out for path in (first, second))
    assert "erased: 2 sessions of P07" in told.err
    assert not first.exists()
    assert not second.exists()
    assert other.exists()
    assert (away / "recording.xdf").exists()
    assert main(["withdraw", "P07", "--root", str(root), "--yes"]) == 0
    assert "nothing of 'P07'" in capsys.readouterr().err


def test_a_session_that_is_recorded_now_is_not_erased(tmp_path, capsys):
    folder = kept(tmp_path, "P07")
    (folder / "recording.xdf").write_bytes(b"XDF: more")
    assert main(["withdraw", "P07", "--root", str(tmp_path), "--yes"]) == 2
    assert "may be recorded now" in capsys.readouterr().err
    assert folder.exists()


@pytest.mark.parametrize("words", [["", "--root", "{}"], ["P07", "--root", "{}/none"]])
def test_a_withdrawal_of_nobody_or_from_nowhere_is_refused(tmp_path, words):
    assert main(["withdraw", *(word.format(tmp_path) for word in words)]) == 2


@pytest.mark.parametrize(
    "template", ["{subject", "sub-{subject}_{", "subject}", "{}", "{age}", "{run:03d}", "{run!r}", "films"]
)
def test_a_folder_name_that_is_no_template_is_refused(template):
    settings = SessionSettings(subject="P7", run=2, study=Study("S", folder_name=template))
    with pytest.raises(RtemoError, match="folder_name is no template"):
        session_name(settings)
    with pytest.raises(RtemoError, match="folder_name"):
        parse_settings(settings_text(settings))
