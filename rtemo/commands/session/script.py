"""`rtemo script`: the process of a user's script beside a session. It is started by the engine, not to be typed."""

from __future__ import annotations

import argparse
import os
import runpy
import signal
import sys
import threading
from pathlib import Path

from rtemo.commands.console import stop_with


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("file", type=Path, metavar="FILE.py")
    p.add_argument("--engine", required=True, metavar="NAME", help="which engine it is beside")
    p.add_argument("--engine-at", type=Path, metavar="DIR", help="where the engine's address is")
    p.add_argument("--participant", action="append", default=[], metavar="ID", help="one of several, in their order")
    p.add_argument("--owner", type=int, metavar="PID", help="end when this process is gone")


def run(args: argparse.Namespace) -> int:
    """Run the file as its own program."""
    from rtemo.api.beside import ENGINE, ENGINE_AT, PARTICIPANTS

    os.environ[ENGINE], os.environ[PARTICIPANTS] = args.engine, ",".join(args.participant)
    if args.engine_at is not None:
        os.environ[ENGINE_AT] = str(args.engine_at)
    orphaned = threading.Event()
    stop_with(args.owner, orphaned)
    threading.Thread(target=_end_with, args=(orphaned,), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # what the script does at its end is done
    sys.argv = [str(args.file)]
    sys.path.insert(0, str(args.file.absolute().parent))
    runpy.run_path(str(args.file), run_name="__main__")
    return 0


def _end_with(orphaned: threading.Event) -> None:
    """A script that hangs does not outlive its engine."""
    orphaned.wait()
    os._exit(0)
