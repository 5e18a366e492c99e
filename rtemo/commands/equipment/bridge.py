"""`rtemo bridge`: a device that does not speak LSL, as LSL streams."""

from __future__ import annotations

import argparse
import importlib
import threading
from collections.abc import Callable

from rtemo.bridges import BRIDGES
from rtemo.bridges.bridge import Bridge
from rtemo.commands.arguments import seconds
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal
from rtemo.core.errors import RtemoError

REPORT_S = 10.0


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    bridges = p.add_subparsers(dest="bridge", metavar="ID")
    for name, entry in BRIDGES.items():
        own = bridges.add_parser(
            name, help=f"{entry.summary} ({entry.tried})", description=f"{entry.summary}; {entry.tried}."
        )
        own.add_argument("--duration", type=seconds, metavar="S", help="end after so long (default: at Ctrl-C)")
        own.add_argument("--quiet", action="store_true", help="no line every ten seconds")
        own.add_argument("--lsl-session", metavar="ID", help="keep LSL on this computer, in a session of this name")
        module = importlib.import_module(entry.module)
        module.add_arguments(own)
        own.set_defaults(device_of=module.device_of)


def run(args: argparse.Namespace) -> int:
    """Run one bridge, or list all."""
    if args.bridge is None:
        for name, entry in BRIDGES.items():
            print(f"{name:<16} {entry.summary}: {entry.tried}")
        return 0
    from rtemo.sources.lsl.config import configure

    if args.lsl_session:
        configure("machine", args.lsl_session)
    import pylsl

    from rtemo.bridges.outlets import Outlets

    say(f"{BRIDGES[args.bridge].summary}: {BRIDGES[args.bridge].tried}")
    bridge = Bridge(args.device_of(args, pylsl.local_clock), Outlets(), pylsl.local_clock, say)
    with stop_on_signal() as stop:
        ended = threading.Event()
        reporter = threading.Thread(target=_report, args=(bridge, ended, None if args.quiet else say), daemon=True)
        reporter.start()
        try:
            bridge.run(stop, args.duration)
        finally:
            ended.set()
            reporter.join()
        stopped = stop.is_set()
    say(bridge.summary())
    if not any(one.sent for one in bridge.counts):
        raise RtemoError("nothing came from the device", bridge.summary(), "look at its own program first")
    return INTERRUPTED if stopped else 0


def _report(bridge: Bridge, ended: threading.Event, tell: Callable[[str], None] | None) -> None:
    while tell is not None and not ended.wait(REPORT_S):
        tell(bridge.summary())
