"""The command line: the one place that reads arguments and wires objects together.

Results go to stdout or files, everything else to stderr. Exit codes: 0 done, 2 bad input (one line that says what was
found and what to do), 3 a required stream was never found or lost for good, 130 interrupted with everything closed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

import rtemo
from rtemo.core.errors import RtemoError

INTERRUPTED = 130

EPILOG = """\
QUERY is key=value[,key=value] over name, type, source_id and hostname, for example name=Muse,type=EEG.
Every command has its own --help.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints have the form of every other error."""

    def error(self, message: str) -> NoReturn:
        raise RtemoError(message, "", f"see {self.prog} --help")


def build_parser() -> Parser:
    """The parser of all commands. Each sets `run`, a function in rtemo.commands."""
    parser = Parser(
        prog="rtemo",
        description="Emotion from EEG and eye movements, live over the Lab Streaming Layer or from recordings.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rtemo {rtemo.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (
        _app,
        _demo,
        _streams,
        _live,
        _replay,
        _calibrate,
        _simulate,
        _record,
        _report,
        _bench,
        _devices,
        _doctor,
        _engine,
    ):
        add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code."""
    for library in ("OMP", "OPENBLAS", "MKL"):  # before numpy is imported: matrices here are small, and a second
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # thread that waits for the next one costs a whole core
    parser = build_parser()
    try:
        given = sys.argv[1:] if argv is None else list(argv)
        args = parser.parse_args(given or ["app"])
        code: int = args.run(args)
    except RtemoError as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone, for example `head`
        sys.stderr.close()
        return 0
    return code


def _one_line(error: RtemoError) -> str:
    return " ".join(str(error).split())


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # the type has no public name


def _demo(commands: Commands) -> None:
    p = commands.add_parser("demo", help="a simulated person as real LSL streams, and rtemo on them")
    p.add_argument("--headless", action="store_true", help="print predictions instead of opening the window")
    p.add_argument("--duration", type=_seconds, metavar="S", help="stop after S seconds (default: until Ctrl-C)")
    p.add_argument("--seed", type=int, default=1, help="which simulated person (default: 1)")
    p.set_defaults(run=_later("session.demo"))


def _streams(commands: Commands) -> None:
    p = commands.add_parser("streams", help="what is on the network")
    p.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    p.add_argument("--timeout", type=_seconds, default=3.0, metavar="S", help="how long to look (default: 3)")
    p.set_defaults(run=_later("equipment.streams"))


def _live(commands: Commands) -> None:
    p = commands.add_parser("live", help="predictions from live streams, without a window")
    _queries(p)
    _model(p)
    _person(p)
    _explain(p)
    _baseline(p, "FILE.json|marker=BEGIN,END")
    p.add_argument("--record", type=Path, metavar="FILE.xdf", help="record everything")
    p.add_argument("--out", type=Path, metavar="FILE.jsonl|.csv", help="predictions (default: JSON lines on stdout)")
    p.add_argument("--duration", type=_seconds, metavar="S", help="stop after S seconds (default: until Ctrl-C)")
    p.add_argument("--session", type=Path, metavar="DIR", help="make a session folder in DIR with everything in it")
    p.add_argument("--subject", help="the participant, for the session folder's name (default: the settings')")
    p.add_argument("--no-outlet", action="store_true", help="do not publish predictions on LSL")
    p.add_argument(
        "--wait", type=_seconds, default=15.0, metavar="S", help="how long to look for streams (default: 15)"
    )
    p.set_defaults(run=_later("session.live"))


def _replay(commands: Commands) -> None:
    p = commands.add_parser("replay", help="predictions from a recording, through the same engine")
    p.add_argument("file", type=Path, metavar="FILE.xdf")
    p.add_argument("--speed", type=_speed, default=1.0, metavar="N|max", help="times real time (default: 1)")
    p.add_argument("--lsl", action="store_true", help="send every stream out over LSL instead of predicting")
    _queries(p, markers=False)
    _model(p)
    _person(p)
    _explain(p)
    _baseline(p, "FILE.json|START:STOP|marker=BEGIN,END")
    p.add_argument("--start", type=_seconds, metavar="S", help="begin S seconds after the first sample")
    p.add_argument("--stop", type=_seconds, metavar="S", help="end S seconds after the first sample")
    p.add_argument("--out", type=Path, metavar="FILE.jsonl|.csv", help="predictions (default: JSON lines on stdout)")
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.set_defaults(run=_later("session.replay"))


