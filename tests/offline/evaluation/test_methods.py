"""Every method finds an effect that is there and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from invented import invented_corpus
from sklearn.cross_decomposition import CCA

from offline.evaluation.evaluate import evaluate
from offline.evaluation.experiment import ExperimentRequest
from offline.evaluation.methods import METHODS
from offline.evaluation.methods.correlation import COMMON, correlation, learn_cca
from offline.evaluation.methods.feature_networks import Dgcnn

SHAPE = {"n_trials": 8, "per_trial": 8}
ON_SIGNAL = ("riemann", "riemann-fixed", "eegnet", "conformer")  # in test_signal_methods.py
ON_FEATURES = [name for name in METHODS if name not in ON_SIGNAL]
LEARNING = [name for name in ON_FEATURES if name != "majority"]


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return invented_corpus(tmp_path_factory.mktemp("planted"), 10, **SHAPE)


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    return invented_corpus(tmp_path_factory.mktemp("nothing"), 10, effect=0.0, **SHAPE)


@pytest.mark.parametrize("name", LEARNING)
def test_a_method_learns_a_planted_effect(planted, name):
    result = evaluate(planted, ExperimentRequest(method=name, folds=(0, 1)))

    assert result["balanced_accuracy"]["window"]["value"] > 0.45
    assert result["balanced_accuracy"]["trial"]["value"] > result["balanced_accuracy"]["window"]["value"]
    assert result["nll"]["window"]["value"] < np.log(4)


@pytest.mark.parametrize("name", ON_FEATURES)
def test_a_method_scores_chance_where_labels_have_no_effect(nothing, name):
    result = evaluate(nothing, ExperimentRequest(method=name, folds=(0, 1)))

    assert result["balanced_accuracy"]["window"]["value"] == pytest.approx(0.25, abs=0.1)
    assert result["nll"]["window"]["value"] == pytest.approx(np.log(4), abs=0.06)


@pytest.mark.parametrize("name", ["de-lr", "deep-cca"])
def test_a_method_gives_the_same_numbers_twice(planted, name):
    first, again = (evaluate(planted, ExperimentRequest(method=name, folds=(3,), seed=5)) for _ in range(2))

    assert first["per_subject"] == again["per_subject"]


@pytest.mark.parametrize("name", ["early-fusion", "late-fusion", "bdae"])
def test_a_fusion_answers_without_one_of_its_modalities(planted, name):
    result = evaluate(planted, ExperimentRequest(method=name, folds=(0, 1)))
    both = result["balanced_accuracy"]["window"]["value"]
    alone = {m: found["balanced_accuracy"]["window"]["value"] for m, found in result["missing"].items()}

    assert alone.keys() == {"eeg", "eye"}
    assert all(0.25 < value < both for value in alone.values())


def test_late_fusion_without_the_eyes_is_the_eeg_classifier(planted):
    fused = evaluate(planted, ExperimentRequest(method="late-fusion", folds=(0,)))["missing"]["eeg"]
    alone = evaluate(planted, ExperimentRequest(method="de-lr", folds=(0,)))

    assert fused["accuracy"]["window"] == alone["accuracy"]["window"]


def test_dgcnn_has_as_many_parameters_as_the_reference():
    # torcheeg's DGCNN(5, 62, 2, 32, 2): norm 10, adjacency 62^2, 2 x 5 x 32, 62 x 32 x 64 + 64, 64 x 2 + 2
    assert sum(p.numel() for p in Dgcnn(62, 2).parameters()) == 10 + 3844 + 320 + 127_040 + 130


def test_linear_cca_finds_the_correlations_that_sklearn_finds():
    random = np.random.default_rng(4)
    shared = random.normal(size=(4000, 2))
    one = np.concatenate((shared + 0.5 * random.normal(size=(4000, 2)), random.normal(size=(4000, 14))), axis=1)
    other = np.concatenate((shared + 1.0 * random.normal(size=(4000, 2)), random.normal(size=(4000, 14))), axis=1)
    mixed = one @ random.normal(size=(16, 16))
    mixed, other = mixed / mixed.std(axis=0), other / other.std(axis=0)
    mine = learn_cca(mixed, other, 0)(mixed, other)
    theirs = CCA(2).fit(mixed, other).transform(mixed, other)

    found = [np.corrcoef(mine[:, k], mine[:, COMMON + k])[0, 1] for k in range(2)]
    known = [np.corrcoef(theirs[0][:, k], theirs[1][:, k])[0, 1] for k in range(2)]
    assert found == pytest.approx(known, abs=0.02)


def test_the_deep_correlation_is_the_sum_of_the_canonical_ones():
    random = torch.Generator().manual_seed(0)
    a = torch.randn(500, 3, generator=random)
    assert float(correlation(a, a @ torch.randn(3, 3, generator=random))) == pytest.approx(3.0, abs=0.01)
    assert float(correlation(a, torch.randn(500, 3, generator=random))) < 0.4
