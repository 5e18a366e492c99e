"""`rtemo live`: a headless session on live streams. Also what `rtemo demo --headless` runs on."""

from __future__ import annotations

import argparse
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rtemo.commands.arguments import add_baseline, add_explain, add_model, add_person, add_queries, seconds
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal, warn
from rtemo.commands.data.report import inputs_of
from rtemo.commands.from_arguments import live_setup, settings_of
from rtemo.commands.summary import print_event, print_outputs, print_summary
from rtemo.core.errors import RtemoError, StreamMissing
from rtemo.core.types import Item, Modality, StreamInfo, StreamUp
from rtemo.live.engine.explanations import ExplanationSink
from rtemo.live.log_file import logged
from rtemo.live.output.line_file import StandardOutput
from rtemo.live.output.prediction_files import JsonLines, Lines, PredictionSink, open_output
from rtemo.live.session.assemble_session import SessionRun
from rtemo.live.session.engine_setup import EngineSetup, LiveSource
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.session_folder import SessionFolder
from rtemo.report.write import write_report
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

_LOG = logging.getLogger("rtemo.live")


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
    with logged("live", say), stop_on_signal() as stop:
        return run_live(asked, stop)


def run_live(asked: LiveRun, stop: threading.Event) -> int:
    """One headless session, from looking for streams to the summary."""
    for path in (asked.record, asked.out, asked.explain):
        if path is not None and path.exists():  # now, not when the participant sits there
            raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file")
    BaselinePlan.of(asked.settings)
    setup = live_setup(asked.settings, asked.model, asked.hop_s, asked.persons, publish=asked.publish)
    source = setup.open_source(setup.roles, None)
    try:
        streams, early = _await_streams(source, setup, asked.wait_s, stop)
        if stop.is_set():
            return INTERRUPTED
        outputs = _open_outputs(asked, setup, _by_role(setup.roles, streams, early), stop.set)
        with contextlib.ExitStack() as closing:
            closing.callback(outputs.close)
            session = SessionRun(
                setup, source, asked.settings, outputs.events, outputs.sinks, outputs, duration_s=asked.duration_s
            )
            if asked.explain is not None:
                explanations = ExplanationSink(asked.explain, setup.bundle, session.predictor, outputs.queued)
                closing.callback(explanations.close)
                session.engine.add_outputs([explanations])
            session.run(streams, stop, early)
    finally:
        source.stop()
    print_summary(session.engine, session.predictor)
    print_outputs(outputs)
    _print_recording(outputs)
    if outputs.folder is not None:
        _report(outputs.folder, asked.model)
    _check_lost(source, asked)
    return INTERRUPTED if stop.is_set() and not outputs.unread else 0


def _await_streams(
    source: LiveSource, setup: EngineSetup, wait_s: float, stop: threading.Event
) -> tuple[tuple[StreamInfo, ...], list[Item]]:
    """Wait until everything that was asked for is there, or anything usable where nothing was asked for.

    Raises StreamMissing with what is on the network, RtemoError where several streams fit.
    """
    roles, clock = setup.roles, setup.clock
    streams = source.start()
    early: list[Item] = []
    end_s = clock() + wait_s
    announced = False
    while not stop.is_set() and (roles.missing() or not roles.filled & {Modality.EEG, Modality.GAZE}):
        if not announced:
            say("waiting for streams; `rtemo streams` shows what is there")
            announced = True
        if clock() >= end_s:
            raise _missing(roles, wait_s)
        early += source.read(min(0.2, max(end_s - clock(), 0.0)))
    return streams, early


def _missing(roles: StreamRoles, wait_s: float) -> StreamMissing:
    from rtemo.sources.lsl.discovery import discover  # after `configure`

    asked = ", ".join(f"{part.value} ({roles.queries[part]})" for part in roles.missing()) or "EEG or gaze"
    seen = " | ".join(info.describe() for info in discover(1.0)) or "no stream at all"
    return StreamMissing(
        f"no stream for {asked} within {wait_s:g} s", f"on the network: {seen}", "start it, or correct the query"
    )


def _open_outputs(
    asked: LiveRun, setup: EngineSetup, streams: dict[str, StreamInfo], nobody_reads: Callable[[], object]
) -> SessionOutputs:
    """Everything that the session writes."""
    sinks: list[PredictionSink] = []
    if asked.out is not None:
        sinks.append(open_output(asked.out, setup.bundle.labels, replace=False))
    elif asked.session_root is None or asked.console is Lines:
        sinks.append(Lines(StandardOutput().line) if asked.console is Lines else JsonLines(StandardOutput()))
    request = OutputsRequest(
        asked.settings,
        asked.session_root,
        asked.record,
        sinks,
        setup.publish,
        _plain(asked),
        streams,
        nobody_reads if asked.explain is None else None,
    )
    outputs = SessionOutputs(request, setup.bundle, setup.hop_s, setup.clock)
    outputs.events.listen(outputs.queued("terminal", print_event).put)
    if outputs.folder is not None:
        say(f"session folder: {outputs.folder.path}")
    return outputs


def _print_recording(outputs: SessionOutputs) -> None:
    """What was recorded, after everything was closed. Raises RtemoError where the recording is not whole."""
    if outputs.recorder is None:
        return
    status = outputs.recorder.status()
    say(f"{', '.join(map(str, status.paths))}: {status.bytes_written / 1e6:.1f} MB")
    for problem in status.problems:
        warn(problem)
    if n_lost := sum(status.lost.values()):
        warn(f"{n_lost} samples are not in the recording")
    outputs.check_recording()


def _check_lost(source: LiveSource, asked: LiveRun) -> None:
    """A stream that was asked for and is gone at the end was lost for good."""
    lost = [part.value for part in asked.settings.queries if part.value in source.missing and part != Modality.MARKERS]
    if lost:
        raise StreamMissing(f"the {' and the '.join(lost)} stream was lost and did not come back", "", "see the events")


def _report(folder: SessionFolder, model: Path | None) -> None:
    """Write the report. Whatever goes wrong there is no fault of the session."""
    try:
        write_report(folder.path, folder.report, inputs_of(model, None))
    except Exception as error:  # noqa: BLE001 - the session is whole
        _LOG.warning("no report was written", exc_info=error)
        warn(f"no report was written: {error}; try `rtemo report {folder.path}`")
    else:
        say(f"report: {folder.report}")


def _plain(asked: LiveRun) -> dict[str, Any]:
    """What the command line asked for, beside the settings."""
    plain = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(asked).items()}
    plain["persons"] = [str(path) for path in asked.persons]
    del plain["console"], plain["settings"]
    return plain


def _by_role(roles: StreamRoles, streams: tuple[StreamInfo, ...], early: list[Item]) -> dict[str, StreamInfo]:
    infos = [*streams, *(item.info for item in early if isinstance(item, StreamUp))]
    found = ((roles.role_of(info), info) for info in infos)
    return {(role.value if role != Modality.MARKERS else info.stream_id): info for role, info in found if role}
