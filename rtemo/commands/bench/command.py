"""`rtemo bench`: of an engine, or of a window. A window that is measured loads no more than `rtemo app` does."""

from __future__ import annotations

import argparse


def run(args: argparse.Namespace) -> int:
    """Measure one session, or a window on one."""
    if args.gui or args.window_of:
        from rtemo.commands.bench import window as bench_gui

        return bench_gui.run_window(args) if args.window_of else bench_gui.run(args)
    from rtemo.commands.bench import engine as bench_engine

    return bench_engine.run(args)
