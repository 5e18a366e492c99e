"""Labels that are dealt anew tell nothing, for any method, and are dealt alike wherever a recording is seen."""

from __future__ import annotations

import numpy as np
import pytest
from invented import invented_corpus

from offline.corpus.corpus import UNLABELLED
from offline.corpus.label_shuffle import shuffled
from offline.evaluation.evaluate import evaluate
from offline.evaluation.experiment import ExperimentRequest
from offline.training.training_run import TrainingSettings
from rtemo.model.network import NetworkConfig

SMALL = NetworkConfig(channel_width=16, queries=2, pool_heads=2, width=32, layers=1, heads=2, joint_tokens=1)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return invented_corpus(tmp_path_factory.mktemp("shuffled"), 12)


def by_clip(shard):
    """Trial -> the labels of its windows."""
    rows = shard.rows
    return {int(t): set(rows["label"][rows["trial"] == t].tolist()) for t in np.unique(rows["trial"])}


def test_clips_keep_one_label_each_and_sessions_their_labels(people):
    dealt, again = shuffled(people, 3), shuffled(people, 3)
    changed = 0
    for before, after, same in zip(people, dealt, again, strict=True):
        known, new = by_clip(before), by_clip(after)
        assert by_clip(same) == new
        assert {t for t, labels in known.items() if labels == {UNLABELLED}} == {
            t for t, labels in new.items() if labels == {UNLABELLED}
        }
        assert sorted(map(sorted, known.values())) == sorted(map(sorted, new.values()))
        changed += known != new
    assert changed > 9
    assert len({str(by_clip(shard)) for shard in dealt}) > 9  # everybody's are dealt for themselves
    assert dealt.fingerprint != people.fingerprint


@pytest.mark.parametrize("method", ["early-fusion", "network"])
def test_methods_find_what_is_there_and_nothing_where_labels_are_dealt_anew(people, method):
    training = TrainingSettings(epochs=2, rate=3e-3, network=SMALL)
    asked = {"method": method, "training": training, "people_out": 4, "seed": 2}
    found, nothing = (
        evaluate(people, ExperimentRequest(**asked, shuffle=shuffle))["balanced_accuracy"]["window"]
        for shuffle in (False, True)
    )
    assert found["low"] > 0.35
    assert nothing["low"] < 0.25 < nothing["high"]
