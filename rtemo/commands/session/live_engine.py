"""The engine of `rtemo live`: one headless session on the streams that the recorder reads."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rtemo.commands.console import INTERRUPTED, say, warn
from rtemo.commands.data.report import inputs_of
from rtemo.commands.session.live_setup import live_setup
from rtemo.commands.summary import print_event, print_outputs, print_summary
from rtemo.core.errors import RtemoError, StreamMissing
from rtemo.core.types import Item, Modality, StreamInfo, StreamUp
from rtemo.live.engine.explanations import ExplanationSink
from rtemo.live.output.line_file import LineFile, StandardOutput
from rtemo.live.output.prediction_files import JsonLines, Lines, PredictionSink, open_output
from rtemo.live.script.script_process import ScriptPlace
from rtemo.live.service.headless_feed import HeadlessFeed
from rtemo.live.session.assemble_session import SessionRun
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.joint_session import JointSession
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.live.session.take_up import TakenUpSession
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.recording_source import RecordedSource
from rtemo.recordings.calibrations import load_persons
from rtemo.recordings.events import EventKind
from rtemo.recordings.session_folder import SessionFolder
from rtemo.report.write import write_report
from rtemo.sources.participant_roles import ParticipantRoles, role_name
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import SessionSettings

_LOG = logging.getLogger("rtemo.live")


@dataclass(frozen=True, slots=True)
class LiveRun:
    """What a headless session is asked to do. console: how predictions look on stdout where there is no `out`.

    json_lines: as JSON lines on stdout in any case. again: an engine before this one ended, whose files may exist.
    """

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
    json_lines: bool = False
    again: bool = False


def run_live(asked: LiveRun, recorder: Endpoint, stop: threading.Event) -> int:
    """One headless session, from looking for streams to the summary. recorder: where its process can be reached."""
    setup = live_setup(asked.settings, asked.model, asked.hop_s, asked.persons, recorder, publish=asked.publish)
    roles = ParticipantRoles(setup.roles.profiles, asked.settings)
    source = setup.open_source(roles, None)
    try:
        return _run(asked, setup, roles, source, stop)
    finally:
        if setup.receivers is not None:
            setup.receivers.end()


def _run(
    asked: LiveRun, setup: EngineSetup, roles: ParticipantRoles, source: RecordedSource, stop: threading.Event
) -> int:
    try:
        persons = _persons(asked, setup)
        if setup.receivers is not None:
            setup.receivers.adopt(asked.settings.outputs)
        source.start()
        taken_up = TakenUpSession(source.running, setup.roles.profiles) if source.running is not None else None
        if taken_up is None:
            _await_streams(source, roles, setup.clock, asked.wait_s, stop)
        if stop.is_set() or source.ending:
            return INTERRUPTED
        outputs = _open_outputs(asked, setup, roles, source, taken_up, stop.set)
        left_s = asked.duration_s
        if left_s is not None:
            left_s -= setup.clock() - outputs.started_s
        with contextlib.ExitStack() as closing:
            closing.callback(outputs.close)
            closing.push(lambda _kind, error, _trace: _leave_broken(error, source, outputs))
            session = JointSession(setup, roles, source, asked.settings, outputs, persons=persons, duration_s=left_s)
            if asked.explain is not None:
                _explain(asked, asked.explain, setup, outputs, session, closing)
            outputs.record_screen()
            if asked.settings.outputs.script:
                run_beside(asked.settings.outputs.script, setup, outputs, session, closing)
            session.run(stop)
    finally:
        source.stop()
    for participant, run in session.runs.items():
        print_summary(run.engine, run.predictor, participant)
    print_outputs(outputs)
    _print_recording(outputs)
    if outputs.folder is not None:
        _report(outputs.folder, asked.model)
    _check_lost(source, asked)
    return INTERRUPTED if source.ending or (stop.is_set() and not outputs.unread) else 0


def _leave_broken(error: BaseException | None, source: RecordedSource, outputs: SessionOutputs) -> None:
    """Leave the session to the next engine where something broke this one that nobody thought of."""
    if isinstance(error, Exception) and not isinstance(error, RtemoError):
        source.leave()
        outputs.leave()


def _explain(
    asked: LiveRun,
    path: Path,
    setup: EngineSetup,
    outputs: SessionOutputs,
    session: JointSession,
    closing: contextlib.ExitStack,
) -> None:
    """Write what everybody's predictions rest on into one file."""
    goes_on = outputs.taken_up is not None
    file, after_s = LineFile(path, goes_on=goes_on or asked.again), setup.clock() if goes_on else -1.0
    lines = outputs.queued(str(path), file.write, file.close)
    for participant, run in session.runs.items():
        explanations = ExplanationSink(lines, setup.bundle, run.predictor, participant, after_s)
        closing.callback(explanations.close)
        run.engine.add_outputs([explanations])


def run_beside(
    script: str, setup: EngineSetup, outputs: SessionOutputs, session: JointSession, closing: contextlib.ExitStack
) -> None:
    """Run a user's script beside the session, which is shown all participants and may concern each."""
    place = Endpoint(f"live-{os.getpid()}-script")
    obey: dict[str, Callable[..., object]] = {
        name: partial(_submitted, session, name) for name in session.commands.names
    }
    obey["give"] = outputs.give
    obey["failed"] = partial(outputs.note, EventKind.FAILURE)
    shown = HeadlessFeed(place, setup.clock, obey, tuple(session.runs))
    closing.callback(shown.close)
    for whose, run in session.runs.items():
        run.engine.add_outputs([shown])
        run.predictor.watches.append(shown.feed.samples_of(whose).put_window)
        run.turns.append(partial(_show, shown, whose, run))
    outputs.events.listen(shown.feed.put_event)
    participants = tuple(filter(None, session.runs))
    outputs.run_script(ScriptPlace(Path(script), place.name, place.folder, participants))


