"""The commands: each wires objects together for one run and returns an exit code. Arguments are read in cli.py."""

from __future__ import annotations

import argparse
import contextlib
import math
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tqdm import tqdm

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Item, Modality, StreamInfo
from rtemo.live.cast import Cast
from rtemo.live.engine import Engine
from rtemo.live.events import EventKind, EventLog
from rtemo.live.outputs import JsonLines, PredictionSink, open_output
from rtemo.live.predictor import Predictor
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.runtime import Runtime
from rtemo.sources.base import Source
from rtemo.sources.profile import check_profiles, load_profiles
from rtemo.sources.replay_clock import PacedSource
from rtemo.sources.select import StreamQuery
from rtemo.sources.xdf import XdfSource

INTERRUPTED = 130
DEMO_MODEL = "models/demo"
SAID = (EventKind.NOTE, EventKind.LOSS, EventKind.FAILURE, EventKind.STREAM_DOWN)


def say(text: str) -> None:
    """A line for people, on stderr."""
    tqdm.write(text, file=sys.stderr)


@contextlib.contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C and a polite kill set. A second Ctrl-C ends at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def queries_of(args: argparse.Namespace) -> dict[Modality, StreamQuery]:
    """The queries that were given."""
    given = {part: getattr(args, part.value, None) for part in Modality}
    return {part: StreamQuery.parse(text) for part, text in given.items() if text is not None}


def load_model(path: Path | None, hop_s: float | None) -> tuple[Bundle, Predictor]:
    """The bundle and a predictor on it; the demonstration model where no path is given."""
    bundle = load_bundle(path or resources.assets() / DEMO_MODEL)
    settings = PipelineSettings.from_dict(bundle.spec.pipeline)
    if hop_s is not None:
        settings = settings.with_hop(hop_s)
    return bundle, Predictor(Pipeline(settings), Runtime(bundle), Decoder(bundle))


def output_of(path: Path | None, bundle: Bundle, *, replace: bool) -> PredictionSink:
    """The file that was asked for, or JSON lines on stdout."""
    return JsonLines(sys.stdout) if path is None else open_output(path, bundle.labels, replace=replace)


def replay(args: argparse.Namespace) -> int:
    """Predictions from a recording."""
    recording = XdfSource(args.file, args.start, args.stop)
    if args.lsl:
        return _emit(recording, args.speed)
    source = recording if math.isinf(args.speed) else PacedSource(recording, args.speed)
    streams = source.start()
    cast = Cast(load_profiles(resources.devices()), queries_of(args))
    cast.choose(info for info in streams if recording.n_samples(info.stream_id))
    for warning in recording.warnings:
        say(f"warning: {warning}")
    _check_parts(cast, streams, args.file)
    recording.select([info.stream_id for info in streams if cast.role_of(info) is not None])
    bundle, predictor = load_model(args.model, args.hop)
    output = output_of(args.out, bundle, replace=True)
    with stop_on_signal() as stop, _bar(recording, quiet=args.quiet) as bar:
        engine = Engine(_Watched(source, recording, bar), cast, predictor, told_events(), [output])
        try:
            engine.run(streams, stop)
        except RtemoError:
            output.discard()
            raise
        finally:
            output.close()
    tell_summary(engine, predictor)
    if engine.n_predictions == 0 and not stop.is_set():
        raise RtemoError(
            f"{args.file} gives no prediction", why_none(predictor), "give at least five seconds of signal"
        )
    return INTERRUPTED if stop.is_set() else 0


def _check_parts(cast: Cast, streams: Sequence[StreamInfo], path: Path) -> None:
    """At least one of EEG and gaze, and what was asked for."""
    listed = " | ".join(info.describe() for info in streams)
    if missing := cast.missing():
        asked = ", ".join(f"{part} ({cast.queries[part]})" for part in missing)
        raise RtemoError(f"{path} has no stream for {asked}", listed, "correct the query")
    if not ({Modality.EEG, Modality.GAZE} & set(cast.parts)):
        raise RtemoError(f"{path} has no EEG and no gaze stream with samples", listed, "name one with --eeg or --gaze")


