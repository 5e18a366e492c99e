"""`rtemo report`: one HTML page about a session or a recording."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from rtemo.commands.arguments import add_bundle, add_queries
from rtemo.commands.asked_settings import settings_of
from rtemo.commands.console import say
from rtemo.commands.from_arguments import load_model
from rtemo.core.errors import RtemoError
from rtemo.recordings.session_folder import SessionFolder
from rtemo.report.read_session import ReportInputs
from rtemo.report.write import write_report
from rtemo.sources.devices.profile import known_profiles


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("target", type=Path, metavar="SESSION_DIR|FILE.xdf")
    p.add_argument("--out", type=Path, metavar="FILE.html", help="default: report.html in the session's folder")
    add_queries(p, markers=False)
    add_bundle(p)


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    if not args.target.exists():
        raise RtemoError(f"{args.target} does not exist", "", "name a session folder or an XDF file")
    given = bool(args.settings or args.eeg or args.gaze or args.participant)
    inputs = inputs_of(args.model, args if given else None)
    out = args.out or default_out(args.target)
    write_report(args.target, out, inputs)
    say(f"report: {out}")
    return 0


def inputs_of(model: Path | None, args: argparse.Namespace | None) -> ReportInputs:
    """The model and, where the command line gives any, the settings that a recording is read with."""
    bundle, _ = load_model(model, None)
    return ReportInputs(
        bundle=bundle,
        profiles=known_profiles(),
        new_predictor=lambda: load_model(model, None)[1],
        settings=partial(settings_of, args) if args is not None else None,
    )


def default_out(target: Path) -> Path:
    """Where the report goes by default: into the folder, or beside the recording."""
    folder = SessionFolder.of(target)
    return folder.report if folder is not None else target.with_suffix(".report.html")
