"""The arguments of `evaluate` and `compare`, and what these commands read and write."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from rtemo.core.errors import RtemoError

SCHEDULER_HELP = "on the workers of a Dask scheduler, which see the same folders"
PROTOCOLS = ("loso", "cross-session", "subject-dependent", "leave-clip-out")


def add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `evaluate`."""
    parser = commands.add_parser("evaluate", help="measure a method on people, sessions or clips that it has not seen")
    parser.set_defaults(run=_evaluate)
    parser.add_argument("--corpus", type=Path, required=True, metavar="C", help="folder written by build")
    parser.add_argument("--protocol", choices=PROTOCOLS, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="result.json to write")
    parser.add_argument(
        *("--method", "--baseline"),  # --baseline was its name once, and stays
        metavar="NAME",
        help="a method to compare the network with, instead of the network; an unknown name lists all",
    )
    parser.add_argument(
        "--init", type=Path, metavar="CKPT", help="checkpoint or bundle to begin from; {fold}, {seed}: their numbers"
    )
    parser.add_argument("--probe", action="store_true", help="freeze the network of --init and fit new heads only")
    parser.add_argument("--modalities", default="eeg,eye", metavar="M,M", help="default eeg,eye")
    parser.add_argument("--folds", metavar="N,N", help="only these, counted from 0 (default: all)")
    parser.add_argument("--train-subjects", type=int, metavar="N", help="people with labels to train on (default: all)")
    parser.add_argument("--people-out", type=int, default=1, metavar="N", help="loso: tested at a time (default 1)")
    parser.add_argument(
        "--per-trial", type=int, default=40, metavar="N", help="windows of each trial to fit on, at most (default 40)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="of the network's training")
    parser.add_argument("--windows", type=int, metavar="N", help="of each trial in an epoch of the network's training")
    parser.add_argument("--rate", type=float, metavar="R", help="of the network's training")
    parser.add_argument("--shuffle", action="store_true", help="deal labels anew over clips: a control, all is chance")
    parser.add_argument("--ood", type=Path, action="append", default=[], metavar="C", help="corpus of something else")
    parser.add_argument(
        "--test", type=Path, action="append", default=[], metavar="C", help="other version of the same recordings"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="folds at a time (default 1)")
    parser.add_argument("--scheduler", default="", metavar="tcp://HOST:PORT", help=SCHEDULER_HELP)


def add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `compare`."""
    parser = commands.add_parser("compare", help="results side by side, with paired tests against the first")
    parser.set_defaults(run=_compare)
    parser.add_argument("results", type=Path, nargs="+", metavar="FILE", help="files written by evaluate")


def add_ratings(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `ratings`."""
    parser = commands.add_parser(
        "ratings", help="how well ratings, such as valence and arousal, are predicted for people held out in turn"
    )
    parser.set_defaults(run=_ratings)
    parser.add_argument("--corpus", type=Path, required=True, metavar="C", help="with ratings of its trials (targets)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON to write")
    parser.add_argument("--rating", nargs="+", default=[], metavar="NAME", help="only these (default: all)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")


def _ratings(options: argparse.Namespace) -> None:
    if options.out.exists():
        raise RtemoError(f"{options.out} exists already", "nothing is overwritten", "name another file")
    from offline.corpus.corpus import open_corpus
    from offline.evaluation.ratings import rating_scores

    found = rating_scores(open_corpus(options.corpus), options.rating, options.seed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, scores in found.items():
        ccc, error, mean = scores["ccc"], scores["rmse"]["value"], scores["rmse_of_the_mean"]["value"]
        sys.stdout.write(
            f"{name}: CCC {ccc['value']:.2f} ({ccc['low']:.2f} to {ccc['high']:.2f}), RMSE {error:.2f}; "
            f"the mean of the training people's ratings {mean:.2f}; {scores['n_people']} people\n"
        )


def _evaluate(options: argparse.Namespace) -> None:
    if options.out.exists():
        raise RtemoError(f"{options.out} exists already", "nothing is overwritten", "name another file")
    if options.method is not None and options.probe:
        raise RtemoError("--probe is for the network", f"--method {options.method}", "leave one out")
    from offline.corpus.corpus import open_corpus
    from offline.evaluation.evaluate import evaluate
    from offline.evaluation.experiment import NETWORK, PROBE, ExperimentRequest
    from offline.training.training_run import TrainingSettings
    from offline.workers import Workers

    asked = {"epochs": options.epochs, "per_trial": options.windows, "rate": options.rate}
    changes = {name: value for name, value in asked.items() if value is not None}
    request = ExperimentRequest(
        protocol=options.protocol,
        method=options.method or (PROBE if options.probe else NETWORK),
        modalities=tuple(options.modalities.split(",")),
        init=options.init,
        seed=options.seed,
        folds=None if options.folds is None else _numbers(options.folds),
        train_subjects=options.train_subjects,
        people_out=options.people_out,
        per_trial=options.per_trial,
        shuffle=options.shuffle,
        training=replace(TrainingSettings(), **changes),
    )
    keep = options.out.with_name(f"{options.out.name}.folds")
    others, tests = ({path.name: open_corpus(path) for path in paths} for paths in (options.ood, options.test))
    workers = Workers(options.jobs, options.scheduler)
    result = evaluate(open_corpus(options.corpus), request, tests=tests, ood=others, workers=workers, keep=keep)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    partial = options.out.with_name(f".{options.out.name}.partial")
    partial.write_text(json.dumps(result, indent=1), encoding="utf-8")
    partial.replace(options.out)
    shutil.rmtree(keep, ignore_errors=True)
    score = result["balanced_accuracy"]
    parts = [f"{lv} {score[lv]['value']:.3f} [{score[lv]['low']:.3f}, {score[lv]['high']:.3f}]" for lv in score]
    people = f"{result['n_subjects']} people, chance {result['chance']:.3f}"
    sys.stdout.write(f"{options.out}: balanced accuracy {', '.join(parts)}; {people}\n")


def _compare(options: argparse.Namespace) -> None:
    from offline.evaluation.compare import compare

    sys.stdout.write(compare(options.results) + "\n")


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise RtemoError("--folds takes whole numbers", repr(text), "write them like 0,1,2") from error
