"""Our network as a method among others."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
import torch
from invented import invented_corpus

from offline.evaluation.evaluate import evaluate
from offline.evaluation.experiment import ExperimentRequest
from offline.evaluation.methods.own import OwnNetwork, Selected, recordings
from offline.evaluation.window_table import Windows, tabulate
from offline.splits import loso
from offline.training.batches import Picked, all_labelled
from offline.training.checkpoint import save_checkpoint
from offline.training.frozen_network import FrozenNetwork
from offline.training.initial_weights import PRETRAIN
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError
from rtemo.model.network import Network, NetworkConfig

SMALL = NetworkConfig(channel_width=16, queries=2, pool_heads=2, width=32, layers=1, heads=2, joint_tokens=1)
QUICK = TrainingSettings(epochs=5, rate=3e-3, network=SMALL)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return invented_corpus(tmp_path_factory.mktemp("own"), 8)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, people):
    """A checkpoint of somebody else's people, as pretraining writes it."""
    torch.manual_seed(3)
    network, path = Network(SMALL), tmp_path_factory.mktemp("init") / "ssl.pt"
    state = {
        "settings": {"network": asdict(SMALL)},
        "pipeline": dict(people.pipeline),
        "network": network.state_dict(),
        "people": ["elsewhere/x1"],
        "corpora": [{"fingerprint": "0", "said": "elsewhere: 1 people"}],
    }
    save_checkpoint(path, PRETRAIN, state)
    return path


def test_the_network_learns_and_answers_without_a_modality(people, tmp_path):
    strange = invented_corpus(tmp_path, 2, first=60, effect=12.0)
    request = ExperimentRequest(method="network", training=QUICK, folds=(0, 1))
    result = evaluate(people, request, ood={"strange": strange})

    assert result["baseline"] is None
    assert result["init"] is None
    assert result["balanced_accuracy"]["window"]["value"] > 0.4
    assert result["missing"]["eeg"]["n_windows"] == result["missing"]["eye"]["n_windows"] == result["n_windows"]
    assert result["ood"]["strange"]["value"] > 0.55


def test_the_network_on_one_modality_never_sees_the_other(people):
    table = tabulate(people)
    split = next(loso(table.ids, 0))
    train, validation = (Windows(table, rows, ("eye",)) for rows in (split.train, split.validation))
    model = OwnNetwork(QUICK).fit(train, validation, 0)
    test = Windows(table, split.test, ("eye",))

    assert not any(shard.eeg_mask.any() for shard in recordings(train))
    assert not model.offered(test)["joint"].any()
    p = model.probabilities(test)
    assert np.allclose(p.sum(axis=1), 1.0)
    assert np.mean(p.argmax(axis=1) == test.labels) > 0.35


def test_only_the_chosen_windows_have_labels(people):
    table = tabulate(people)
    chosen = np.arange(5, 20)
    (shard,) = recordings(Windows(table, chosen, ("eeg", "eye")))

    assert isinstance(shard, Selected)
    assert shard.labelled.tolist() == chosen.tolist()
    assert len(people.shards[0].labelled) == 48  # the corpus itself is as it was


def test_a_probe_leaves_the_network_as_it_was_given_and_fine_tuning_does_not(people, pretrained):
    table = tabulate(people)
    split = next(loso(table.ids, 0))
    sides = [Windows(table, rows, ("eeg", "eye")) for rows in (split.train, split.validation)]
    given = torch.load(pretrained, weights_only=True)["network"]
    for mode, same in (("probe", True), ("full", False)):
        settings = TrainingSettings(epochs=3, network=SMALL, mode=mode)
        found = OwnNetwork(settings, given).fit(*sides, 0).frozen.network.state_dict()
        assert all(torch.equal(found[name], given[name].half().float()) for name in given) == same


def test_a_frozen_network_is_asked_once_about_a_window_however_many_folds_there_are(people, pretrained, embedded):
    result = evaluate(people, ExperimentRequest(method="probe", init=pretrained, per_trial=2))

    tested = 3 * result["n_windows"]  # as it is, and without either modality
    assert tested < sum(embedded) <= tested + result["n_windows"]  # to learn from, with fewer channels too


def test_heads_are_fitted_to_few_channels_too_and_always_to_the_same(people, pretrained):
    given = Network(SMALL)
    given.load_state_dict(torch.load(pretrained, weights_only=True)["network"])
    shards = people.shards[:2]
    picked = all_labelled(shards)
    whole, fewer = (FrozenNetwork(given).embed(shards, picked, fewer=fewer) for fewer in (False, True))
    again = FrozenNetwork(given).embed(shards, picked, fewer=True)

    assert not np.allclose(whole.z[:, 0], fewer.z[:, 0], atol=1e-3)
    assert np.allclose(whole.z[:, 1], fewer.z[:, 1], atol=1e-5)  # the eyes have all that they had
    assert np.array_equal(fewer.z, again.z)
    assert fewer.eeg.all()  # a channel is always left


def test_what_a_frozen_network_made_of_a_window_does_not_depend_on_what_else_was_asked(people, pretrained):
    given = Network(SMALL)
    given.load_state_dict(torch.load(pretrained, weights_only=True)["network"])
    shards = people.shards[:3]
    some, all_of_them = Picked(np.array([2, 0, 2]), np.array([7, 1, 3])), all_labelled(shards)
    one, other = FrozenNetwork(given), FrozenNetwork(given)
    other.embed(shards, all_of_them)

    found = one.embed(shards, some)
    assert np.allclose(found.z, other.embed(shards, some).z, atol=1e-5)
    assert not np.allclose(found.z[0], found.z[1], atol=1e-3)
    assert found.eeg.all()


def test_weights_are_taken_with_their_shape_and_their_people_are_kept_out(people, pretrained, tmp_path):
    training = TrainingSettings(epochs=2)  # of another shape: that of the weights counts
    result = evaluate(people, ExperimentRequest(method="probe", init=pretrained, training=training, folds=(0,)))
    assert result["init"] == str(pretrained)
    assert result["method"] == "probe"

    saved = torch.load(pretrained, weights_only=True)
    known = tmp_path / "known.pt"
    parts = {name: saved[name] for name in ("settings", "pipeline", "network", "corpora")}
    save_checkpoint(known, PRETRAIN, {**parts, "people": ["invented/p000"]})
    with pytest.raises(RtemoError, match="pretraining has seen invented/p000"):
        evaluate(people, ExperimentRequest(init=known, training=training))
    other = {**saved["pipeline"], "eeg_prior_level": 1.0}
    save_checkpoint(known, PRETRAIN, {**parts, "pipeline": other, "people": []})
    with pytest.raises(RtemoError, match="other pipeline settings"):
        evaluate(people, ExperimentRequest(init=known, training=training))


def test_a_method_with_weights_is_refused(people, pretrained):
    with pytest.raises(RtemoError, match="de-lr begins from nothing"):
        evaluate(people, ExperimentRequest(method="de-lr", init=pretrained))
