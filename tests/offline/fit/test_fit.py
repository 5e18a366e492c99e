"""`fit`: from a corpus to a bundle that everybody trained, scored on everybody held out."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from invented import LABELS, about, invented_corpus, invented_windows

import offline.fit.fit
import offline.fit.shipping
from offline.__main__ import main
from offline.corpus.corpus import open_corpus, write_manifest, write_recording
from offline.evaluation.methods import METHODS
from offline.evaluation.window_table import Windows
from offline.fit.calibration import decoded
from offline.fit.candidates import SCRATCH
from offline.fit.cross_fit import cross_fit, fit_data, fit_everybody
from offline.fit.fit import FitRequest, fit
from offline.fit.held_out_outputs import raw_outputs
from offline.fit.shipping import CannotRunLive
from offline.splits import clip_folds
from offline.training.deadline import OutOfTime
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings
from rtemo.model.bundle import load_bundle
from rtemo.model.decoder import AbstainReason, Decoder
from rtemo.model.network import NetworkConfig
from rtemo.model.runtime import Runtime

SMALL = NetworkConfig(channel_width=16, queries=2, pool_heads=2, width=32, layers=1, heads=2, joint_tokens=1)
QUICK = TrainingSettings(epochs=2, rate=3e-3, network=SMALL, least_steps=4)
DESCRIPTION = {"people": "invented people", "sources": {"eeg": "causal", "eye": "causal"}, "baseline": "none"}
FEW = ("majority", "de-lr", "early-fusion", "eegnet")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return invented_corpus(tmp_path_factory.mktemp("fit"), 7)


@pytest.fixture(scope="module")
def early(people, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles") / "early"
    return fit(people, FitRequest("early-fusion", folds=4), out)[0]


@pytest.fixture(scope="module")
def graphs():
    """Models that were exported, by name; all of the same people."""
    return {}


@pytest.fixture
def exported_once(monkeypatch, graphs):
    """The graph of the first model of a name stands for the others': each takes seconds, and nobody looks at it."""
    original = offline.fit.shipping.exported

    def exported(model, name):
        if name not in graphs:
            graphs[name] = original(model, name)
        return graphs[name]

    monkeypatch.setattr(offline.fit.shipping, "exported", exported)


@pytest.fixture
def few_methods(monkeypatch):
    """`auto` with some of the methods."""
    monkeypatch.setattr("offline.fit.candidates.METHODS", {name: METHODS[name] for name in FEW})


