"""What an experiment promises: no leak, every field, the same after an interruption."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from invented import invented_corpus, invented_sessions

import offline.evaluation.evaluate as module
import offline.evaluation.experiment
from offline.__main__ import main
from offline.evaluation.evaluate import evaluate
from offline.evaluation.experiment import ExperimentRequest, splits_of
from offline.evaluation.folds import run_fold
from offline.evaluation.methods import METHODS
from offline.evaluation.window_table import tabulate
from offline.fit.cross_fit import cross_fit, fit_data
from offline.splits import Split, check
from offline.training.initial_weights import InitialWeights
from offline.workers import Workers
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings
from rtemo.model.network import NetworkConfig

FIELDS = {
    *("accuracy", "balanced_accuracy", "f1_macro", "kappa", "ece", "nll", "per_subject", "chance", "n_windows"),
    *("n_trials", "n_subjects", "protocol", "modalities", "init", "baseline", "method", "seed", "corpus", "seconds"),
    "versions",
}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return invented_corpus(tmp_path_factory.mktemp("people"), 8)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    return invented_sessions(tmp_path_factory.mktemp("sessions"))


def test_a_result_has_every_field_of_the_design_and_is_json(people):
    result = evaluate(people, ExperimentRequest(method="de-lr", folds=(0, 2)))

    assert result.keys() >= FIELDS
    assert json.loads(json.dumps(result)) == result
    assert result["method"] == result["baseline"] == "de-lr"
    for name in ("accuracy", "balanced_accuracy", "f1_macro", "kappa", "ece", "nll", "aurc"):
        for level in ("window", "trial"):
            score = result[name][level]
            assert score["low"] <= score["value"] <= score["high"]
    assert (result["n_subjects"], result["n_trials"], result["n_windows"]) == (2, 16, 96)
    assert [person["subject"] for person in result["per_subject"]] == ["invented/p000", "invented/p002"]
    assert result["corpus"]["fingerprint"] == people.fingerprint
    assert result["chance"] == 0.25
    assert np.array(result["confusion"]["window"]).sum() == 96
    assert result["risk_coverage"][-1]["coverage"] == 1.0


@pytest.mark.parametrize("protocol", ["loso", "cross-session", "subject-dependent", "leave-clip-out"])
def test_every_protocol_runs_and_each_of_its_splits_is_checked(sessions, protocol, monkeypatch):
    checked = []
    monkeypatch.setattr(module, "check", lambda split, *rest: (checked.append(split.name), check(split, *rest)))
    result = evaluate(sessions, ExperimentRequest(protocol=protocol, method="de-lr"))

    assert len(checked) == len(result["folds"]) > 0
    assert result["n_subjects"] == 5
    assert result["balanced_accuracy"]["window"]["value"] > 0.3


def test_several_people_may_be_tested_at_a_time_and_each_keeps_a_score_of_their_own(people):
    result = evaluate(people, ExperimentRequest(method="de-lr", people_out=3))
    assert (len(result["folds"]), result["n_subjects"], result["people_out"]) == (3, 8, 3)
    assert len({person["subject"] for person in result["per_subject"]}) == 8


def test_a_split_that_leaks_is_refused_before_anything_is_fitted(people, monkeypatch):
    def leaky(ids, seed, people_out):
        rows = np.flatnonzero(ids.label >= 0)
        yield Split("loso", "bad", rows[::3], rows[1::3], rows[2::3], ("subject",), ("subject",))

    fitted = []
    monkeypatch.setattr(offline.evaluation.experiment, "loso", leaky)
    monkeypatch.setattr(module, "run_fold", lambda *a: fitted.append(a))
    with pytest.raises(RtemoError, match="lie in both"):
        evaluate(people, ExperimentRequest(method="de-lr"))
    assert not fitted


def test_a_split_whose_tested_person_was_pretrained_on_is_refused(people, tmp_path, monkeypatch):
    known = InitialWeights(
        tmp_path, "pretrain", {}, NetworkConfig(), ("invented/p003",), PipelineSettings().with_hop(1.0), ()
    )
    monkeypatch.setattr(module, "read_initial", lambda path: known)
    monkeypatch.setattr(module, "run_fold", lambda *_: pytest.fail("fitted"))
    with pytest.raises(RtemoError, match="pretraining has seen invented/p003"):
        evaluate(people, ExperimentRequest(init=tmp_path))


def test_fewer_training_people_are_among_more_and_selection_shrinks_too(people):
    ids = tabulate(people).ids
    some = {n: list(splits_of(ids, ExperimentRequest(train_subjects=n), "invented")) for n in (1, 2, 4)}

    for one, two, four in zip(*some.values(), strict=True):
        who = [set(ids.subject[split.train]) for split in (one, two, four)]
        assert [len(w) for w in who] == [1, 2, 4]
        assert who[0] < who[1] < who[2]
        assert len(set(ids.subject[four.validation])) == 1
    with pytest.raises(RtemoError, match="99 people"):
        list(splits_of(ids, ExperimentRequest(train_subjects=99), "invented"))


def test_an_interrupted_run_goes_on_and_ends_the_same(people, tmp_path, monkeypatch):
    request, whole = ExperimentRequest(method="de-lr", folds=(0, 1, 2)), None
    whole = evaluate(people, request)
    done = []

    def breaks(experiment, split):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(split.name)
        return run_fold(experiment, split)

    monkeypatch.setattr(module, "run_fold", breaks)
    with pytest.raises(KeyboardInterrupt):
        evaluate(people, request, keep=tmp_path)
    monkeypatch.setattr(module, "run_fold", lambda e, s: (done.append(s.name), run_fold(e, s))[1])
    resumed = evaluate(people, request, keep=tmp_path)

    assert len(done) == 3
    timed = ("seconds", "fold_seconds", "folds")
    assert {k: v for k, v in resumed.items() if k not in timed} == {k: v for k, v in whole.items() if k not in timed}


def test_folds_that_were_kept_are_not_taken_for_another_request(people, tmp_path):
    evaluate(people, ExperimentRequest(method="de-lr", folds=(0,)), keep=tmp_path)
    evaluate(people, ExperimentRequest(method="de-lr", folds=(0,), seed=1), keep=tmp_path)

    assert len(list(tmp_path.iterdir())) == 2


def test_two_processes_give_what_one_gives(people):
    one, two = (evaluate(people, ExperimentRequest(method="de-lr", folds=(0, 1)), workers=Workers(n)) for n in (1, 2))

    assert one["per_subject"] == two["per_subject"]


def test_another_version_of_the_people_is_scored_with_the_same_models(people, tmp_path):
    noisy = invented_corpus(tmp_path, 8, effect=0.0)
    result = evaluate(
        people, ExperimentRequest(method="early-fusion", folds=(0, 1, 2)), tests={"same": people, "gone": noisy}
    )

    assert result["tests"]["same"]["per_subject"] == result["per_subject"]
    assert result["tests"]["gone"]["balanced_accuracy"]["window"]["value"] < 0.35
    assert result["tests"]["gone"]["n_windows"] == result["n_windows"]


def test_windows_of_something_else_look_novel(people, tmp_path):
    strange = invented_corpus(tmp_path, 3, first=50, effect=12.0)
    result = evaluate(people, ExperimentRequest(method="early-fusion", folds=(0, 1)), ood={"strange": strange})

    assert result["ood"]["strange"]["value"] > 0.85


def test_sets_cover_what_they_say_and_say_when_nothing_is_promised(tmp_path):
    result = evaluate(invented_corpus(tmp_path, 30), ExperimentRequest(method="late-fusion", folds=tuple(range(6))))

    assert result["sets"]["0.8"]["coverage"]["value"] == pytest.approx(0.8, abs=0.06)
    assert result["sets"]["0.9"]["coverage"]["value"] > result["sets"]["0.8"]["coverage"]["value"]
    assert result["sets"]["0.9"]["size"]["value"] > result["sets"]["0.8"]["size"]["value"]
    assert not any(fold["promised"] for fold in result["folds"])  # 6 people to calibrate on, 0.9 needs 9


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ExperimentRequest(method="magic"), "no method 'magic'"),
        (ExperimentRequest(protocol="random"), "no protocol"),
        (ExperimentRequest(method="de-lr", modalities=("eye",)), "does not look at eye"),
        (ExperimentRequest(modalities=("ear",)), "unknown modalities"),
        (ExperimentRequest(method="probe"), "nothing to probe"),
        (ExperimentRequest(method="de-lr", folds=(8,)), "no such folds"),
        (ExperimentRequest(protocol="cross-session", method="de-lr"), "no fold here"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(people, request_, message):
    with pytest.raises(RtemoError, match=message):
        evaluate(people, request_)


def test_the_commands_write_a_result_and_compare_two(people, tmp_path, capsys):
    for option, name in (("--method", "late-fusion"), ("--baseline", "majority")):
        out = str(tmp_path / f"{name}.json")
        arguments = ["--quiet", "evaluate", "--corpus", str(people.path), "--protocol", "loso", option, name]
        assert main([*arguments, "--out", out]) == 0
        assert main([*arguments, "--out", out]) == 2  # it is there already
    assert sorted(path.name for path in tmp_path.iterdir()) == ["late-fusion.json", "majority.json"]
    capsys.readouterr()
    assert main(["compare", str(tmp_path / "late-fusion.json"), str(tmp_path / "majority.json")]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert "chance 0.250" in lines[0]
    assert lines[2].startswith("late-fusion, eeg+eye")
    assert lines[3].split()[-2:] == ["-0.461", "0.0078"]  # eight people who all do better: 2 / 2^8


def test_the_command_sets_the_training_and_tests_other_versions_too(people, tmp_path, monkeypatch):
    asked = []

    def record(corpus, request_, **options):
        asked.append((request_, options))
        raise RtemoError("enough", "", "")

    monkeypatch.setattr(module, "evaluate", record)
    line = f"evaluate --corpus {people.path} --protocol loso --out {tmp_path / 'r.json'} --people-out 3 --epochs 0"
    assert (
        main([*line.split(), "--windows", "5", "--rate", "0.001", "--per-trial", "7", "--test", str(people.path)]) == 2
    )
    ((request_, options),) = asked
    assert (request_.people_out, request_.training.epochs, request_.training.per_trial) == (3, 0, 5)
    assert request_.per_trial == 7
    assert request_.training.rate == 0.001
    assert request_.training.batch == ExperimentRequest().training.batch
    assert list(options["tests"]) == [people.path.name]


def test_a_trial_gives_one_window_at_least(people, tmp_path, capsys):
    line = f"evaluate --corpus {people.path} --protocol loso --method de-lr --out {tmp_path / 'r.json'} --per-trial 0"
    assert main(line.split()) == 2
    assert "0 windows of each trial" in capsys.readouterr().err


def test_results_of_several_seeds_are_one_row_and_other_corpora_are_refused(people, tmp_path, capsys):
    from offline.evaluation.compare import rows_of

    results = [evaluate(people, ExperimentRequest(method="de-lr", seed=seed, folds=(0, 1))) for seed in (0, 1)]
    (row,) = rows_of(results)
    first = [result["per_subject"][0]["window"]["balanced_accuracy"] for result in results]

    assert row.seeds == (0, 1)
    assert row.window["invented/p000"] == pytest.approx(np.mean(first))
    with pytest.raises(RtemoError, match="twice with one seed"):
        rows_of([results[0], results[0]])
    with pytest.raises(RtemoError, match="different corpora"):
        rows_of([results[0], results[1] | {"corpus": {"fingerprint": "other"}}])


def test_a_dask_scheduler_gives_what_one_process_gives(people):
    distributed = pytest.importorskip("distributed")
    request, data = ExperimentRequest(method="late-fusion", folds=(0, 1)), fit_data(people, 0, 3)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        workers = Workers(scheduler=cluster.scheduler_address)
        there = evaluate(people, request, workers=workers)
        fitted_there = cross_fit(data, "late-fusion", METHODS["late-fusion"], workers)
    assert there["per_subject"] == evaluate(people, request)["per_subject"]
    fitted = cross_fit(data, "late-fusion", METHODS["late-fusion"])
    assert (fitted_there.calibration, fitted_there.chosen) == (fitted.calibration, fitted.chosen)


def test_a_recording_that_is_sent_to_a_worker_takes_no_arrays_along(people):
    shard = people.shards[0]
    assert len(shard.eeg) == len(shard.rows)
    sent = pickle.dumps(shard)
    assert len(sent) < 4_000
    np.testing.assert_array_equal(pickle.loads(sent).eeg, shard.eeg)
