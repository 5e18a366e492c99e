from __future__ import annotations

import sys
from dataclasses import replace

import pytest
import torch
from pretrain_settings import SETTINGS as PRETRAIN
from pretrain_settings import SMALL

from offline.benchmarks import few_labels as ablation
from offline.benchmarks import training_speed as bench_training
from offline.benchmarks.few_labels import ablate, accuracies, deal
from offline.pretraining.pretrain import pretrain
from offline.training.finetune import fit
from offline.training.frozen_network import FrozenNetwork
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError
from rtemo.model.network import Network

SETTINGS = TrainingSettings(device="cpu", epochs=4, batch=64, per_trial=6, rate=3e-3, least_steps=1, network=SMALL)


def people(shards):
    return {shard.about.subject for shard in shards}


def test_who_is_tested_is_neither_trained_nor_selected_on_and_stays_the_same_with_fewer_people(corpus):
    many, few = deal(corpus, 9, 3), deal(corpus, 2, 3)
    assert [len(people(side)) for side in many] == [9, 5, 14]
    assert len(set().union(*map(people, many))) == 28
    assert people(few[0]) < people(many[0])
    assert [people(side) for side in few[1:]] == [people(side) for side in many[1:]]
    assert people(deal(corpus, 9, 4)[2]) != people(many[2])


def test_what_is_learned_shows_and_what_is_not_is_at_chance(corpus):
    found = ablate(corpus, SETTINGS, None, 11, [0], {})
    assert found["joint"][0] > 0.35
    network, heads = fit(corpus.shards[:2], corpus.shards[2:4], TrainingSettings(max_minutes=0.0, network=SMALL))
    torch.nn.init.zeros_(heads.linear["joint"].weight)
    assert accuracies(FrozenNetwork(network), heads, corpus.shards[5])["joint"] == 0.25


def test_a_frozen_network_is_asked_no_window_twice(corpus, embedded):
    given, frozen, probing = Network(SMALL).state_dict(), {}, replace(SETTINGS, mode="probe")
    ablate(corpus, probing, given, 2, [0], frozen)
    first = sum(embedded)
    again = ablate(corpus, probing, given, 2, [0], frozen)
    assert sum(embedded) == first > 0
    assert again["joint"][0] > 0.2


def test_the_benchmark_trains_and_tells_the_speed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bench", "--channels", "3", "--steps", "1"])
    assert bench_training.main() == 0
    assert "windows/s" in capsys.readouterr().out


def test_the_command_prints_a_line_for_each_number_of_people(corpus, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(ablation, "ablate", lambda *args: asked.append(args) or {"joint": [0.5]})
    monkeypatch.setattr(sys, "argv", ["ablation", "--corpus", str(corpus.path), "--people", "2", "3", "--seeds", "1"])
    assert ablation.main() == 0
    assert [(call[3], list(call[4])) for call in asked] == [(2, [0]), (3, [0])]
    assert capsys.readouterr().out.count("\n") == 2


def test_weights_that_know_the_corpus_are_refused(corpus, tmp_path, monkeypatch):
    pretrain([corpus], replace(PRETRAIN, steps=1), tmp_path / "p.pt")
    monkeypatch.setattr(sys, "argv", ["ablation", "--corpus", str(corpus.path), "--init", str(tmp_path / "p.pt")])
    with pytest.raises(RtemoError, match="was trained on people"):
        ablation.main()
