"""Cross-fitting a method: held-out outputs of everybody, honest scores, and a model trained on everybody."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from invented import invented_corpus

from offline.evaluation.methods import METHODS
from offline.evaluation.methods.own import OwnNetwork
from offline.export import calibrate
from offline.fit import cross_fit as module
from offline.fit.calibration import cross_decoded, promise
from offline.fit.cross_fit import cross_fit, fit_data, fit_everybody
from offline.fit.held_out_outputs import hold_out
from offline.fit.scores import coverages, summary
from offline.training.choices import typical
from offline.training.deadline import OutOfTime
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import Decision
from rtemo.model.network import NetworkConfig
from rtemo.model.uncertainty.novelty import distance

SMALL = NetworkConfig(channel_width=16, queries=2, pool_heads=2, width=32, layers=1, heads=2, joint_tokens=1)
QUICK = OwnNetwork(TrainingSettings(epochs=3, rate=3e-3, network=SMALL, least_steps=4))
CHEAP = ("majority", "de-svm", "de-lr", "eye-lr", "early-fusion", "late-fusion", "cca", "eye-mlp", "dgcnn")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return fit_data(invented_corpus(tmp_path_factory.mktemp("fit"), 8), 0, 4)


@pytest.fixture(scope="module")
def late(data):
    return cross_fit(data, "late-fusion", METHODS["late-fusion"])


def test_everybody_is_held_out_once_and_everybody_trains_the_model(data, late):
    assert sorted(one.subject for one in late.decoded["both"]) == sorted(data.corpus.subjects)
    model = fit_everybody(data, late)
    learned = set(data.table.ids.subject[model.models[0].train.rows])
    assert learned == set(data.people)


def test_a_persons_labels_change_nothing_of_what_the_person_is_answered(data, late):
    fold = data.folds[0]
    first = hold_out(late.task, fold)
    hidden = replace(late.task, table=replace(data.table, ids=_with_labels(data.table.ids, fold.split.test, 0)))
    again = hold_out(hidden, fold)
    for one, two in zip(first.sessions, again.sessions, strict=True):
        for head in one.logits:
            np.testing.assert_array_equal(one.logits[head], two.logits[head])


def _with_labels(ids, rows, label):
    labels = ids.label.copy()
    labels[rows] = label
    return replace(ids, label=labels)


@pytest.mark.parametrize("name", CHEAP)
def test_what_two_fits_choose_a_third_takes_up(data, name):
    method, fold = METHODS[name], data.folds[0].split
    task = replace(_task(data), method=method, modalities=method.modalities)
    train, validation = task.learnable(fold.train), task.learnable(fold.validation)
    model = method.fit(train, validation, 0)
    same = method.refit(train, model.chosen, 0)
    test = task.learnable(fold.test)
    np.testing.assert_allclose(same.probabilities(test), model.probabilities(test), atol=1e-5)


def _task(data):
    return cross_fit(data, "majority", METHODS["majority"]).task


def test_the_network_is_trained_on_everybody_for_as_many_epochs_as_the_folds_chose(data):
    found = cross_fit(data, "network", QUICK)
    assert 0 <= found.chosen["epochs"] <= 3
    model = fit_everybody(data, found)
    assert {shard.about.subject for shard in found.task.table.shards} == set(data.corpus.subjects)
    assert len(np.unique(model.train.subject)) == len(data.people)
    scores = summary(found.decoded["both"], Decision(0.8, 3, 0.05))
    assert scores["window"]["mean"] > 0.35


def test_refitting_a_network_for_the_epochs_that_were_best_gives_the_same_network(data):
    fold = data.folds[0].split
    task = replace(_task(data), method=QUICK)
    train, validation = task.learnable(fold.train), task.learnable(fold.validation)
    model = QUICK.fit(train, validation, 0)
    again = QUICK.refit(train, model.chosen, 0)
    for key, value in model.frozen.network.state_dict().items():
        np.testing.assert_allclose(again.frozen.network.state_dict()[key], value, atol=1e-6)
    test = task.learnable(fold.test)
    np.testing.assert_allclose(again.probabilities(test), model.probabilities(test), atol=1e-5)


def test_scores_are_at_chance_where_there_is_nothing_to_find(tmp_path):
    data = fit_data(invented_corpus(tmp_path, 12, effect=0.0), 0, 6)
    scores = summary(cross_fit(data, "early-fusion", METHODS["early-fusion"]).decoded["both"], Decision(0.8, 3, 0.05))
    assert scores["window"]["mean"] == pytest.approx(0.25, abs=0.06)


def test_the_sets_cover_people_whom_nothing_knows(late):
    covered = coverages(late.decoded["both"], 0.8)  # seven others calibrate: the quantile is that of 0.8 * 8 / 7
    assert 0.75 < np.mean(covered) < 0.97


@pytest.mark.parametrize("people", [2, 3, 4])
def test_few_people_give_fewer_levels_and_it_is_said(tmp_path, people):
    data = fit_data(invented_corpus(tmp_path, people), 0, 8)
    found = cross_fit(data, "early-fusion", METHODS["early-fusion"])
    levels = set(found.calibration.combinations["both"].quantiles)
    assert levels == {level for level in calibrate.LEVELS if level <= people / (people + 1)}
    assert found.calibration.set_level == max(level for level in levels if level <= 0.8)
    text = " ".join(promise(people, people))
    assert "Too few people" in text
    assert "no guarantee" in text


@pytest.mark.parametrize("method", [QUICK, replace(QUICK, settings=replace(QUICK.settings, mode="probe"))])
def test_a_budget_that_cannot_be_kept_is_out_of_time(data, method):
    with pytest.raises(OutOfTime):
        cross_fit(data, "network", method, budget_s=0.0)


def test_all_folds_together_and_each_of_them_are_bounded(data, monkeypatch):
    """Of a budget one round is for fitting everybody; a fold that has taken half of it is no use."""
    now, left = [1000.0], []
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: now[0], monotonic=time.monotonic))

    @contextmanager
    def until(seconds):
        left.append(seconds)
        yield

    monkeypatch.setattr(module, "until", until)

    def slow(task, fold):
        now[0] += 20.0
        return hold_out(task, fold)

    cross_fit(data, "early-fusion", METHODS["early-fusion"], keep=slow, budget_s=100.0)
    shares = len(data.folds)
    assert left == pytest.approx([min(50.0, 100.0 * shares / (shares + 1) - 20.0 * k) for k in range(shares)])


def test_weights_that_know_somebody_are_refused(data):
    with pytest.raises(RtemoError, match="pretraining has seen invented/p003"):
        cross_fit(data, "network", QUICK, known=(("invented/p003",), None))


def test_distances_from_what_each_fold_learned_stand_side_by_side(data):
    """Whitened embeddings are as far from 0 as the embeddings were from what the fold's network was trained on."""
    from offline.export.session_outputs import run_network
    from offline.fit.held_out_outputs import whitened

    found = cross_fit(data, "network", replace(QUICK, settings=replace(QUICK.settings, epochs=0)))
    model = fit_everybody(data, found)
    sessions = run_network(model.frozen.network, model.heads, data.table.shards, found.task.gate)
    near = calibrate.familiar(sessions, "both")
    for plain, white in zip(sessions, whitened(sessions, sessions), strict=True):
        np.testing.assert_allclose(
            distance(white.z["joint"], white.familiar["both"]), distance(plain.z["joint"], near), rtol=2e-2
        )


