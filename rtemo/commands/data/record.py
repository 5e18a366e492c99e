"""`rtemo record`: any LSL streams into XDF."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from rtemo.commands.arguments import seconds
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal, warn
from rtemo.core.errors import RtemoError, StreamMissing
from rtemo.core.types import Item, StreamInfo
from rtemo.recorder.recorder import Recorder, record_source
from rtemo.sources.lsl.source import EveryStream, LslSource, local_clock
from rtemo.sources.recording_places import places_elsewhere
from rtemo.sources.stream_choice import StreamQuery


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("file", type=Path, metavar="FILE.xdf")
    which = p.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every stream (default where no --stream is given)")
    which.add_argument("--stream", action="append", default=[], metavar="QUERY", help="streams that fit; repeatable")
    p.add_argument("--duration", type=seconds, metavar="S", help="stop after S seconds (default: until Ctrl-C)")
    p.add_argument("--wait", type=seconds, default=15.0, metavar="S", help="how long to look for streams (default: 15)")


def run(args: argparse.Namespace) -> int:
    """Record every stream, or those that a query fits, also ones that appear later."""
    queries = [StreamQuery.parse(text) for text in args.stream]
    if args.file.exists():
        raise RtemoError(f"{args.file} exists already", "nothing is overwritten", "name another file")
    source = LslSource([EveryStream("recorded", lambda info: _wanted(info, queries))])
    with stop_on_signal() as stop:
        try:
            streams = source.start()
            early: list[Item] = []
            end_s = time.monotonic() + args.wait
            while not (streams or early or stop.is_set()):
                if time.monotonic() >= end_s:
                    asked = ", ".join(str(query) for query in queries) or "any stream"
                    raise StreamMissing(f"nothing to record within {args.wait:g} s", f"looked for {asked}", "start it")
                early = source.read(0.2)
            if stop.is_set():
                return INTERRUPTED
            recorder = Recorder(args.file, elsewhere=places_elsewhere(args.file), clock=local_clock)
            say(f"recording to {args.file}; Ctrl-C ends")
            end_s = math.inf if args.duration is None else time.monotonic() + args.duration
            try:
                record_source(source, streams, recorder, lambda: stop.is_set() or time.monotonic() >= end_s, early)
            finally:
                recorder.close()
        finally:
            source.stop()
    status = recorder.status()
    for stream, n in status.samples.items():
        say(f"{n} samples of {stream}")
    for problem in status.problems:
        warn(problem)
    if n_lost := sum(status.lost.values()):
        warn(f"{n_lost} samples are not in the recording")
    return INTERRUPTED if stop.is_set() else 0


def _wanted(info: StreamInfo, queries: list[StreamQuery]) -> bool:
    return not queries or any(query.fits(info) for query in queries)
