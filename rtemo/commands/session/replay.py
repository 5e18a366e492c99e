"""`rtemo replay`: a recording through the live engine, or out over LSL again."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rtemo.commands.arguments import add_baseline, add_explain, add_model, add_person, add_queries, number, seconds
from rtemo.commands.asked_settings import settings_of
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal, warn
from rtemo.commands.from_arguments import load_model, open_recording
from rtemo.commands.summary import print_event, print_summary, why_no_prediction
from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo
from rtemo.live.output.line_file import StandardOutput
from rtemo.live.output.prediction_files import JsonLines, PredictionSink, open_output
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.calibrations import load_persons
from rtemo.recordings.events import EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.base import Source
from rtemo.sources.xdf.source import XdfSource

if TYPE_CHECKING:
    from tqdm import tqdm

    from rtemo.live.engine.explanations import ExplanationFile


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("file", type=Path, metavar="FILE.xdf")
    p.add_argument("--speed", type=_speed, default=1.0, metavar="N|max", help="times real time (default: 1)")
    p.add_argument("--lsl", action="store_true", help="send every stream out over LSL instead of predicting")
    add_queries(p, markers=False)
    add_model(p)
    add_person(p)
    add_explain(p)
    add_baseline(p, "FILE.json|START:STOP|marker=BEGIN,END")
    p.add_argument("--start", type=seconds, metavar="S", help="begin S seconds after the first sample")
    p.add_argument("--stop", type=seconds, metavar="S", help="end S seconds after the first sample")
    p.add_argument("--out", type=Path, metavar="FILE.jsonl|.csv", help="predictions (default: JSON lines on stdout)")
    p.add_argument("--quiet", action="store_true", help="no progress bar")


def _speed(text: str) -> float:
    if text == "max":
        return float("inf")
    value = number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number or max; found {text!r}")
    return value


def run(args: argparse.Namespace) -> int:
    """Predictions from a recording."""
    BaselinePlan.of(settings_of(args))  # before a large file is looked through
    if args.lsl:
        return _emit(XdfSource(args.file, args.start, args.stop), args.speed)
    bundle, predictor = load_model(args.model, args.hop)
    if bundle.spec.uncalibrated:
        warn(bundle.spec.uncalibrated)
    given = load_persons(args.person, bundle)
    recording = open_recording(args, args.file, (args.start, args.stop))
    log = EventLog()
    log.listen(print_event)
    output: PredictionSink = JsonLines(StandardOutput())
    if args.out is not None:
        output = open_output(args.out, bundle.labels, replace=True, ratings=bundle.rating_names)
    explained: ExplanationFile | None = None
    with stop_on_signal() as stop, progress_bar(recording.source, quiet=args.quiet) as bar:
        paced = not math.isinf(args.speed)
        source = with_progress(_paced(recording.source, args.speed) if paced else recording.source, recording, bar)
        try:
            engine = replay_engine(
                recording, predictor, bundle, log, [output], given, warn=warn, source=source, paced=paced
            )
            if args.explain is not None:
                from rtemo.live.engine.explanations import ExplanationFile

                explained = ExplanationFile(args.explain, bundle, predictor)
            engine.run(recording.opening, stop)
        except RtemoError:
            output.discard()
            raise
        finally:
            recording.close()
            output.close()
            if explained is not None:
                explained.close()
    for notice in recording.source.warnings[len(recording.file_warnings) :]:  # damage that was met while reading
        warn(notice)
    print_summary(engine, predictor)
    if engine.n_predictions == 0 and not stop.is_set():
        raise RtemoError(
            f"{args.file} gives no prediction", why_no_prediction(predictor), "give at least five seconds of signal"
        )
    return INTERRUPTED if stop.is_set() else 0


def _paced(source: XdfSource, speed: float) -> Source:
    from rtemo.sources.paced import PacedSource

    return PacedSource(source, speed)


@contextlib.contextmanager
def progress_bar(recording: XdfSource, *, quiet: bool) -> Iterator[tqdm[NoReturn] | None]:
    """A progress bar in seconds of the recording; none with --quiet or where stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm  # only where it is shown: it takes as long to load as a minute of a recording

    total = recording.last_s - recording.first_s
    with tqdm(total=round(total, 1), unit="s", file=sys.stderr, desc="replay") as bar:
        yield bar


def with_progress(source: Source, recording: OpenRecording, bar: tqdm[NoReturn] | None) -> Source:
    """The source, moving the progress bar where there is one."""
    return source if bar is None else SourceWithProgress(source, recording.source, bar)


class SourceWithProgress:
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
    from rtemo.sources.lsl.emit import emit

    if math.isinf(speed):
        raise RtemoError("streams cannot be sent at speed max", "LSL is real time", "give a number as --speed")
    with stop_on_signal() as stop:
        sent = emit(recording, speed, stop, lambda outlets: say(f"sending {len(outlets)} streams; Ctrl-C ends"))
    say("sent " + ", ".join(f"{n} samples of stream {stream}" for stream, n in sent.items()))
    return INTERRUPTED if stop.is_set() else 0