def test_nobodys_labels_calibrate_what_they_are_scored_with(data, late):
    """One group's labels dealt anew: its own probabilities and sets stay, everybody else's calibration moves."""
    first = next(iter(late.groups))
    changed = {**late.groups, first: [replace(one, shard=relabelled(one.shard)) for one in late.groups[first]]}
    names, n_labels = late.task.names, len(data.corpus.labels)
    found = cross_decoded(changed, names, n_labels, data.window_s, fused=False)["both"]
    own = {session.shard.about.subject for session in late.groups[first]}
    for before, after in zip(late.decoded["both"], found, strict=True):
        same = np.array_equal(before.now, after.now) and np.array_equal(before.sets[0.8], after.sets[0.8])
        assert same == (before.subject in own)


def relabelled(shard):
    """The recording with every label one further."""
    rows = np.array(shard.rows)
    rows["label"] = np.where(rows["label"] >= 0, (rows["label"] + 1) % 4, rows["label"])
    return SimpleNamespace(rows=rows, about=shard.about, labelled=shard.labelled)


def test_folds_that_had_nobody_to_choose_a_temperature_on_leave_that_of_the_others():
    folds = ({"eye strength": 1e-4}, {"eye strength": 1e-4}, {"eye strength": 1e-2, "eye temperature": 2.0})
    assert typical(folds) == {"eye strength": 1e-4, "eye temperature": 2.0}
    assert typical(folds[:2]) == {"eye strength": 1e-4}
