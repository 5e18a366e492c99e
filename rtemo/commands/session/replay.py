"""`rtemo replay`: a recording through the live engine, or out over LSL again."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rtemo.commands.arguments import add_baseline, add_explain, add_model, add_person, add_queries, number, seconds
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal, warn
from rtemo.commands.from_arguments import load_model, open_recordings
from rtemo.commands.summary import print_event, print_summary, why_no_prediction
from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, StreamInfo, StreamUp
from rtemo.live.engine.run_together import READ_S
from rtemo.live.output.line_file import LineFile, StandardOutput
from rtemo.live.output.prediction_files import JsonLines, PredictionSink, open_output
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.predictor import Predictor
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.calibrations import load_persons
from rtemo.recordings.events import EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.base import Source
from rtemo.sources.xdf.source import XdfSource

if TYPE_CHECKING:
    from tqdm import tqdm


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
    if args.baseline is not None:
        BaselinePlan.parse(args.baseline)  # before a large file is looked through
    if args.lsl:
        return _emit(XdfSource(args.file, args.start, args.stop), args.speed)
    recordings = open_recordings(args, args.file, (args.start, args.stop))
    _check_alone(args, recordings)
    models = [load_model(args.model, args.hop) for _ in recordings]
    bundle = models[0][0]
    if bundle.spec.uncalibrated:
        warn(bundle.spec.uncalibrated)
    given = load_persons(args.person, bundle)
    log = EventLog()
    log.listen(print_event)
    output: PredictionSink = JsonLines(StandardOutput())
    if args.out is not None:
        output = open_output(args.out, bundle.labels, replace=True, ratings=bundle.rating_names)
    with stop_on_signal() as stop, contextlib.ExitStack() as closing:
        for recording in recordings:
            closing.callback(recording.close)
        closing.callback(output.close)
        explanations = closing.enter_context(contextlib.closing(LineFile(args.explain))) if args.explain else None
        try:
            replays = [
                _Replay(args, recording, model, log, output, given, explanations, closing)
                for recording, model in zip(recordings, models, strict=True)
            ]
            if math.isinf(args.speed):
                for one in replays:
                    one.engine.run(one.recording.opening, stop)
            else:
                _run_in_step(replays, stop)
        except RtemoError:
            output.discard()
            raise
    for one in replays:
        one.print_end()
    if not any(one.engine.n_predictions for one in replays) and not stop.is_set():
        why = why_no_prediction(replays[0].predictor)
        raise RtemoError(f"{args.file} gives no prediction", why, "give at least five seconds of signal")
    return INTERRUPTED if stop.is_set() else 0


def _check_alone(args: argparse.Namespace, recordings: Sequence[OpenRecording]) -> None:
    """Refuse what is of one participant in a replay of several."""
    if len(recordings) > 1 and args.person:
        found = f"the recording is of {', '.join(one.participant for one in recordings)}"
        raise RtemoError("--person is for one participant", found, "name one with --participant ID")


class _Replay:
    """The replay of a recording, or of one of its participants."""

    def __init__(
        self,
        args: argparse.Namespace,
        recording: OpenRecording,
        model: tuple[Bundle, Predictor],
        log: EventLog,
        output: PredictionSink,
        given: Sequence[PersonalCalibration],
        explanations: LineFile | None,
        closing: contextlib.ExitStack,
    ) -> None:
        self.recording = recording
        bundle, self.predictor = model
        paced = not math.isinf(args.speed)
        bar = closing.enter_context(progress_bar(recording.source, recording.participant, quiet=args.quiet))
        source = _paced(recording.source, args.speed) if paced else recording.source
        self.source = with_progress(source, recording, bar)
        self.engine = replay_engine(
            recording, self.predictor, bundle, log, [output], given, warn=warn, source=self.source, paced=paced
        )
        if explanations is not None:
            from rtemo.live.engine.explanations import ExplanationFile

            ExplanationFile(explanations, bundle, self.predictor, recording.participant)

    def print_end(self) -> None:
        """What was odd about the recording while it was read, and the summary."""
        for notice in self.recording.source.warnings[len(self.recording.file_warnings) :]:
            warn(notice)
        print_summary(self.engine, self.predictor, self.recording.participant)


def _run_in_step(replays: Sequence[_Replay], stop: threading.Event) -> None:
    """All at once, in their own time: the one that is behind the others goes on."""
    for one in replays:
        one.engine.announce([StreamUp(info) for info in one.recording.opening])
    while not stop.is_set() and (left := [one for one in replays if not one.source.exhausted]):
        behind = min(left, key=_position_s)
        behind.engine.step(behind.source.read(READ_S))
    for one in replays:
        one.source.stop()
        one.engine.end_with(())


def _position_s(replay: _Replay) -> float:
    """How far it has been read, LSL time; before it is read at all it is behind everything."""
    position_s = replay.recording.source.position_s
    return -math.inf if math.isnan(position_s) else position_s


def _paced(source: XdfSource, speed: float) -> Source:
    from rtemo.sources.paced import PacedSource

    return PacedSource(source, speed)


@contextlib.contextmanager
def progress_bar(recording: XdfSource, participant: str = "", *, quiet: bool) -> Iterator[tqdm[NoReturn] | None]:
    """A progress bar in seconds of the recording; none with --quiet or where stderr is no terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm  # only where it is shown: it takes as long to load as a minute of a recording

    total = recording.last_s - recording.first_s
    what = f"replay {participant}".strip()
    with tqdm(total=round(total, 1), unit="s", file=sys.stderr, desc=what) as bar:
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
