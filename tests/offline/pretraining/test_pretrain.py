from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from invented import invented_corpus
from pretrain_settings import FEW_STEPS, SETTINGS, SMALL

import offline.pretraining.pretrain
from offline.__main__ import main
from offline.cli import training_commands as commands
from offline.pretraining.objectives import Objectives, Weights
from offline.pretraining.pretrain import PretrainSettings, log_path, pretrain
from offline.splits import split_subjects
from offline.training.checkpoint import load_checkpoint
from offline.training.finetune import fit
from offline.training.initial_weights import read_initial
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings

HERE, REPOSITORY = Path(__file__).parent, Path(__file__).parents[3]
SHARED = HERE.parent  # what several tests are made with
FINETUNE = TrainingSettings(
    seed=1, device="cpu", epochs=3, batch=64, per_trial=3, rate=3e-3, least_steps=1, network=SMALL
)


@pytest.fixture(scope="module")
def blind(tmp_path_factory):
    """Nobody's eyes are recorded."""
    return invented_corpus(tmp_path_factory.mktemp("blind"), 6, first=200, with_eyes=False)


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    """Nobody's emotions are known."""
    return invented_corpus(tmp_path_factory.mktemp("unlabelled"), 5, first=300, labelled=False)


@pytest.fixture(scope="module")
def corpora(blind, unlabelled):
    return [blind, unlabelled]


@pytest.fixture(scope="module")
def done(corpora, tmp_path_factory):
    path = tmp_path_factory.mktemp("pretrained") / "p.pt"
    return pretrain(corpora, SETTINGS, path), path