def told_events(path: Path | None = None) -> EventLog:
    """An event log whose notes, losses and failures are also said on stderr."""
    events = EventLog(path)
    events.listen(lambda event: say(f"{event.kind.value}: {event.text}") if event.kind in SAID else None)
    return events


def tell_summary(engine: Engine, predictor: Predictor) -> None:
    """What the session ran on and what was missing, in a few lines on stderr."""
    used = ", ".join(f"{role.value} from {info.name!r}" for role, info in sorted(engine.roles.items())) or "nothing"
    say(f"{engine.n_predictions} predictions; {used}")
    for role in engine.roles:
        branch = predictor.pipeline.branch(role)
        if branch is None or branch.timeline.rate is None:
            continue
        line = f"{role.value}: {branch.timeline.rate.hz:.6g} Hz, {branch.timeline.n_gaps} gaps"
        if branch.timeline.n_dropped:
            line += f", {branch.timeline.n_dropped} samples without a usable time"
        say(line)
    if predictor.pipeline.n_skipped:
        say(f"{predictor.pipeline.n_skipped} holes without any usable signal were skipped")


def why_none(predictor: Predictor) -> str:
    """Why there was no window."""
    found = []
    for role in sorted(predictor.pipeline.modalities):
        branch = predictor.pipeline.branch(role)
        rate = branch.timeline.rate if branch is not None else None
        found.append(f"{role.value} has too few samples" if rate is None else f"{role.value} at {rate.hz:.4g} Hz")
    return ", ".join(found) or "no usable stream"


@contextlib.contextmanager
def _bar(recording: XdfSource, *, quiet: bool) -> Iterator[tqdm[NoReturn]]:
    """A progress bar in seconds of the recording; none with --quiet or where stderr is no terminal."""
    total = recording.last_s - recording.first_s
    off = quiet or not sys.stderr.isatty()
    with tqdm(total=round(total, 1), unit="s", disable=off, file=sys.stderr, desc="replay") as bar:
        yield bar


class _Watched:
    """A source that moves a progress bar."""

    def __init__(self, source: Source, recording: XdfSource, bar: tqdm[NoReturn]) -> None:
        self._source, self._recording, self._bar = source, recording, bar

    def start(self) -> tuple[StreamInfo, ...]:
        return self._source.start()

    def read(self, timeout_s: float) -> list[Item]:
        items = self._source.read(timeout_s)
        position_s = self._recording.position_s - self._recording.first_s
        if position_s == position_s:  # not NaN
            self._bar.update(max(round(position_s, 1) - self._bar.n, 0))
        return items

    @property
    def exhausted(self) -> bool:
        return self._source.exhausted

    def stop(self) -> None:
        self._source.stop()


def _emit(recording: XdfSource, speed: float) -> int:
    """Send a recording out over LSL."""
    from rtemo.sources.lsl_emit import emit

    if math.isinf(speed):
        raise RtemoError("streams cannot be sent at speed max", "LSL is real time", "give a number as --speed")
    with stop_on_signal() as stop:
        sent = emit(recording, speed, stop, lambda outlets: say(f"sending {len(outlets)} streams; Ctrl-C ends"))
    say("sent " + ", ".join(f"{n} samples of stream {stream}" for stream, n in sent.items()))
    return INTERRUPTED if stop.is_set() else 0


def devices(args: argparse.Namespace) -> int:
    """List, show or check the device profiles."""
    folder = resources.devices()
    if args.action == "check":
        problems = check_profiles(folder)
        for problem in problems:
            print(problem)
        return 2 if problems else 0
    profiles = load_profiles(folder)
    if args.action == "list":
        for profile in profiles:
            print(f"{profile.id:<20} {profile.kind.value:<5} {profile.name}")
        return 0
    chosen = [profile for profile in profiles if profile.id == args.id]
    if not chosen:
        known = ", ".join(profile.id for profile in profiles)
        raise RtemoError("there is no such device profile", f"found {args.id!r}", f"take one of {known}")
    print((folder / chosen[0].id / "profile.toml").read_text(encoding="utf-8"), end="")
    readme = folder / chosen[0].id / "README.md"
    if readme.is_file():
        print("\n" + readme.read_text(encoding="utf-8"), end="")
    return 0
