"""`rtemo withdraw`: lists what there is of a participant, and erases it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rtemo.commands.console import say, warn
from rtemo.core.errors import RtemoError
from rtemo.recordings.study.withdrawal import KeptSession, erase_sessions, kept_sessions
from rtemo.sources.recording_places import places_elsewhere, safe_name

ROOT = Path.home() / "rtemo"  # where the window writes sessions, unless another folder is chosen there


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("subject", metavar="SUBJECT", help="the participant's id")
    p.add_argument(
        "--root", type=Path, default=ROOT, metavar="DIR", help="the folder of sessions (default: rtemo in your home)"
    )
    p.add_argument("--yes", action="store_true", help="erase without a question")
    p.add_argument("--list", action="store_true", help="list what there is, and erase nothing")


def run(args: argparse.Namespace) -> int:
    """List what there is, ask, erase it, and state what was erased."""
    found = kept_sessions(args.root, args.subject)
    for kept in found:
        print(_described(kept))
    if not found:
        say(f"nothing of {args.subject!r} is in {args.root}")
    for place in _elsewhere(args.subject):
        warn(f"{place} is outside of the folder of sessions and may be of this participant; it is not erased")
    if args.list or not found:
        return 0
    if not (args.yes or _confirmed(args.subject, len(found))):
        say("nothing was erased")
        return 0
    erase_sessions(args.root, found)
    n, size = sum(len(kept.files) for kept in found), sum(kept.n_bytes for kept in found)
    say(f"erased: {len(found)} sessions of {args.subject}, {n} files, {size / 1e6:.1f} MB")
    say("exports, backups and what was sent elsewhere are not known to rtemo; they are yours to erase")
    return 0


def _described(kept: KeptSession) -> str:
    return f"{kept.entry.folder}  {len(kept.files)} files  {kept.n_bytes / 1e6:.1f} MB"


def _confirmed(subject: str, n: int) -> bool:
    if not sys.stdin.isatty():
        raise RtemoError("nobody can be asked", "stdin is no terminal", "give --yes to erase, --list to look")
    return input(f"Erase these {n} sessions of {subject} for good? Type yes: ").strip().casefold() == "yes"


def _elsewhere(subject: str) -> list[Path]:
    """Recordings that had to go on at another place, whose folders carry the participant's name."""
    places = {place.parent for place in places_elsewhere(Path("session") / "recording.xdf")}
    name = safe_name(subject)
    found = [path for place in places if place.is_dir() for path in place.iterdir() if path.is_dir()]
    return sorted(path for path in found if name in path.name and "_" in path.name)
