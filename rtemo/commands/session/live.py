"""`rtemo live`: a headless session on live streams, in processes of its own. Also what `rtemo demo --headless` is."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rtemo.commands.arguments import (
    add_baseline,
    add_explain,
    add_model,
    add_person,
    add_queries,
    add_receivers,
    add_supervised,
    seconds,
)
from rtemo.commands.asked_settings import settings_of, token
from rtemo.commands.console import say, stop_on_signal
from rtemo.commands.supervised import supervised
from rtemo.core.errors import RtemoError
from rtemo.live.log_file import logged
from rtemo.sources.lsl.config import configure


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_queries(p)
    add_model(p)
    add_person(p)
    add_explain(p)
    add_receivers(p)
    add_baseline(p, "FILE.json|marker=BEGIN,END")
    p.add_argument("--record", type=Path, metavar="FILE.xdf", help="record everything")
    p.add_argument("--out", type=Path, metavar="FILE.jsonl|.csv", help="predictions (default: JSON lines on stdout)")
    p.add_argument("--duration", type=seconds, metavar="S", help="stop after S seconds (default: until Ctrl-C)")
    p.add_argument("--session", type=Path, metavar="DIR", help="make a session folder in DIR with everything in it")
    p.add_argument("--subject", help="the participant, for the session folder's name (default: the settings')")
    p.add_argument(
        "--remote", metavar="[HOST:]PORT", help="sessions start and stop by LabRecorder's commands, sent there"
    )
    p.add_argument("--record-all", action="store_true", help="record every LSL stream, not only those in use")
    p.add_argument("--no-outlet", action="store_true", help="do not publish predictions on LSL")
    p.add_argument("--wait", type=seconds, default=15.0, metavar="S", help="how long to look for streams (default: 15)")
    p.add_argument("--lines", action="store_true", help=argparse.SUPPRESS)  # readable predictions on stdout
    p.add_argument("--json-lines", action="store_true", help=argparse.SUPPRESS)  # on stdout, also beside a file
    p.add_argument("--lsl-session", metavar="ID", help=argparse.SUPPRESS)  # keep LSL on this computer
    add_supervised(p)


def run(args: argparse.Namespace) -> int:
    """Predictions from live streams. Without --recorder: looks after the two processes that give them."""
    if args.recorder is not None:
        return _run_engine(args)
    settings = settings_of(args)
    outputs = settings.outputs  # what is wrong with them is reported here
    if settings.participants and args.person:
        found = ", ".join(one.id for one in settings.participants)
        raise RtemoError("--person is for one participant", f"found {found}", "give it to one of them, as person=FILE")
    if outputs.script and not Path(outputs.script).is_file():
        raise RtemoError("there is no such script", f"found no file {outputs.script}", "name a Python file")
    if outputs.remote is not None:
        _refuse_with_remote(args)
    if outputs.listens_on_network:
        say(f"who connects over the network needs the token {token()}")
    for path in (args.record, args.out, args.explain):
        if path is not None and path.exists():  # now, not when the participant sits there
            raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file")
    return supervised(args.words, f"live-{os.getpid()}", lsl_session=args.lsl_session or "", duration_s=args.duration)


def _refuse_with_remote(args: argparse.Namespace) -> None:
    for option in ("record", "out", "explain", "duration"):
        if getattr(args, option) is not None:
            todo = "leave it out: remote control says what is recorded, where, and for how long"
            raise RtemoError(f"--{option} is for one session", "--remote is given too", todo)


def _run_engine(args: argparse.Namespace) -> int:
    if settings_of(args).outputs.remote is not None:
        from rtemo.commands.session.engine import serve_remote

        return serve_remote(args, f"live-{os.getppid()}")
    from rtemo.commands.session.live_engine import LiveRun, run_live  # what computes is loaded by the engine alone
    from rtemo.live.output.prediction_files import JsonLines, Lines
    from rtemo.recorder.endpoint import Endpoint
    from rtemo.recordings.baseline_plan import BaselinePlan

    if args.lsl_session:
        configure("machine", args.lsl_session)
    asked = LiveRun(
        settings=settings_of(args),
        model=args.model,
        hop_s=args.hop,
        record=args.record,
        out=args.out,
        session_root=args.session,
        duration_s=args.duration,
        wait_s=args.wait,
        publish=not args.no_outlet,
        persons=tuple(args.person),
        explain=args.explain,
        console=Lines if args.lines else JsonLines,
        json_lines=args.json_lines,
        again=args.again,
    )
    for own in asked.settings.each:
        BaselinePlan.of(own)  # refused now, not when a session starts
    with logged("live", say), stop_on_signal() as stop:
        return run_live(asked, Endpoint(args.recorder, args.recorder_at), stop)
