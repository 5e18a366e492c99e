from __future__ import annotations

import numpy as np
import pytest

from offline.evaluation.methods import METHODS
from offline.evaluation.window_table import Windows, tabulate
from offline.export.calibrate import calibrated
from offline.export.export import GATE
from offline.export.method_bundle import TrainingFacts, write_method_bundle
from offline.export.run_method import export_method, run_method
from offline.training.initial_weights import live_settings
from rtemo.model.decoder import head_logits
from rtemo.model.runtime import Runtime
from rtemo.model.uncertainty.probabilities import tempered

HEAD_SEES = {"eeg": ("eeg",), "eye": ("eye",), "joint": ("eeg", "eye")}


def fitted(corpus, name):
    """The method on the first half of the people; the sessions of both halves."""
    table, everything = tabulate(corpus), tabulate(corpus, labelled=False)
    known_people = corpus.subjects[: len(corpus.subjects) // 2]
    known = np.array([table.shards[number].about.subject in known_people for number in table.shard])
    train, validation = (Windows(table, np.flatnonzero(side), ("eeg", "eye")) for side in (known, ~known))
    model = METHODS[name].fit(train, validation, 0)
    sessions = run_method(model, everything, GATE)
    sides = [[s for s in sessions if (s.shard.about.subject in known_people) == side] for side in (True, False)]
    return model, sides


def bundled(corpus, name, path, *, with_calibration=True):
    model, (training, held_out) = fitted(corpus, name)
    graph, settings = export_method(model, name), live_settings(corpus)
    calibration = calibrated(graph, graph.combinations, settings, training, held_out) if with_calibration else None
    people = sorted({s.shard.about.subject for s in training})
    facts = TrainingFacts.of(corpus, people, {"trained on": len(people)})
    bundle = write_method_bundle(path, graph, calibration, facts, name=name, labels=corpus.labels, settings=settings)
    return model, bundle


@pytest.mark.parametrize("name", ["de-lr"])
def test_a_method_gives_the_same_offline_and_live(corpus, tmp_path, name):
    model, bundle = bundled(corpus, name, tmp_path / "bundle")

    table = tabulate(corpus)
    rows = np.arange(0, len(table), 37)
    windows = [table.shards[table.shard[row]].window(int(table.index[row])) for row in rows]
    live = Runtime(bundle).embed_windows(windows)
    for combination in bundle.spec.combinations:
        head = {"eeg": "eeg", "eye": "eye", "both": "joint"}[combination]
        offline = model.probabilities(Windows(table, rows, HEAD_SEES[head]))
        found = np.array([tempered(head_logits(bundle, one)[head], 1.0) for one in live])
        assert np.abs(found - offline).max() < 1e-5


def test_a_regressions_sets_cover_people_outside(corpus, tmp_path):
    _, bundle = bundled(corpus, "de-lr", tmp_path / "bundle")
    assert bundle.spec.calibrated
    assert set(bundle.spec.combinations) == {"eeg"}
