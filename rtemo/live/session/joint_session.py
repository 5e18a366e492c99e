"""A live session of one participant or of several: one recording and, for each participant, what a session of that one
alone would have.

Each has a SessionRun of its own: roles, pipeline, model, baseline, calibration and saved state. They share the source,
the folder, the files and the markers, and are turned by one thread. So what one participant's predictions are depends
on nobody else's streams. One participant who is not told apart is the usual case, and runs as ever.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rtemo.core.types import Item
from rtemo.live.engine.run_together import run_together
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.live.session.assemble_session import SessionRun
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.session.outputs import SessionOutputs
from rtemo.live.session.person_commands import PersonCommands
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.recorder.recording_source import RecordedSource
from rtemo.recordings.events import EventLog, participant_log
from rtemo.sources.participant_roles import ItemsOfEach, ParticipantRoles
from rtemo.sources.session_settings import SessionSettings


class JointSession:
    """The engines of a session. Owned by the thread that turns them."""

    def __init__(
        self,
        setup: EngineSetup,
        roles: ParticipantRoles,
        source: RecordedSource,
        settings: SessionSettings,
        outputs: SessionOutputs | None,
        *,
        persons: Mapping[str, tuple[PersonalCalibration, ...]] | None = None,
        duration_s: float | None = None,
        patient: bool = False,
        sinks: Mapping[str, Sequence[PredictionSink]] | None = None,
        events: EventLog | None = None,
    ) -> None:
        """See SessionRun. roles: of everybody's streams; those of the setup are not looked at. persons: calibrations to
        begin with, by participant; None: the setup's. sinks: of predictions, by participant, and events: where there
        are none of the outputs, or these are not to be used.
        """
        self._source, self._items = source, ItemsOfEach(roles.each)
        shared = events or (outputs.events if outputs is not None else EventLog())
        opening = self._items.split(outputs.opening if outputs is not None else source.opening())
        self.runs: dict[str, SessionRun] = {}
        engines = len(settings.each)
        for own in settings.each:
            whose = own.alone
            log = participant_log(shared, whose, states_shared=not self.runs) if whose else shared
            alone = replace(setup, roles=roles.each[whose])
            if persons is not None:
                alone = replace(alone, persons=persons.get(whose, ()))
            given = sinks[whose] if sinks is not None else outputs.sinks_of(whose) if outputs is not None else ()
            self.runs[whose] = SessionRun(
                alone,
                source,
                own,
                log,
                given,
                outputs,
                patient=patient,
                duration_s=duration_s,
                opening=opening[whose],
                engines=engines,
            )
        self._commands: PersonCommands | None = None
        if outputs is not None:
            self._commands = PersonCommands(self.runs, outputs, setup.clock)
            next(iter(self.runs.values())).turns.append(self._commands.turn)

    @property
    def commands(self) -> PersonCommands:
        """What may be asked of a session that is kept."""
        assert self._commands is not None
        return self._commands

    def step(self, items: Sequence[Item]) -> None:
        """Give each what concerns it. For whoever reads the source himself instead of calling `run`."""
        for run, own in zip(self.runs.values(), self._items.split(items).values(), strict=True):
            run.engine.step(own)
        if self._commands is not None:
            self._commands.turn()

    def after_read(self) -> None:
        """Look after what goes on by itself. To be called once a read, by whoever reads."""
        for run in self.runs.values():
            run.after_read()

    @property
    def pause_s(self) -> float:
        """For how long nothing needs to be read."""
        return min(run.engine.pause_s for run in self.runs.values())

    def run(self, stop: threading.Event) -> None:
        """Until the time is over or `stop` is set; see run_together. Keeps the baselines at the end."""
        for run in self.runs.values():
            run.stop = stop
        engines = [run.engine for run in self.runs.values()]
        run_together(engines, lambda items: list(self._items.split(items).values()), self._source, (), stop)
        self.commands.close()
        for run in self.runs.values():
            run.end()

    def finish(self) -> None:
        """The last predictions, for whoever steps the engines himself. Nothing may be stepped afterwards."""
        self.step(self._source.hold())
        self.commands.close()
        for run in self.runs.values():
            run.engine.finish()
            run.end()
