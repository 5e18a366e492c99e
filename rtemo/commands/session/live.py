"""`rtemo live`: a headless session on live streams. Also what `rtemo demo --headless` runs on."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
import threading
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from rtemo.commands.arguments import add_baseline, add_explain, add_model, add_person, add_queries, seconds
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal
from rtemo.commands.data.report import means_of
from rtemo.commands.wiring import cast_of, load_model, settings_of, tell_summary, told_events
from rtemo.core.errors import RtemoError, StreamMissing
from rtemo.core.types import Item, Modality, StreamInfo, StreamUp
from rtemo.live.engine.engine import Engine, LiveOptions
from rtemo.live.engine.explanations import ExplanationSink
from rtemo.live.output.prediction_files import JsonLines, Lines, PredictionSink, open_output
from rtemo.live.session.telling import Publishing, keep_baseline
from rtemo.model.bundle import Bundle
from rtemo.recorder.recorder import Recorder, RecorderState
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.calibrations import load_persons, use_persons
from rtemo.recordings.session_folder import SessionFolder, model_record
from rtemo.report.write import write_report
from rtemo.sources.lsl.discovery import discover
from rtemo.sources.lsl.source import EveryStream, LslSource, OneStream, local_clock
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What a headless session is asked to do. console: how predictions look on stdout where there is no `out`."""

    settings: SessionSettings = field(default_factory=SessionSettings)
    model: Path | None = None
    hop_s: float | None = None
    record: Path | None = None
    out: Path | None = None
    session_root: Path | None = None
    duration_s: float | None = None
    wait_s: float = 15.0
    publish: bool = True
    persons: tuple[Path, ...] = ()
    explain: Path | None = None
    console: type[JsonLines] | type[Lines] = JsonLines


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    add_queries(p)
    add_model(p)
    add_person(p)
    add_explain(p)
    add_baseline(p, "FILE.json|marker=BEGIN,END")
    p.add_argument("--record", type=Path, metavar="FILE.xdf", help="record everything")
    p.add_argument("--out", type=Path, metavar="FILE.jsonl|.csv", help="predictions (default: JSON lines on stdout)")
    p.add_argument("--duration", type=seconds, metavar="S", help="stop after S seconds (default: until Ctrl-C)")
    p.add_argument("--session", type=Path, metavar="DIR", help="make a session folder in DIR with everything in it")
    p.add_argument("--subject", help="the participant, for the session folder's name (default: the settings')")
    p.add_argument("--no-outlet", action="store_true", help="do not publish predictions on LSL")
    p.add_argument("--wait", type=seconds, default=15.0, metavar="S", help="how long to look for streams (default: 15)")


def run(args: argparse.Namespace) -> int:
    """Predictions from live streams."""
    asked = LiveRun(
        settings=settings_of(args),
        model=args.model,
        hop_s=args.hop,
        record=args.record,
        out=args.out,
        session_root=args.session,
        duration_s=args.duration,
        wait_s=args.wait,
        publish=not args.no_outlet,
        persons=tuple(args.person),
        explain=args.explain,
    )
    with stop_on_signal() as stop:
        return run_live(asked, stop)


def run_live(asked: LiveRun, stop: threading.Event) -> int:
    """One headless session, from looking for streams to the summary."""
    for path in (asked.record, asked.out, asked.explain):
        if path is not None and path.exists():  # said now, not when the participant sits there
            raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file")
    plan = BaselinePlan.of(asked.settings)
    bundle, predictor = load_model(asked.model, asked.hop_s)
    use_persons(load_persons(asked.persons, bundle), predictor)
    if plan is not None:
        plan.prepare(predictor.pipeline, asked.settings.subject)
    cast = cast_of(asked.settings)
    source = LslSource(
        [
            OneStream("eeg", functools.partial(cast.choose_for, Modality.EEG)),
            OneStream("gaze", functools.partial(cast.choose_for, Modality.GAZE)),
            EveryStream("markers", cast.take_marker),
        ]
    )
    try:
        streams, early = _await_streams(source, cast, asked.wait_s, stop)
        if stop.is_set():
            return INTERRUPTED
        with contextlib.ExitStack() as closing:
            outputs = _Outputs(asked, bundle, closing)
            if outputs.folder is not None:
                roles = _by_role(cast, streams, early)
                outputs.folder.write_settings(asked.settings, model_record(bundle), _asked(asked), roles)
            outputs.telling.plan_baseline(plan, predictor.pipeline, outputs.folder)
            if asked.explain is not None:
                outputs.sinks.append(ExplanationSink(asked.explain, bundle, predictor))
                closing.callback(outputs.sinks[-1].close)
            live = LiveOptions(local_clock, duration_s=asked.duration_s)
            engine = Engine(source, cast, predictor, outputs.events, outputs.sinks, outputs.telling.keep, live)
            engine.run(streams, stop, early)
            if outputs.folder is not None:
                keep_baseline(outputs.folder, predictor.pipeline, asked.settings.subject)
    finally:
        source.stop()
    tell_summary(engine, predictor)
    outputs.tell_recording()
    if outputs.folder is not None:
        _report(outputs.folder, asked.model)
    _check_lost(source, asked)
    return INTERRUPTED if stop.is_set() else 0


