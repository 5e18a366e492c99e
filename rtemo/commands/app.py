"""`rtemo app`: the window, as a client of an engine in a process of its own."""

from __future__ import annotations

import argparse
import os
import shutil
import sys

from rtemo.core.errors import RtemoError
from rtemo.live.client import EngineClient, Launch
from rtemo.live.display import why_no_window


def run(args: argparse.Namespace) -> int:
    """Open the window on the running engine, or on a new one."""
    options = ["--settings", str(args.settings)] if args.settings is not None else []
    if args.model is not None:
        options += ["--model", str(args.model)]
    recording = ""
    if args.replay is not None:
        if not args.replay.is_file():
            raise RtemoError("there is no such recording", f"found no file {args.replay}", "name an XDF file")
        recording = str(args.replay.absolute())
    return open_window(Launch(options=tuple(options)), recording)


def open_window(launch: Launch, recording: str = "") -> int:
    """The window until it is closed. Raises RtemoError where there is no display, with the way to one."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    problem = why_no_window(sys.platform, os.environ, shutil.which("apt-get") is not None, is_root)
    if problem:
        raise RtemoError("no window can be opened", problem, "use rtemo live, rtemo replay or rtemo demo --headless")
    from rtemo.gui.app import run_app  # Qt is only loaded where there is a window

    client = EngineClient(launch)
    try:
        return run_app(client, recording=recording)
    finally:
        client.close()
