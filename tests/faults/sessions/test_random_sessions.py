"""One random session against its replay, and that a difference would be found."""

from __future__ import annotations

import csv
import shutil
from dataclasses import fields

import numpy as np
import pytest

from offline.__main__ import main as offline
from rtemo.cli import main as rtemo

from . import random_sessions
from .fed_session import Act
from .random_sessions import Case, case_of, compare, problems_of

SEED = 42  # losses of both streams, a killed engine, labels


def test_a_session_with_losses_and_a_killed_engine_is_as_its_replay_and_a_changed_digit_is_seen(tmp_path, monkeypatch):
    folders = []
    monkeypatch.setattr(random_sessions, "compare", lambda folder: folders.append(folder) or compare(folder))
    n, problems = problems_of(case_of(SEED), SEED, tmp_path)
    assert (n, problems) == (103, [])
    with folders[0].predictions.open(newline="") as file:
        rows = list(csv.DictReader(file))
    row = next(row for row in rows[60:] if row["forced"] == "false")
    row["eeg_coverage"] = f"{float(row['eeg_coverage']) + 0.125:.7g}"
    with folders[0].predictions.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    _, found = compare(folders[0])
    assert len(found) == 1
    assert found[0].startswith("1 of 103")
    assert row["time_s"] in found[0]


@pytest.mark.parametrize("role", ["gaze", "second_eye"])
@pytest.mark.parametrize("back_s", [6.7, 6.9])
def test_an_eye_that_comes_back_with_what_it_kept_changes_nothing_where_the_other_went_on_alone(role, back_s, tmp_path):
    """back_s: before the next window's end, so that only the eyes' own joining has gone on, and after it."""
    acts = [Act(6.61, "lose", {"role": role}), Act(back_s, "find", {"role": role, "burst": True})]
    case = Case(10.0, 0.05, {"": []}, second={"": []}, acts=acts)
    assert problems_of(case, 1, tmp_path) == (23, [])


def test_an_eye_whose_tracker_is_changed_while_the_other_is_lost_keeps_what_it_had_measured(tmp_path):
    changed = ("restart", {"role": "gaze", "at_s": 8.07, "gap_s": 0.02, "source_id": "another"})
    case = Case(12.0, 0.1, {"": []}, second={"": [changed]}, acts=[Act(6.41, "lose", {"role": "gaze"})])
    assert problems_of(case, 1, tmp_path)[1] == []


def test_an_eye_is_waited_for_from_where_its_next_tracker_begins(tmp_path):
    """However far the other eye has come: 35 s, when nothing of the new tracker has been used."""
    changed = ("restart", {"role": "gaze", "at_s": 35.25, "gap_s": 0.3, "source_id": "another"})
    case = Case(42.0, 0.1, {"": [changed]}, second={"": []})
    assert problems_of(case, 1, tmp_path)[1] == []


@pytest.mark.parametrize("role", ["gaze", "eeg"])
def test_a_stream_that_is_lost_before_its_first_sample_and_comes_back_with_what_its_sender_kept(role, tmp_path):
    late = ("life", {"role": role, "from_s": 8.33, "to_s": 16.0})
    acts = [Act(9.43, "lose", {"role": role}), Act(12.52, "find", {"role": role, "burst": True})]
    assert problems_of(Case(16.0, 0.25, {"": [late]}, acts=acts), 1, tmp_path)[1] == []


@pytest.mark.parametrize(
    "what",
    [
        ("pause", {"role": "gaze", "spans": ((1.3, 33.1),)}),
        ("life", {"role": "gaze", "from_s": 31.3, "to_s": 38.0}),
    ],
)
def test_an_eye_that_is_silent_for_longer_than_the_other_one_waits_and_never_lost(what, tmp_path):
    assert problems_of(Case(38.0, 0.1, {"": []}, second={"": [what]}), 1, tmp_path)[1] == []


@pytest.mark.parametrize("role", ["gaze", "eeg"])
def test_a_killed_engine_knows_the_rest_that_a_device_measured_which_another_one_has_replaced(role, tmp_path):
    changed = ("restart", {"role": role, "at_s": 29.75, "gap_s": 0.3, "source_id": "another"})
    acts = [Act(0.5, "rest", {"seconds": 21.0}), Act(34.1, "crash", {})]
    n, problems = problems_of(Case(36.0, 0.1, {"": [changed]}, acts=acts), 1, tmp_path)
    assert n > 100
    assert problems == []


def test_a_seed_is_always_the_same_session():
    assert case_of(7) == case_of(7)
    assert case_of(7) != case_of(8)


def test_a_corpus_of_a_session_holds_the_windows_of_its_replay(tmp_path, monkeypatch, windows):
    """A tracker that is lost and sends what it kept, an amplifier that is changed, and a channel that is marked."""
    changed = ("restart", {"role": "eeg", "at_s": 14.0, "gap_s": 0.3, "source_id": "another"})
    acts = [
        Act(6.41, "lose", {"role": "gaze"}),
        Act(8.2, "mark", {"label": "C3", "mark": "bad"}),
        Act(10.3, "find", {"role": "gaze", "burst": True}),
    ]
    monkeypatch.setattr(random_sessions, "compare", lambda folder: (0, [str(folder.recording)]))
    _, (recording,) = problems_of(Case(22.0, 0.1, {"": [changed]}, acts=acts), 1, tmp_path)
    windows.clear()
    asked = ["replay", recording, "--speed", "max", "--hop", "1", "--quiet", "--out", str(tmp_path / "p.jsonl")]
    assert rtemo(asked) == 0
    replayed = windows.copy()
    windows.clear()
    monkeypatch.setenv("TQDM_DISABLE", "1")
    (tmp_path / "lab").mkdir()
    shutil.copy(recording, tmp_path / "lab" / "P1.xdf")
    assert offline(["--quiet", "build", "xdf", "--root", str(tmp_path / "lab"), "--out", str(tmp_path / "c")]) == 0
    assert [window.end_s for window in windows] == [window.end_s for window in replayed]
    assert len(windows) > 15
    for one, other in zip(windows, replayed, strict=True):
        for field in fields(one):
            assert (
                np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=True)
                if isinstance(getattr(one, field.name), np.ndarray)
                else getattr(one, field.name) == getattr(other, field.name)
            )
    assert windows[-1].eeg_coverage > 0.9  # of the second amplifier