def test_the_bundle_was_trained_on_everybody_and_its_card_says_what_is_promised(early, people):
    spec = load_bundle(early.path).spec
    assert spec.training["people"] == {"trained on": 7, "held out in turn": 7}
    assert spec.training["seen"] == [f"invented/{who}" for who in people.subjects]
    assert spec.metrics["both"]["n_people"] == 7
    assert spec.calibrated
    card = (early.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "7 trained on, 7 held out in turn" in card
    assert "no guarantee that holds whatever the people are" in card
    assert set(spec.combinations["both"].quantiles) == {0.5, 0.65, 0.8}  # of 7 people no more than 87.5 %
    assert "no sets at 90%" in card


def test_the_bundle_says_live_what_the_method_says_offline_and_is_scored_as_it_decodes(early, people):
    data = fit_data(people, 0, 4)
    found = cross_fit(data, "early-fusion", METHODS["early-fusion"])
    model = fit_everybody(data, found)
    expected = model.probabilities(Windows(data.table, np.flatnonzero(data.table.shard == 2), ("eeg", "eye")))
    outputs = [replace(one, familiar=early.familiar) for one in raw_outputs(found.task, model, [2])]
    (scored,) = decoded(found.calibration, outputs, "both")
    counted = outputs[0].counted("both")
    runtime, decoder, made = Runtime(early), Decoder(early), []
    for i in range(len(counted)):
        window = people.shards[2].window(i)
        made.append(decoder.step(window, runtime.embed(window)))
        p = expected[i] ** (1.0 / early.spec.temperatures["joint"])
        np.testing.assert_allclose(list(made[-1].probabilities.values()), p / p.sum(), atol=1e-5)
    live = [one for one, counts in zip(made, counted, strict=True) if counts]
    assert len(live) == len(scored.labels) > 40
    np.testing.assert_allclose([list(one.smoothed.values()) for one in live], scored.smooth, atol=1e-5)
    level = early.spec.decision.set_level
    for one, inside, novel in zip(live, scored.sets[level], scored.novel, strict=True):
        assert (one.abstain == AbstainReason.NOVEL) == novel
        assert novel or set(one.set) == {label for label, there in zip(early.labels, inside, strict=True) if there}


def test_the_network_becomes_a_bundle_that_training_can_begin_from(people, tmp_path, exported_once):
    bundle, _ = fit(people, FitRequest("network", folds=3, training=QUICK), tmp_path / "net")
    assert bundle.spec.model.kind == "network"
    again, _ = fit(
        invented_corpus(tmp_path / "others", 4, first=50),
        FitRequest("network", folds=2, init=bundle.path, training=replace(QUICK, epochs=0)),
        tmp_path / "again",
    )
    assert set(bundle.spec.training["seen"]) < set(again.spec.training["seen"])
    with pytest.raises(RtemoError, match="pretraining has seen invented/p00"):
        fit(people, FitRequest("network", folds=3, init=bundle.path, training=QUICK), tmp_path / "known")


def test_auto_ships_the_simplest_of_the_best_and_lists_what_it_could_not_try(
    people, tmp_path, few_methods, exported_once
):
    bundle, compared = fit(people, FitRequest(folds=3, training=replace(QUICK, epochs=0)), tmp_path / "auto")
    assert compared.chosen in ("de-lr", "early-fusion", SCRATCH)
    assert list(compared.left_out) == ["eegnet"]  # the corpus has no signal
    rows = bundle.spec.training["candidates"]
    assert [row["method"].strip("*") for row in rows] == ["majority", "de-lr", "early-fusion", SCRATCH, "eegnet"]
    assert rows[-1][""].startswith("left out: ")
    card = (bundle.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"**{compared.chosen}**" in card
    assert "The choice itself is worth" in card


def test_what_there_is_no_time_for_is_left_out_and_said(people, tmp_path, few_methods, monkeypatch, exported_once):
    given, original = {}, offline.fit.fit.cross_fit

    def slow_network(data, name, *more):
        given[name] = more[-1]
        if name == SCRATCH:
            raise OutOfTime("there is no time left to train", "", "")
        return original(data, name, *more[:-1], None)

    monkeypatch.setattr(offline.fit.fit, "cross_fit", slow_network)
    bundle, compared = fit(people, FitRequest(folds=3, training=QUICK, max_minutes=60.0), tmp_path / "auto")
    assert compared.left_out[SCRATCH].startswith("would take longer than its share of the time, ")
    assert compared.chosen in ("de-lr", "early-fusion")
    assert given["majority"] == pytest.approx(3600 / 5, rel=0.1)
    assert given[SCRATCH] > 2000  # nobody after it, and those before it were quick
    assert bundle.spec.training["people"]["trained on"] == 7


def test_a_method_that_cannot_go_live_gives_way_to_the_next(people, tmp_path, few_methods, monkeypatch, exported_once):
    refused, original = [], offline.fit.shipping.exported

    def refuses_the_first(model, name):
        if not refused:
            refused.append(name)
            raise CannotRunLive(f"{name} cannot run live", "", "")
        return original(model, name)

    monkeypatch.setattr(offline.fit.shipping, "exported", refuses_the_first)
    _, compared = fit(people, FitRequest(folds=3, training=replace(QUICK, epochs=0)), tmp_path / "b")
    assert [compared.left_out[name] for name in refused] == [f"{refused[0]} cannot run live"]
    assert compared.chosen not in refused


def test_an_interrupted_fit_goes_on_and_ends_the_same(people, tmp_path, monkeypatch, exported_once):
    import offline.fit.kept_folds as kept

    request, done, original = FitRequest("late-fusion", folds=3), [], kept.hold_out

    def breaks(task, fold):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(fold.split.name)
        return original(task, fold)

    whole, _ = fit(people, request, tmp_path / "whole")
    monkeypatch.setattr(kept, "hold_out", breaks)
    with pytest.raises(KeyboardInterrupt):
        fit(people, request, tmp_path / "broken", keep=tmp_path / "folds")
    assert not (tmp_path / "broken").exists()
    monkeypatch.setattr(kept, "hold_out", lambda task, fold: (done.append(fold.split.name), original(task, fold))[1])
    again, _ = fit(people, request, tmp_path / "broken", keep=tmp_path / "folds")
    assert len(done) == len(set(done)) == 3
    assert again.spec.combinations == whole.spec.combinations
    assert not (tmp_path / "folds").exists()


def test_eyes_of_one_person_are_not_enough_and_do_not_lower_the_sets_of_the_others(tmp_path):
    recordings = []
    for person in range(6):
        windows, labels, trials = invented_windows(person, 8, with_eyes=person == 0)
        who = about(person, windows[0].channels)
        recordings.append(write_recording(tmp_path / "c", who, windows, labels, trials))
    settings = PipelineSettings().with_hop(1.0).to_dict()
    write_manifest(tmp_path / "c", "invented", settings, LABELS, DESCRIPTION, recordings)
    bundle, _ = fit(open_corpus(tmp_path / "c"), FitRequest("early-fusion"), tmp_path / "b")
    assert list(bundle.spec.combinations) == ["eeg"]
    assert bundle.spec.decision.set_level == 0.8


@pytest.mark.parametrize("people", [2, 4])
def test_two_to_five_people_give_a_bundle_that_says_so_on_screen(tmp_path, people):
    bundle, _ = fit(invented_corpus(tmp_path / "c", people), FitRequest("early-fusion"), tmp_path / "few")
    assert bundle.spec.trained_on == f"invented people, only {people}: too few to rely on"
    assert "**Too few people.**" in (bundle.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert bundle.spec.decision.set_level == (0.65 if people == 2 else 0.8)


def test_people_who_saw_the_same_films_are_answered_by_models_that_do_not_know_these(tmp_path):
    recordings = []
    for person in range(4):
        windows, labels, trials = invented_windows(person, 8, n_trials=12, per_trial=3)
        films = {str(trial): f"film {trial}" for trial in range(1, 13)}
        recordings.append(
            write_recording(tmp_path / "c", about(person, windows[0].channels, films), windows, labels, trials)
        )
    settings = PipelineSettings().with_hop(1.0).to_dict()
    write_manifest(tmp_path / "c", "invented", settings, LABELS, DESCRIPTION, recordings)
    bundle, _ = fit(open_corpus(tmp_path / "c"), FitRequest("de-lr", folds=4), tmp_path / "b")
    assert clip_folds(fit_data(open_corpus(tmp_path / "c"), 0, 4).table.ids) == 3
    assert "people and films were kept apart" in (bundle.path / "MODEL_CARD.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (FitRequest("magic"), "no method 'magic'"),
        (FitRequest("probe"), "nothing to probe"),
        (FitRequest("de-lr", folds=1), "two folds"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(people, tmp_path, request_, message):
    with pytest.raises(RtemoError, match=message):
        fit(people, request_, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_the_commands_write_a_bundle_and_say_what_it_is(people, tmp_path, capsys, exported_once):
    line = f"--quiet fit --corpus {people.path} --method de-lr --folds 3 --jobs 1 --out {tmp_path / 'b'}"
    assert main(line.split()) == 0
    text = capsys.readouterr().out
    assert "7 people held out in turn, chance 25%" in text
    assert text.splitlines()[-1] == f"{tmp_path / 'b'}: de-lr, trained on 7 people"
    assert main(line.split()) == 2  # it is there already
    assert json.loads((tmp_path / "b" / "bundle.json").read_text())["calibrated"] is True
    shutil.rmtree(tmp_path / "b")
    assert main([*line.split(), "--max-minutes", "0"]) == 2
    assert "no time" in capsys.readouterr().err


def test_a_method_that_can_never_go_live_is_refused_before_any_work(people, tmp_path):
    with pytest.raises(RtemoError, match=r"riemann cannot run live.*use riemann-fixed"):
        fit(people, FitRequest("riemann"), tmp_path / "b")


def test_what_the_model_does_without_is_said_where_it_is_fitted_and_on_its_card(tmp_path, capsys, exported_once):
    recordings = []
    for person in range(7):  # the eyes of two people were recorded
        windows, labels, trials = invented_windows(person, 8, with_eyes=person < 2)
        recordings.append(write_recording(tmp_path / "c", about(person, windows[0].channels), windows, labels, trials))
    settings = PipelineSettings().with_hop(1.0).to_dict()
    write_manifest(tmp_path / "c", "invented", settings, LABELS, DESCRIPTION, recordings)
    line = f"fit --corpus {tmp_path / 'c'} --method early-fusion --folds 4 --out {tmp_path / 'b'}"
    assert main(line.split()) == 0
    out = capsys.readouterr().out
    card = (tmp_path / "b" / "MODEL_CARD.md").read_text(encoding="utf-8")
    for name in ("eye", "both"):
        sentence = f"without {name}: 2 of 7 people have windows of it that can be used, too few to calibrate it\n"
        assert sentence in out
        assert f"- {sentence}" in card
    assert "without eeg" not in out
    assert list(load_bundle(tmp_path / "b").spec.combinations) == ["eeg"]
