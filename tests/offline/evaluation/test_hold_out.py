"""Pretraining that is nested in an evaluation: what a fold tests is not seen, and each fold has weights of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from invented import invented_sessions
from pretrain_settings import SETTINGS

from offline.__main__ import main
from offline.cli import training_commands as commands
from offline.evaluation.compare import rows_of
from offline.evaluation.evaluate import evaluate
from offline.evaluation.experiment import ExperimentRequest, held_out
from offline.pretraining.pretrain import pretrain
from offline.training.initial_weights import read_initial
from rtemo.core.errors import RtemoError

FOLDS = (0, 5)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    return invented_sessions(tmp_path_factory.mktemp("sessions"))


@pytest.fixture(scope="module")
def nested(sessions, tmp_path_factory):
    """p-0.pt and p-5.pt, each without what its fold of leave-clip-out tests."""
    folder = tmp_path_factory.mktemp("nested")

    def small(data, chosen, *args):
        network, masking = SETTINGS.network, replace(chosen.masking, group=8)
        return pretrain(data, replace(chosen, network=network, masking=masking, steps=1, batch=48, device="cpu"), *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "run_pretraining", small)
        for fold in FOLDS:
            arguments = ["pretrain", "--corpus", str(sessions.path), "--out", str(folder / f"p-{fold}.pt")]
            held = [
                "--hold-out",
                str(sessions.path),
                "leave-clip-out",
                str(fold),
                "--seed",
                "3",
                "--shared-clip",
                "0.5",
            ]
            assert main([*arguments, *held]) == 0
    return folder


@pytest.mark.parametrize("fold", FOLDS)
def test_what_a_fold_tests_is_not_in_its_weights_and_everything_else_is(sessions, nested, fold):
    people, clips = held_out(sessions, ExperimentRequest("leave-clip-out", seed=3, folds=(fold,)))
    known = read_initial(nested / f"p-{fold}.pt")
    assert (len(people), len(clips)) == (1, 4)
    assert set(known.people) == {f"invented/p{n:03d}" for n in range(5)} - set(people)
    assert set(known.clips) == {f"film {n}" for n in range(1, 17)} - set(clips)


def test_each_fold_begins_from_its_own_weights(sessions, nested, tmp_path):
    out = tmp_path / "r.json"
    arguments = ["evaluate", "--corpus", str(sessions.path), "--protocol", "leave-clip-out", "--seed", "3", "--probe"]
    own = ["--init", str(nested / "p-{fold}.pt")]
    assert main([*arguments, *own, "--folds", "0,5", "--out", str(out)]) == 0
    both = json.loads(out.read_text(encoding="utf-8"))
    assert both["init"] == str(nested / "p-{fold}.pt")
    assert both["n_subjects"] == 2
    one = ["--init", str(nested / "p-5.pt"), "--folds", "5", "--out", str(tmp_path / "five.json")]
    assert main([*arguments, *one]) == 0
    five = json.loads((tmp_path / "five.json").read_text(encoding="utf-8"))["per_subject"]
    assert [person for person in both["per_subject"] if person["subject"] == five[0]["subject"]] == five


def test_seeds_with_weights_of_their_own_are_one_row_of_a_comparison(sessions, nested, tmp_path):
    for fold in FOLDS:
        shutil.copy(nested / f"p-{fold}.pt", tmp_path / f"q-3-{fold}.pt")
    arguments = ["evaluate", "--corpus", str(sessions.path), "--protocol", "leave-clip-out", "--seed", "3", "--probe"]
    own = ["--init", str(tmp_path / "q-{seed}-{fold}.pt"), "--folds", "0,5", "--out", str(tmp_path / "3.json")]
    assert main([*arguments, *own]) == 0
    third = json.loads((tmp_path / "3.json").read_text(encoding="utf-8"))
    (row,) = rows_of([third, {**third, "seed": 4}])
    assert row.seeds == (3, 4)


def test_the_weights_of_another_fold_are_refused(sessions, nested, tmp_path, capsys):
    arguments = ["evaluate", "--corpus", str(sessions.path), "--protocol", "leave-clip-out", "--seed", "3", "--probe"]
    for folds, init, said in (
        ("5", "p-0.pt", "pretraining has seen"),
        ("0,1", "p-{fold}.pt", "p-1.pt"),  # which is not there
    ):
        out = tmp_path / f"{folds}.json"
        assert main([*arguments, "--init", str(nested / init), "--folds", folds, "--out", str(out)]) == 2
        assert said in capsys.readouterr().err
        assert not out.exists()


def test_weights_that_know_the_clips_but_not_the_people_are_refused(sessions, tmp_path):
    people, _ = held_out(sessions, ExperimentRequest("leave-clip-out", seed=3, folds=(0,)))
    pretrain([sessions], replace(SETTINGS, steps=1), tmp_path / "p.pt", people)
    request = ExperimentRequest("leave-clip-out", seed=3, folds=(0,), init=tmp_path / "p.pt", method="probe")
    with pytest.raises(RtemoError, match="has seen clips film"):
        evaluate(sessions, request)


def test_in_loso_only_people_are_held_out(sessions):
    people, clips = held_out(sessions, ExperimentRequest("loso", folds=(1, 2)))
    assert people == ("invented/p001", "invented/p002")
    assert clips == ()


def test_a_run_without_the_same_clips_is_not_taken_up(sessions, tmp_path):
    few = replace(SETTINGS, steps=1)
    pretrain([sessions], few, tmp_path / "p.pt", exclude_clips=["film 1"])
    with pytest.raises(RtemoError, match="other clips"):
        pretrain([sessions], few, tmp_path / "p.pt")


def test_a_protocol_that_is_not_there_is_refused(sessions, tmp_path, capsys):
    arguments = ["pretrain", "--corpus", str(sessions.path), "--out", str(tmp_path / "p.pt")]
    for protocol, fold, said in (("lotto", "0", "no protocol 'lotto'"), ("loso", "9", "no such folds")):
        assert main([*arguments, "--hold-out", str(sessions.path), protocol, fold]) == 2
        assert said in capsys.readouterr().err


def test_a_fold_that_is_no_number_is_refused(tmp_path, capsys):
    arguments = ["pretrain", "--corpus", "c", "--out", str(tmp_path / "p.pt"), "--hold-out", "c", "loso", "first"]
    assert main(arguments) == 2
    assert "fold's number" in capsys.readouterr().err
