"""Ratings of held-out people: better than the mean where there is something to find, and honest where there is not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from invented import LABELS, about, invented_windows

from offline.__main__ import main
from offline.corpus.corpus import open_corpus, write_manifest, write_recording
from offline.evaluation.ratings import ccc, rating_scores
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings


def rated_corpus(path, people=8, told=1.0, trials=12):
    """Valence shows in a band: what label 0 and 1 have; the rest of a rating is the person's habit and noise."""
    recordings = []
    for person in range(people):
        windows, labels, numbers = invented_windows(person, 8, n_trials=trials, per_trial=4, labelled=False)
        random = np.random.default_rng([person, 9])
        habit = random.normal(0.0, 0.3)
        targets = {
            str(trial + 1): {"Valence": 5.0 + habit + told * (2.0 if trial % 4 in (0, 1) else -2.0) + random.normal()}
            for trial in range(trials)
        }
        who = replace(about(person, windows[0].channels), targets=targets)
        recordings.append(write_recording(path, who, windows, labels, numbers))
    description = {"people": "invented people", "sources": {"eeg": "causal", "eye": "causal"}, "baseline": "none"}
    write_manifest(path, "invented", PipelineSettings().to_dict(), LABELS, description, recordings)
    return open_corpus(path)


def test_ratings_that_show_are_found_in_people_who_were_held_out(tmp_path):
    found = rating_scores(rated_corpus(tmp_path / "c"))["Valence"]
    assert (found["n_people"], found["n_trials"]) == (8, 96)
    assert found["ccc"]["low"] > 0.5
    assert found["rmse_better_by"]["low"] > 0.3
    assert found["intervals"]["0.8"]["coverage"]["value"] == pytest.approx(0.87, abs=0.1)  # 0.8 * 8 / 7 and up
    assert found["intervals"]["0.9"] == {}  # seven others allow 87.5 %


def test_ratings_that_show_in_nothing_are_no_better_than_the_mean(tmp_path):
    found = rating_scores(rated_corpus(tmp_path / "c", told=0.0))["Valence"]
    assert abs(found["ccc"]["value"]) < 0.15
    assert found["rmse_better_by"]["low"] < 0.0


def test_concordance_is_one_for_equals_and_less_for_what_is_off_or_squeezed():
    values = np.random.default_rng(1).normal(size=50)
    assert ccc(values, values) == pytest.approx(1.0)
    assert ccc(values + 1.0, values) < 0.8
    assert ccc(0.2 * values, values) < 0.5
    assert ccc(np.zeros(50), values) == 0.0
    assert ccc(np.zeros(50), np.zeros(50)) == 0.0


def test_a_corpus_without_ratings_is_refused_and_an_unknown_one_too(tmp_path, corpus):
    with pytest.raises(RtemoError, match="has no ratings"):
        rating_scores(corpus)
    with pytest.raises(RtemoError, match="no rating Dominance"):
        rating_scores(rated_corpus(tmp_path / "c", people=3), ["Dominance"])
    with pytest.raises(RtemoError, match="too few people rated Valence"):
        rating_scores(rated_corpus(tmp_path / "d", people=2))


def test_the_command_writes_the_scores(tmp_path, capsys):
    corpus = rated_corpus(tmp_path / "c", people=4)
    line = f"--quiet ratings --corpus {corpus.path} --out {tmp_path / 'r.json'}"
    assert main(line.split()) == 0
    assert json.loads((tmp_path / "r.json").read_text())["Valence"]["n_people"] == 4
    assert "mean of the training people's ratings" in capsys.readouterr().out
    assert main(line.split()) == 2