def _calibrate(commands: Commands) -> None:
    p = commands.add_parser("calibrate", help="fit the model's heads to one person on a labelled recording")
    p.add_argument("file", type=Path, metavar="SESSION.xdf")
    p.add_argument(
        "--labels", required=True, metavar="FILE.csv|markers|reports",
        help="columns label, begin_s, end_s in seconds after the first sample; or the clips that rtemo's markers name; "
        "or the labels that were given in the session",
    )  # fmt: skip
    p.add_argument("--out", type=Path, required=True, metavar="PERSON.json", help="the file to write")
    p.add_argument("--model", type=Path, metavar="BUNDLE", help="a model bundle (default: the demonstration model)")
    _queries(p, markers=False)
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.set_defaults(run=_later("session.calibrate"))


def _simulate(commands: Commands) -> None:
    p = commands.add_parser("simulate", help="a simulated person over LSL, or into an XDF file")
    p.add_argument("--seed", type=int, default=1, help="which person and session (default: 1)")
    p.add_argument("--duration", type=_seconds, default=300.0, metavar="S", help="seconds (default: 300)")
    p.add_argument("--eeg-channels", type=int, metavar="N", help="that many well-spread channels (default: 62)")
    p.add_argument("--eeg-rate", type=_rate, default=500.0, metavar="HZ", help="default: 500")
    p.add_argument("--gaze-rate", type=_rate, default=120.0, metavar="HZ", help="default: 120")
    p.add_argument("--montage", metavar="NAME", help="a named set of channels; see devices/README.md")
    p.add_argument(
        "--effect", type=_effect, default=1.0, metavar="F", help="strength of emotion; 0 is none (default: 1)"
    )
    p.add_argument("--faults", type=Path, metavar="FILE.toml", help="what goes wrong, and when")
    p.add_argument("--xdf", type=Path, metavar="FILE", help="write a recording as fast as possible; no LSL")
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.add_argument("--lsl-session", metavar="ID", help="keep LSL on this computer, in a session of this name")
    p.add_argument("--owner", type=int, metavar="PID", help=argparse.SUPPRESS)
    p.set_defaults(run=_later("equipment.simulate"))


def _record(commands: Commands) -> None:
    p = commands.add_parser("record", help="record LSL streams into XDF")
    p.add_argument("file", type=Path, metavar="FILE.xdf")
    which = p.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every stream (default where no --stream is given)")
    which.add_argument("--stream", action="append", default=[], metavar="QUERY", help="streams that fit; repeatable")
    p.add_argument("--duration", type=_seconds, metavar="S", help="stop after S seconds (default: until Ctrl-C)")
    p.add_argument(
        "--wait", type=_seconds, default=15.0, metavar="S", help="how long to look for streams (default: 15)"
    )
    p.set_defaults(run=_later("data.record"))


def _report(commands: Commands) -> None:
    p = commands.add_parser("report", help="one HTML page about a session or a recording")
    p.add_argument("target", type=Path, metavar="SESSION_DIR|FILE.xdf")
    p.add_argument("--out", type=Path, metavar="FILE.html", help="default: report.html in the session's folder")
    _queries(p, markers=False)
    p.add_argument("--model", type=Path, metavar="BUNDLE", help="a model bundle (default: the demonstration model)")
    p.set_defaults(run=_later("data.report"))


def _bench(commands: Commands) -> None:
    p = commands.add_parser("bench", help="latency, CPU, memory and losses on this computer")
    p.add_argument("--json", action="store_true", help="one JSON document instead of text")
    p.add_argument("--seconds", type=_seconds, default=30.0, metavar="S", help="how long to measure (default: 30)")
    p.add_argument("--channels", type=int, default=64, metavar="N", help="EEG channels (default: 64)")
    p.add_argument("--rate", type=_rate, default=1000.0, metavar="HZ", help="EEG rate (default: 1000)")
    p.add_argument("--hop", type=_seconds, default=0.1, metavar="S", help="seconds between predictions (default: 0.1)")
    p.add_argument("--gui", action="store_true", help="measure the window instead: CPU, frames, first paint")
    p.add_argument("--window-of", metavar="SESSION", help=argparse.SUPPRESS)
    p.add_argument("--window-began", type=float, default=0.0, help=argparse.SUPPRESS)
    p.set_defaults(run=_later("bench.command"))


