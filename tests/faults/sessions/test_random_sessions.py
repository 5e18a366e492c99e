"""One random session against its replay, and that a difference would be found."""

from __future__ import annotations

import csv

from . import random_sessions
from .random_sessions import case_of, compare, problems_of

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


def test_a_seed_is_always_the_same_session():
    assert case_of(7) == case_of(7)
    assert case_of(7) != case_of(8)
