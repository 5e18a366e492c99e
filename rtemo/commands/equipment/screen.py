"""`rtemo screen`: this computer's screen as a video file, with its frame numbers as an LSL stream."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from rtemo.commands.arguments import number, seconds
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal, stop_with


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("video", type=Path, metavar="FILE.mkv")
    p.add_argument("--rate", type=number, default=10.0, metavar="HZ", help="pictures a second (default: 10)")
    p.add_argument(
        "--monitor", type=int, default=1, metavar="N", help="1: the first (default), 0: all of them together"
    )
    p.add_argument("--duration", type=seconds, metavar="S", help="end after so long (default: at Ctrl-C)")
    p.add_argument("--lsl-session", metavar="ID", help="keep LSL on this computer, in a session of this name")
    p.add_argument("--owner", type=int, metavar="PID", help=argparse.SUPPRESS)  # end when this process is gone


def run(args: argparse.Namespace) -> int:
    """Record until it is ended."""
    from rtemo.sources.lsl.config import configure

    if args.lsl_session:
        configure("machine", args.lsl_session)
    import pylsl

    from rtemo.bridges.bridge import Bridge
    from rtemo.bridges.outlets import Outlets
    from rtemo.bridges.screen import ScreenGrabber, ScreenVideo, VideoFile

    clock = pylsl.local_clock
    screen = ScreenVideo(args.video, args.rate, clock, partial(ScreenGrabber, args.monitor), VideoFile)
    bridge = Bridge(screen, Outlets(), clock, say)
    with stop_on_signal() as stop:
        stop_with(args.owner, stop)
        bridge.run(stop, args.duration)
        stopped = stop.is_set()
    say(bridge.summary())
    return INTERRUPTED if stopped else 0
