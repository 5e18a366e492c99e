"""Arguments that several commands take, and the checks of numbers on the command line. Imports nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path

MOST_PARTICIPANTS = 4  # as rtemo.sources.participants has it, which this module does not load


def add_queries(p: argparse.ArgumentParser, *, markers: bool = True) -> None:
    """--settings, --eeg, --gaze and, where markers count, --markers."""
    p.add_argument("--settings", type=Path, metavar="FILE.toml", help="session settings: queries, electrodes, screen")
    p.add_argument("--eeg", metavar="QUERY", help="which stream is the EEG (default: the only one there is)")
    p.add_argument("--gaze", metavar="QUERY", help="which stream is the gaze (default: the only one there is)")
    p.add_argument("--second-eye", metavar="QUERY", help="the stream of the other eye, where each eye has its own")
    p.add_argument(
        "--participant", action="append", default=[], metavar='"ID: eeg=QUERY; gaze=QUERY"',
        help="one of several participants and whose streams are which; an ID alone: of those known; repeatable",
    )  # fmt: skip
    if markers:
        p.add_argument("--markers", metavar="QUERY", help="which streams are markers (default: all that are)")


def add_bundle(p: argparse.ArgumentParser) -> None:
    """--model."""
    p.add_argument("--model", type=Path, metavar="BUNDLE", help="a model bundle (default: the demonstration model)")


def add_model(p: argparse.ArgumentParser) -> None:
    """--model and --hop."""
    add_bundle(p)
    p.add_argument("--hop", type=seconds, metavar="S", help="seconds between predictions (default: the bundle's)")


def add_person(p: argparse.ArgumentParser) -> None:
    """--person."""
    p.add_argument(
        "--person", type=Path, action="append", default=[], metavar="PERSON.json",
        help="a personal calibration for this model, by `rtemo calibrate` or a session; repeatable",
    )  # fmt: skip


def add_explain(p: argparse.ArgumentParser) -> None:
    """--explain."""
    p.add_argument("--explain", type=Path, metavar="FILE.jsonl", help="what predictions rest on, one a second")


def add_receivers(p: argparse.ArgumentParser) -> None:
    """--osc, --websocket, --outlet-name, --allow-network."""
    p.add_argument("--osc", metavar="HOST:PORT", help="send predictions as OSC messages over UDP")
    p.add_argument("--websocket", metavar="[HOST:]PORT", help="serve predictions, events and state as JSON")
    p.add_argument("--outlet-name", metavar="NAME", help="of the LSL outlet (default: rtemo and the participant)")
    p.add_argument("--script", type=Path, metavar="FILE.py", help="a script of your own beside each session")
    p.add_argument("--screen", action="store_true", help="record this computer's screen beside each session")
    p.add_argument(
        "--allow-network", action="store_true",
        help="whether --osc may send to, and --websocket and --remote listen to, other computers, by a token",
    )  # fmt: skip


def add_baseline(p: argparse.ArgumentParser, forms: str) -> None:
    """--baseline. forms: the metavar."""
    rest = "the person at rest, whom predictions are relative to"
    p.add_argument("--baseline", metavar=forms, help=f"{rest} (default: as recorded, else the first two minutes)")


def add_supervised(p: argparse.ArgumentParser) -> None:
    """What a supervisor gives its engine. With --recorder a command is the engine, without it the supervisor."""
    p.add_argument("--recorder", metavar="NAME", help=argparse.SUPPRESS)
    p.add_argument("--recorder-at", type=Path, metavar="DIR", help=argparse.SUPPRESS)
    p.add_argument("--again", action="store_true", help=argparse.SUPPRESS)  # an engine before this one ended
    p.add_argument("--last-try", action="store_true", help=argparse.SUPPRESS)


def participants(text: str) -> int:
    """A number of people in one session."""
    value = number(text)
    if value not in range(1, MOST_PARTICIPANTS + 1):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST_PARTICIPANTS}; found {text!r}")
    return int(value)


def seconds(text: str) -> float:
    """A finite number of seconds from 0 on."""
    value = number(text)
    if not value >= 0 or value == float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds; found {text!r}")
    return value


def rate(text: str) -> float:
    """A sampling rate in Hz."""
    value = number(text)
    if not 1 <= value <= 20_000:
        raise argparse.ArgumentTypeError(f"must be a rate between 1 and 20000 Hz; found {text!r}")
    return value


def number(text: str) -> float:
    """Any number; NaN for what is none, which no check lets pass."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
