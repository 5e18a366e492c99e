"""`rtemo bench`: of an engine, a model, or a window. A window that is measured loads no more than `rtemo app` does."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtemo.commands.arguments import participants, rate, seconds


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("--json", action="store_true", help="one JSON document instead of text")
    p.add_argument("--seconds", type=seconds, default=30.0, metavar="S", help="how long to measure (default: 30)")
    p.add_argument("--channels", type=int, default=64, metavar="N", help="EEG channels (default: 64)")
    p.add_argument("--rate", type=rate, default=1000.0, metavar="HZ", help="EEG rate (default: 1000)")
    p.add_argument(
        "--participants", type=participants, default=1, metavar="N",
        help="of a session with so many people; what each further one costs (default: 1)",
    )  # fmt: skip
    p.add_argument("--hop", type=seconds, default=0.1, metavar="S", help="seconds between predictions (default: 0.1)")
    p.add_argument("--model", metavar="BUNDLE", help="measure this model alone instead: no stream is needed")
    p.add_argument("--receivers", action="store_true", help="with OSC to nobody, and a WebSocket reader that is frozen")
    p.add_argument(
        "--settings", type=Path, metavar="FILE.toml", help="session settings: what devices' stamps are late by"
    )
    p.add_argument("--steps", type=int, default=4, metavar="N", help="steps of each stream, 5 s each (default: 4)")
    p.add_argument("--steps-of", metavar="SESSION", help=argparse.SUPPRESS)
    p.add_argument("--owner", type=int, help=argparse.SUPPRESS)
    p.add_argument("--gui", action="store_true", help="measure the window instead: CPU, frames, first paint")
    p.add_argument("--window-of", metavar="SESSION", help=argparse.SUPPRESS)
    p.add_argument("--window-began", type=float, default=0.0, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Measure one session, a model, or a window on a session."""
    if args.gui or args.window_of:
        from rtemo.commands.bench import window as bench_gui

        return bench_gui.run_window(args) if args.window_of else bench_gui.run(args)
    if args.steps_of:
        from rtemo.commands.bench import step

        return step.run_sender(args)
    if args.model:
        from rtemo.commands.bench import model as bench_model

        return bench_model.run(args)
    from rtemo.commands.bench import engine as bench_engine

    return bench_engine.run(args)