def _devices(commands: Commands) -> None:
    p = commands.add_parser("devices", help="device profiles")
    p.add_argument("action", nargs="?", choices=["list", "show", "check"], default="list")
    p.add_argument("id", nargs="?", help="with show: which profile")
    p.set_defaults(run=_later("equipment.devices"))


def _doctor(commands: Commands) -> None:
    p = commands.add_parser("doctor", help="what is wrong with this computer, and what to do")
    p.add_argument("--json", action="store_true", help="one JSON document instead of text")
    p.set_defaults(run=_later("equipment.doctor"))


def _app(commands: Commands) -> None:
    p = commands.add_parser("app", help="the desktop application (also `rtemo` alone)")
    p.add_argument("--settings", type=Path, metavar="FILE.toml", help="session settings: queries, electrodes, screen")
    p.add_argument("--model", type=Path, metavar="BUNDLE", help="a model bundle (default: the demonstration model)")
    p.add_argument("--replay", type=Path, metavar="FILE.xdf", help="play a recording")
    _person(p)
    p.set_defaults(run=_later("session.app"))


def _engine(commands: Commands) -> None:
    """The process behind the window; without help it is not listed."""
    p = commands.add_parser("engine")
    p.add_argument("--name", default="engine", help="which engine it is (default: engine)")
    p.add_argument("--endpoint", type=Path, metavar="DIR", help="where its address is left (default: the system's)")
    p.add_argument("--lsl-session", metavar="ID", help="keep LSL on this computer, in a session of this name")
    p.add_argument("--owner", type=int, metavar="PID", help="end, and a session too, when this process is gone")
    p.add_argument("--linger", type=_seconds, default=60.0, metavar="S", help="stay S seconds without a window")
    p.add_argument("--no-outlet", action="store_true", help="do not publish predictions on LSL")
    _queries(p)
    _model(p)
    _person(p)
    p.set_defaults(run=_later("session.engine"))


def _queries(p: argparse.ArgumentParser, *, markers: bool = True) -> None:
    p.add_argument("--settings", type=Path, metavar="FILE.toml", help="session settings: queries, electrodes, screen")
    p.add_argument("--eeg", metavar="QUERY", help="which stream is the EEG (default: the only one there is)")
    p.add_argument("--gaze", metavar="QUERY", help="which stream is the gaze (default: the only one there is)")
    if markers:
        p.add_argument("--markers", metavar="QUERY", help="which streams are markers (default: all that are)")


def _model(p: argparse.ArgumentParser) -> None:
    p.add_argument("--model", type=Path, metavar="BUNDLE", help="a model bundle (default: the demonstration model)")
    p.add_argument("--hop", type=_seconds, metavar="S", help="seconds between predictions (default: the bundle's)")


def _person(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--person", type=Path, action="append", default=[], metavar="PERSON.json",
        help="a personal calibration for this model, by `rtemo calibrate` or a session; repeatable",
    )  # fmt: skip


def _explain(p: argparse.ArgumentParser) -> None:
    p.add_argument("--explain", type=Path, metavar="FILE.jsonl", help="what predictions rest on, one a second")


def _baseline(p: argparse.ArgumentParser, forms: str) -> None:
    rest = "the person at rest, whom predictions are relative to"
    p.add_argument("--baseline", metavar=forms, help=f"{rest} (default: as recorded, else the first two minutes)")


def _later(name: str) -> Callable[[argparse.Namespace], int]:
    """The function of a command, imported when it is run, so that --help and wrong arguments are quick."""

    def run(args: argparse.Namespace) -> int:
        command: int = importlib.import_module(f"rtemo.commands.{name}").run(args)
        return command

    return run


def _seconds(text: str) -> float:
    value = _number(text)
    if not value >= 0 or value == float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds; found {text!r}")
    return value


def _rate(text: str) -> float:
    value = _number(text)
    if not 1 <= value <= 20_000:
        raise argparse.ArgumentTypeError(f"must be a rate between 1 and 20000 Hz; found {text!r}")
    return value


def _effect(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 10:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 10; found {text!r}")
    return value


def _speed(text: str) -> float:
    if text == "max":
        return float("inf")
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number or max; found {text!r}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