def _await_streams(
    source: LslSource, cast: StreamRoles, wait_s: float, stop: threading.Event
) -> tuple[tuple[StreamInfo, ...], list[Item]]:
    """Wait until everything that was asked for is there, or anything usable where nothing was asked for.

    Raises StreamMissing with what is on the network, RtemoError where several streams fit.
    """
    streams = source.start()
    early: list[Item] = []
    end_s = local_clock() + wait_s
    told = False
    while not stop.is_set() and (cast.missing() or not cast.parts & {Modality.EEG, Modality.GAZE}):
        if not told:
            say("waiting for streams; `rtemo streams` shows what is there")
            told = True
        if local_clock() >= end_s:
            raise _missing(cast, wait_s)
        early += source.read(min(0.2, max(end_s - local_clock(), 0.0)))
    return streams, early


def _missing(cast: StreamRoles, wait_s: float) -> StreamMissing:
    asked = ", ".join(f"{part.value} ({cast.queries[part]})" for part in cast.missing()) or "EEG or gaze"
    seen = " | ".join(info.describe() for info in discover(1.0)) or "no stream at all"
    return StreamMissing(
        f"no stream for {asked} within {wait_s:g} s", f"on the network: {seen}", "start it, or correct the query"
    )


def _check_lost(source: LslSource, asked: LiveRun) -> None:
    """A stream that was asked for and is gone at the end was lost for good."""
    lost = [part.value for part in asked.settings.queries if part.value in source.missing and part != Modality.MARKERS]
    if lost:
        raise StreamMissing(f"the {' and the '.join(lost)} stream was lost and did not come back", "", "see the events")


def _report(folder: SessionFolder, model: Path | None) -> None:
    """Write the report. Whatever goes wrong there is no fault of the session."""
    try:
        write_report(folder.path, folder.report, means_of(model, None))
    except Exception as error:  # noqa: BLE001 - the session is whole, and is said to be
        say(f"warning: no report was written: {error}; try `rtemo report {folder.path}`")
    else:
        say(f"report: {folder.report}")


class _Outputs:
    """Everything that a session writes, opened in an order in which nothing half-made is left behind."""

    def __init__(self, asked: LiveRun, bundle: Bundle, closing: contextlib.ExitStack) -> None:
        self.folder: SessionFolder | None = None
        if asked.session_root is not None:
            self.folder = SessionFolder.create(asked.session_root, asked.settings.subject, datetime.now().astimezone())
            say(f"session folder: {self.folder.path}")
        self.sinks: list[PredictionSink] = []
        if asked.out is not None:
            self.sinks.append(open_output(asked.out, bundle.labels, replace=False))
        elif self.folder is None or asked.console is Lines:
            self.sinks.append(Lines(print) if asked.console is Lines else JsonLines(sys.stdout))
        if self.folder is not None:
            self.sinks.append(open_output(self.folder.predictions, bundle.labels, replace=False))
        self.events = told_events(self.folder.events if self.folder else None)
        closing.callback(self.events.close)
        self.recorder = self._recorder(asked, closing)
        hop_s = asked.hop_s or bundle.spec.pipeline.window.hop_s
        self.telling = Publishing(
            bundle, hop_s, self.events, self.recorder, local_clock, closing, publish=asked.publish
        )
        for sink in self.sinks:
            closing.callback(sink.close)
        self.sinks.append(self.telling.outlet)

    def tell_recording(self) -> None:
        """What was recorded, after everything was closed."""
        if self.recorder is None:
            return
        status = self.recorder.status()
        say(f"{self.recorder.path}: {status.bytes_written / 1e6:.1f} MB")
        for problem in status.problems:
            say(f"warning: {problem}: {sum(status.lost.values())} samples are not in the recording")
        if status.state is RecorderState.FAILED:
            raise RtemoError("the recording failed", status.error, "what was written before can be read")

    def _recorder(self, asked: LiveRun, closing: contextlib.ExitStack) -> Recorder | None:
        path = asked.record or (self.folder.recording if self.folder else None)
        if path is None:
            return None
        recorder = Recorder(path)
        closing.callback(recorder.close)
        return recorder


def _asked(asked: LiveRun) -> dict[str, object]:
    """What the command line asked for, beside the settings, and when."""
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(asked).items()}
    plain["persons"] = [str(path) for path in asked.persons]
    del plain["console"], plain["settings"]
    return {"started": datetime.now().astimezone().isoformat(timespec="seconds"), **plain}


def _by_role(cast: StreamRoles, streams: tuple[StreamInfo, ...], early: list[Item]) -> dict[str, StreamInfo]:
    infos = [*streams, *(item.info for item in early if isinstance(item, StreamUp))]
    roles = ((cast.role_of(info), info) for info in infos)
    return {(role.value if role != Modality.MARKERS else info.stream_id): info for role, info in roles if role}
