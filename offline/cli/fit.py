"""The arguments of `fit`, and of `finetune`, which is `fit` with the network."""

from __future__ import annotations

import argparse
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from offline.cli.evaluate import SCHEDULER_HELP
from rtemo.core.errors import RtemoError

if TYPE_CHECKING:
    from offline.fit.fit import FitRequest
    from offline.training.training_run import TrainingSettings


def add_fit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `fit`: any method to a calibrated bundle."""
    parser = commands.add_parser(
        "fit",
        help="fit a method, or the best one, on everybody's data, and write a calibrated model bundle",
        description="Everybody is held out once, so that selection, calibration and scores rest on all people, and "
        "everybody trains the model that ships. Folds that are done are not done again.",
    )
    parser.set_defaults(run=_fit)
    _add_common(parser)
    parser.add_argument(
        "--method", default="auto", metavar="NAME", help="auto: the simplest within one standard error of the best"
    )
    parser.add_argument(
        "--max-minutes", type=float, default=math.inf, metavar="M",
        help="of all of it; methods of auto that would take longer are left out",
    )  # fmt: skip


def add_finetune(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `finetune`: training the network with labels."""
    parser = commands.add_parser("finetune", help="train the network with labels, and write a model bundle")
    parser.set_defaults(run=_finetune)
    _add_common(parser)
    parser.add_argument(
        "--mode", default="full", choices=["full", "probe"], help="probe: train the heads only (default: full)"
    )
    parser.add_argument("--max-minutes", type=float, default=math.inf, metavar="M", help="of training, at most")
    parser.add_argument(
        "--split", action="store_true",
        help="hold people out for good instead of in turn: much less training, for 60 people or more",
    )  # fmt: skip
    parser.add_argument("--resume", action="store_true", help="with --split: go on from OUT.checkpoint.pt")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, required=True, metavar="C", help="folder written by build")
    parser.add_argument(
        "--init", type=Path, metavar="CKPT", help="checkpoint or bundle to begin from (default: scratch)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    parser.add_argument("--name", default="rtemo", help="the model's name in its card")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--folds", type=int, metavar="N", help="groups of people, held out in turn (default 8)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, ... (default: cuda where there is one)")
    parser.add_argument("--epochs", type=int, default=24, metavar="N", help="of the network, at most (default 24)")
    parser.add_argument("--rate", type=float, metavar="R", help="learning rate at its highest (default 0.002)")
    parser.add_argument("--jobs", type=int, metavar="N", help="folds at a time (default: as many as processors)")
    parser.add_argument("--scheduler", default="", metavar="tcp://HOST:PORT", help=SCHEDULER_HELP)


def _fit(options: argparse.Namespace) -> None:
    request = replace(_request(options, options.method, "full"), max_minutes=options.max_minutes)
    if not request.max_minutes > 0:
        raise RtemoError("there is no time to fit anything", f"{request.max_minutes:g} minutes", "give it more")
    _run(options, request)


def _finetune(options: argparse.Namespace) -> None:
    if options.split:
        from offline.cli.training_commands import finetune

        settings = replace(_settings(options, options.mode), max_minutes=options.max_minutes)
        bundle = finetune(options.corpus, options.out, options.name, settings, options.init, resume=options.resume)
        sys.stdout.write(f"{bundle.path}\n")
        return
    if options.resume:
        raise RtemoError("--resume is for --split", "folds that are done are taken up anyway", "leave it out")
    request = _request(options, "network", options.mode)
    rounds = math.ceil(request.folds / _jobs(options)) + 1
    _run(options, replace(request, training=replace(request.training, max_minutes=options.max_minutes / rounds)))


def _request(options: argparse.Namespace, method: str, mode: str) -> FitRequest:
    from offline.fit.fit import FitRequest
    from offline.splits import PEOPLE_FOLDS

    folds = PEOPLE_FOLDS if options.folds is None else options.folds
    training = _settings(options, mode)
    return FitRequest(method, options.name, options.init, options.seed, folds, training=training)


def _settings(options: argparse.Namespace, mode: str) -> TrainingSettings:
    from offline.training.training_run import TrainingSettings

    rate = {} if options.rate is None else {"rate": options.rate}
    return TrainingSettings(
        seed=options.seed,
        device=options.device,
        epochs=options.epochs,
        mode="probe" if mode == "probe" else "full",
        **rate,
    )


def _jobs(options: argparse.Namespace) -> int:
    return int(options.jobs) if options.jobs is not None else os.cpu_count() or 1


def _run(options: argparse.Namespace, request: FitRequest) -> None:
    from offline.corpus.corpus import open_corpus
    from offline.fit.fit import fit
    from offline.workers import Workers

    keep = options.out.with_name(f"{options.out.name}.folds")
    workers = Workers(_jobs(options), options.scheduler)
    bundle, compared = fit(open_corpus(options.corpus), request, options.out, workers, keep)
    for row in compared.rows if len(compared.rows) > 1 else ():
        sys.stdout.write("  ".join(f"{value.replace('*', ''):<24}" for value in row.values()).rstrip() + "\n")
    for combination, scores in bundle.spec.metrics.items():
        window, level = scores["intervals"]["window"], bundle.spec.decision.set_level
        sets = scores["sets"].get(f"{level:g}", {})
        covered = f", {level:.0%} sets cover {sets['coverage']:.2f}" if sets else ""
        sys.stdout.write(
            f"{combination}: {window['value']:.1%} of windows ({window['low']:.1%} to {window['high']:.1%}), "
            f"{scores['n_people']} people held out in turn, chance {scores['chance']:.0%}{covered}\n"
        )
    for line in compared.missing:
        sys.stdout.write(f"{line}\n")
    people = bundle.spec.training["people"]["trained on"]
    sys.stdout.write(f"{bundle.path}: {compared.chosen}, trained on {people} people\n")