def read_log(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def same_weights(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_pretraining_on_corpora_without_eyes_and_without_labels_lowers_the_loss(done):
    log = read_log(log_path(done[1]))
    assert [line["step"] for line in log] == [0, 2, 4, 6, 8, 10]
    assert log[-1]["loss"] < 0.9 * log[0]["loss"]


def test_the_log_tells_of_collapse_and_of_terms_that_pull_against_each_other(done):
    line = read_log(log_path(done[1]))[-1]
    for head in ("eeg", "eye", "joint"):
        assert line[f"std_{head}"] > 0.1
        assert line[f"rank_{head}"] > 5
    for term in ("latent", "collapse", "spectral", "cross"):
        assert line[f"gradient_{term}"] > 0
        assert -1 <= line[f"cosine_{term}"] <= 1


def test_the_checkpoint_says_who_was_in_it(done, corpora):
    people = read_initial(done[1]).people
    assert people == tuple(sorted(f"invented/{who}" for corpus in corpora for who in corpus.subjects))


def test_who_is_excluded_is_neither_read_nor_named(corpora, tmp_path, monkeypatch):
    drawn = set()
    original = offline.pretraining.pretrain.Sampler

    def watch(shards, *args):
        drawn.update(shard.about.subject for one in shards for shard in one)
        return original(shards, *args)

    monkeypatch.setattr(offline.pretraining.pretrain, "Sampler", watch)
    out = ("invented/p200", "invented/p303")
    state = pretrain(corpora, replace(SETTINGS, steps=1), tmp_path / "p.pt", out)
    assert not drawn & {"p200", "p303"}
    assert not set(state.people) & set(out)
    assert len(drawn) == len(state.people) == 9
    with pytest.raises(RtemoError, match=r"nobody.*p999.*invented/p200"):
        pretrain(corpora, SETTINGS, tmp_path / "q.pt", ["invented/p999"])


def test_an_interrupted_run_goes_on_bit_by_bit_as_if_it_had_not_stopped(corpora, done, tmp_path, monkeypatch):
    path, calls = tmp_path / "p.pt", []
    original = offline.pretraining.pretrain._step

    def stop_in_the_seventh(*args):
        calls.append(args)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(offline.pretraining.pretrain, "_step", stop_in_the_seventh)
    with pytest.raises(KeyboardInterrupt):
        pretrain(corpora, SETTINGS, path)
    monkeypatch.setattr(offline.pretraining.pretrain, "_step", original)
    assert load_checkpoint(path, "pretrain")["step"] == 4
    resumed = pretrain(corpora, SETTINGS, path)
    assert same_weights(resumed.network.state_dict(), done[0].network.state_dict())
    assert same_weights(resumed.objectives.state_dict(), done[0].objectives.state_dict())
    assert read_log(log_path(path)) == read_log(log_path(done[1]))


def test_no_time_leaves_a_checkpoint_that_can_be_resumed(corpora, done, tmp_path):
    path = tmp_path / "p.pt"
    assert pretrain(corpora, replace(SETTINGS, max_minutes=0.0), path).step == 0
    assert same_weights(pretrain(corpora, SETTINGS, path).network.state_dict(), done[0].network.state_dict())


def test_two_processes_do_what_one_does_with_the_whole_batch(corpora, tmp_path):
    path, alone = tmp_path / "two.pt", tmp_path / "one.pt"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(HERE / "two_processes.py"), str(path), *(str(corpus.path) for corpus in corpora)]
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{SHARED}", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=150)
    assert ran.returncode == 0, ran.stderr
    network = pretrain(corpora, FEW_STEPS, alone).network.state_dict()
    for name, value in load_checkpoint(path, "pretrain")["network"].items():
        torch.testing.assert_close(value, network[name], atol=1e-3, rtol=0)  # Adam makes much of rounding where a
        # gradient is nearly 0; the gradients themselves agree better:
    for two, one in zip(read_log(log_path(path)), read_log(log_path(alone)), strict=True):
        assert two == pytest.approx(one, rel=1e-3, abs=1e-4)


def test_a_batch_that_cannot_be_shared_out_is_refused(corpora, tmp_path):
    with pytest.raises(RtemoError, match="multiple of 24"):
        pretrain(corpora, replace(SETTINGS, batch=50), tmp_path / "p.pt")


@pytest.mark.parametrize(
    ("change", "what"),
    [({"rate": 1e-4}, "rate"), ({"seed": 9}, "seed"), ({"steps": 99}, "steps"), ({"weights": Weights(0.5)}, "weights")],
)
def test_a_run_of_other_settings_is_not_taken_up(corpora, done, change, what):
    with pytest.raises(RtemoError, match=what):
        pretrain(corpora, replace(SETTINGS, **change), done[1])


def test_a_run_on_other_corpora_or_people_is_not_taken_up(corpora, done):
    with pytest.raises(RtemoError, match="other corpora"):
        pretrain(corpora[:1], SETTINGS, done[1])
    with pytest.raises(RtemoError, match="other people"):
        pretrain(corpora, SETTINGS, done[1], ["invented/p200"])


def test_a_checkpoint_of_the_other_kind_is_refused(corpora, corpus, done, tmp_path):
    commands.train(corpus, replace(FINETUNE, epochs=1), tmp_path / "f.pt")
    with pytest.raises(RtemoError, match="written by finetune; wanted: pretrain"):
        pretrain(corpora, SETTINGS, tmp_path / "f.pt")
    with pytest.raises(RtemoError, match="written by pretrain; wanted: finetune"):
        commands.export(done[1], None, tmp_path / "b", "x")


def test_corpora_built_with_different_settings_are_refused_together(corpora, tmp_path):
    other = replace(PipelineSettings(), eeg_prior_level=9.0).to_dict()
    with pytest.raises(RtemoError, match="other pipeline settings"):
        pretrain([corpora[0], replace(corpora[1], pipeline=other)], SETTINGS, tmp_path / "p.pt")


def test_the_hop_of_a_corpus_is_its_own_business(corpora, tmp_path):
    other = PipelineSettings.from_dict(corpora[1].pipeline).with_hop(2.0).to_dict()
    settings = replace(SETTINGS, steps=1)
    assert pretrain([corpora[0], replace(corpora[1], pipeline=other)], settings, tmp_path / "p.pt").step == 1


def test_windows_that_do_not_fit_the_network_are_refused(corpora, tmp_path):
    with pytest.raises(RtemoError, match="do not fit the network"):
        pretrain(corpora, replace(SETTINGS, network=replace(SMALL, bands=21)), tmp_path / "p.pt")


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_term(corpora, tmp_path, monkeypatch):
    monkeypatch.setattr(Objectives, "_spectral", lambda *args: torch.tensor(float("nan"), requires_grad=True))
    with pytest.raises(RtemoError, match="not finite: spectral; step 0"):
        pretrain(corpora, SETTINGS, tmp_path / "p.pt")
    assert not (tmp_path / "p.pt").exists()


def test_fine_tuning_begins_from_it_and_refuses_other_settings_and_known_people(corpus, done, tmp_path, monkeypatch):
    network, _ = fit(
        corpus.shards[:9], corpus.shards[9:12], replace(FINETUNE, max_minutes=0.0), read_initial(done[1]).weights
    )
    given = done[0].network.state_dict()
    assert all(torch.equal(value, given[name].half().float()) for name, value in network.state_dict().items())
    loud = replace(corpus, pipeline=replace(PipelineSettings(), eeg_prior_level=9.0).to_dict())
    with pytest.raises(RtemoError, match="other pipeline settings"):
        read_initial(done[1]).check_fits(loud)
    held_out = split_subjects(corpus.subjects, FINETUNE.seed).test[0]
    pretrain([corpus], replace(SETTINGS, steps=1), tmp_path / "p.pt")
    with pytest.raises(RtemoError, match=r"held out.*--exclude"):
        commands.finetune(corpus.path, tmp_path / "b", "x", FINETUNE, tmp_path / "p.pt", resume=False)
    known = read_initial(tmp_path / "p.pt").people
    assert f"invented/{held_out}" in known


def test_tensorboard_gets_the_same_numbers_where_it_is_asked_for(corpora, tmp_path):
    pytest.importorskip("tensorboard")
    pretrain(corpora, replace(SETTINGS, steps=1), tmp_path / "p.pt", tensorboard=tmp_path / "board")
    (file,) = (tmp_path / "board").iterdir()
    assert b"cosine_latent" in file.read_bytes()


def test_without_tensorboard_asking_for_it_is_one_clear_error(corpora, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(RtemoError, match="not installed"):
        pretrain(corpora, SETTINGS, tmp_path / "p.pt", tensorboard=tmp_path / "board")


def test_the_command_pretrains_says_how_far_it_is_and_overwrites_nothing(corpora, tmp_path, capsys, monkeypatch):
    settings = []

    def record(data, chosen, *args):
        settings.append(chosen)
        return pretrain(data, replace(SETTINGS, steps=chosen.steps, batch=chosen.batch), *args)

    monkeypatch.setattr(commands, "run_pretraining", record)
    out, paths = tmp_path / "p.pt", [str(corpus.path) for corpus in corpora]
    arguments = ["pretrain", "--corpus", *paths, "--out", str(out), "--steps", "1", "--batch", "24", "--seed", "4"]
    assert main([*arguments, "--exclude", "invented/p200"]) == 0
    assert capsys.readouterr().out == f"{out}: 1 of 1 steps\n"
    assert (settings[0].seed, settings[0].steps, settings[0].batch) == (4, 1, 24)
    assert "invented/p200" not in read_initial(out).people
    assert main(arguments) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, "--exclude", "invented/p200", "--resume"]) == 0
    assert json.loads(log_path(out).read_text(encoding="utf-8").splitlines()[0])["step"] == 0


