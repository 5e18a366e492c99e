"""The arguments of `python -m offline reproduce`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from offline.cli.evaluate import SCHEDULER_HELP


def add_reproduce(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's parser, with what it runs."""
    parser = commands.add_parser(
        "reproduce",
        help="the paper's comparison: supervised against pretrained, into one HTML report",
        description="Does pretraining on unlabelled EEG and eye data help? Stages that are done are not done again: "
        "start an interrupted run with the same command.",
    )
    parser.set_defaults(run=_reproduce)
    people = parser.add_mutually_exclusive_group()
    people.add_argument(
        "--synthetic", action="store_true", help="on simulated people in the real layouts (default without --roots)"
    )
    people.add_argument("--roots", type=Path, metavar="TOML", help="file that names the folders of real data sets")
    parser.add_argument("--scale", default="full", help="small (minutes) or full (days; default)")
    parser.add_argument("--seeds", type=int, metavar="N", help="how many (default: small 1, full 3)")
    parser.add_argument(
        "--effect", type=float, default=0.4, metavar="F", help="strength of simulated emotion (default 0.4)"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at a time (default 1)")
    parser.add_argument("--scheduler", default="", metavar="tcp://HOST:PORT", help=SCHEDULER_HELP)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of all, report.html too")


def _reproduce(options: argparse.Namespace) -> None:
    from offline.reproduce.command import reproduce
    from offline.workers import Workers

    report = reproduce(
        options.out,
        options.scale,
        roots=options.roots,
        seeds=options.seeds,
        effect=options.effect,
        workers=Workers(options.jobs, options.scheduler),
    )
    sys.stdout.write(f"{report}\n")
