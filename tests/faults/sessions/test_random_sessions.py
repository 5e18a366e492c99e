"""One random session against its replay, and that a difference would be found."""

from __future__ import annotations

import csv

import pytest

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


def test_a_seed_is_always_the_same_session():
    assert case_of(7) == case_of(7)
    assert case_of(7) != case_of(8)