def test_the_terms_are_set_on_the_command_line(corpora, tmp_path, monkeypatch, capsys):
    settings = []
    monkeypatch.setattr(commands, "pretrain", lambda *args, **options: settings.append(args[2]) or 0)
    arguments = ["pretrain", "--corpus", str(tmp_path), "--out", str(tmp_path / "p.pt")]
    chosen = ["--weight", "spectral=0", "cross=0.5", "--against", "vicreg", "--mask", "0.25", "--neighbour", "0"]
    others = ["--group", "1", "--shared-clip", "0.3", "--channel-dropout", "0.1", "--layers", "2", "--width", "80"]
    assert main([*arguments, *chosen, *others]) == 0
    weights, masking, network = settings[0].weights, settings[0].masking, settings[0].network
    assert (weights.spectral, weights.cross, weights.latent, weights.against) == (0.0, 0.5, 1.0, "vicreg")
    assert (masking.frames, masking.neighbour, masking.group, masking.shared_clip) == (0.25, 0.0, 1, 0.3)
    assert (masking.channel_dropout, network.layers, network.width) == (0.1, 2, 80)
    assert main(arguments) == 0
    assert settings[1] == PretrainSettings()
    for wrong in ("spectral", "spectral=much", "colour=1"):
        assert main([*arguments, "--weight", wrong]) == 2
    for name, wrong in (("--width", "81"), ("--width", "0"), ("--layers", "0")):
        assert main([*arguments, name, wrong]) == 2
        assert f"{name} {wrong}" in capsys.readouterr().err
    assert len(settings) == 2


def test_a_disk_that_is_full_is_an_error_and_the_run_can_be_resumed(corpora, done, tmp_path):
    path = tmp_path / "p.pt"
    pretrain(corpora, replace(SETTINGS, max_minutes=0.0), path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(RtemoError, match="cannot be written"):
            pretrain(corpora, SETTINGS, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert same_weights(pretrain(corpora, SETTINGS, path).network.state_dict(), done[0].network.state_dict())
    assert read_log(log_path(path)) == read_log(log_path(done[1]))