def _submitted(session: JointSession, name: str, participant: str = "", **arguments: Any) -> None:
    session.commands.submit(name, participant, arguments)


def _show(shown: HeadlessFeed, participant: str, run: SessionRun) -> None:
    shown.update(run.predictor.pipeline, participant)


def _persons(asked: LiveRun, setup: EngineSetup) -> dict[str, tuple[PersonalCalibration, ...]] | None:
    """The calibrations that each of several participants begins with; None where they are the setup's."""
    whose = asked.settings.participants
    return {one.id: load_persons(map(Path, one.person), setup.bundle) for one in whose} if whose else None


def _await_streams(
    source: RecordedSource, roles: ParticipantRoles, clock: Callable[[], float], wait_s: float, stop: threading.Event
) -> None:
    """Wait until everything that was asked for is there, or anything usable where nothing was asked for.

    Raises StreamMissing with what is on the network, RtemoError where several streams fit.
    """
    end_s = clock() + wait_s
    announced = False
    while not (stop.is_set() or source.ending) and (_absent(roles, source) or not roles.filled.intersection(OWN_ROLES)):
        if not announced:
            say("waiting for streams; `rtemo streams` shows what is there")
            announced = True
        if clock() >= end_s:
            raise _missing(roles, wait_s, source)
        source.read(min(0.2, max(end_s - clock(), 0.0)))


def _absent(roles: ParticipantRoles, source: RecordedSource) -> tuple[str, ...]:
    """The streams that are asked for and not there, with their queries."""
    return (*roles.missing(), *roles.missing_ratings(source.announced.infos.values(), source.visible))


def _missing(roles: ParticipantRoles, wait_s: float, source: RecordedSource) -> StreamMissing:
    asked = ", ".join(_absent(roles, source)) or "EEG or gaze"
    seen = " | ".join(info.describe() for info in source.visible) or "no stream at all"
    return StreamMissing(
        f"no stream for {asked} within {wait_s:g} s", f"on the network: {seen}", "start it, or correct the query"
    )


def _open_outputs(
    asked: LiveRun,
    setup: EngineSetup,
    roles: ParticipantRoles,
    source: RecordedSource,
    taken_up: TakenUpSession | None,
    nobody_reads: Callable[[], object],
) -> SessionOutputs:
    """Everything that the session writes."""
    goes_on = taken_up is not None
    there = goes_on or asked.again  # an engine may have ended before its recording began
    sinks: list[PredictionSink] = []
    if asked.out is not None:
        made_by = setup.bundle
        sinks.append(open_output(asked.out, made_by.labels, replace=False, goes_on=there, ratings=made_by.rating_names))
    elif asked.console is Lines:
        sinks.append(Lines(StandardOutput().line))
    elif asked.session_root is None and not asked.json_lines:
        sinks.append(JsonLines(StandardOutput()))
    if asked.json_lines:
        sinks.append(JsonLines(StandardOutput()))
    root = None if goes_on else asked.session_root
    by_role = _by_role(roles, source.opening())
    request = OutputsRequest(
        asked.settings,
        root,
        asked.record,
        sinks,
        setup.publish,
        _plain(asked),
        by_role,
        nobody_reads if asked.explain is None else None,
        setup.receivers,
    )
    outputs = SessionOutputs(request, setup.bundle, setup.hop_s, setup.clock, source, taken_up=taken_up)
    outputs.events.listen(outputs.queued("terminal", print_event).put)
    if goes_on:
        outputs.note(EventKind.SESSION, "the engine was started again; its state is rebuilt from the recording")
    elif outputs.folder is not None:
        say(f"session folder: {outputs.folder.path}")
    return outputs


def _print_recording(outputs: SessionOutputs) -> None:
    """What was recorded, after everything was closed. Raises RtemoError where the recording is not whole."""
    status = outputs.recording_status()
    if status is None:
        return
    names = ", ".join(map(str, status.paths)) or str(outputs.recording)
    say(f"{names}: {status.bytes_written / 1e6:.1f} MB")
    for problem in status.problems:
        warn(problem)
    if n_lost := sum(status.lost.values()):
        warn(f"{n_lost} samples are not in the recording")
    outputs.check_recording()


def _check_lost(source: RecordedSource, asked: LiveRun) -> None:
    """A stream that was asked for and is gone at the end was lost for good."""
    wanted = [role_name(own.alone, part) for own in asked.settings.each for part in own.queries if part in OWN_ROLES]
    lost = [name for name in wanted if name in source.missing]
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
    del plain["console"], plain["json_lines"], plain["settings"]
    return plain


def _by_role(roles: ParticipantRoles, opening: Sequence[Item]) -> dict[str, StreamInfo]:
    infos = [item.info for item in opening if isinstance(item, StreamUp)]
    found = ((roles.role_of(info), info) for info in infos)
    return {(role if role != Modality.MARKERS else info.stream_id): info for role, info in found if role}
