"""`rtemo live`: a headless session on live streams. Also what `rtemo demo --headless` runs on."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rtemo import resources
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal
from rtemo.commands.wiring import load_model, queries_of, tell_summary, told_events
from rtemo.core.errors import RtemoError, StreamMissing
from rtemo.core.types import Item, Modality, StreamInfo, StreamUp
from rtemo.live.cast import Cast
from rtemo.live.engine import Engine, LiveOptions
from rtemo.live.events import EventLog
from rtemo.live.outlet import EventOutlet, PredictionOutlet
from rtemo.live.outputs import JsonLines, PredictionSink, open_output
from rtemo.live.published import Published
from rtemo.live.recorder import Recorder, RecorderState
from rtemo.live.session import SessionFolder
from rtemo.model.bundle import Bundle
from rtemo.sources.lsl import Every, LslSource, One, discover, local_clock
from rtemo.sources.profile import load_profiles
from rtemo.sources.select import StreamQuery


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What a headless session is asked to do."""

    queries: dict[Modality, StreamQuery] = field(default_factory=dict)
    model: Path | None = None
    hop_s: float | None = None
    record: Path | None = None
    out: Path | None = None
    session_root: Path | None = None
    subject: str = "anonymous"
    duration_s: float | None = None
    wait_s: float = 15.0
    publish: bool = True


def run(args: argparse.Namespace) -> int:
    """Predictions from live streams."""
    asked = LiveRun(
        queries=queries_of(args),
        model=args.model,
        hop_s=args.hop,
        record=args.record,
        out=args.out,
        session_root=args.session,
        subject=args.subject,
        duration_s=args.duration,
        wait_s=args.wait,
        publish=not args.no_outlet,
    )
    with stop_on_signal() as stop:
        return run_live(asked, stop)
