"""What a live engine works with: the model, the streams' roles, and how sources and predictors are made."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtemo.live.output.receivers import Receivers
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.predictor import Predictor
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.recording_source import RecordedSource
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.stream_roles import StreamRoles


@dataclass(frozen=True, slots=True)
class EngineSetup:
    """What live sessions have in common.

    open_source: a source on what the roles choose. It writes into the mapping why several streams that fit leave a role
    empty, by the role's name; without one that is an error. report: the command that writes the report of a session
    folder; None for no reports. persons: calibrations to begin with. receivers: on the network, for all sessions; None
    for none. root: of sessions that are started by remote control and name none. token: what others on the network
    need. engine: where this engine can be reached, by the scripts beside its sessions. stopwatch:
    see LiveOptions.
    """

    roles: StreamRoles
    open_source: Callable[[ParticipantRoles, dict[str, str] | None], RecordedSource]
    new_predictor: Callable[[], Predictor]
    bundle: Bundle
    hop_s: float
    clock: Callable[[], float]
    publish: bool = True
    report: Callable[[Path], Sequence[str]] | None = None
    persons: tuple[PersonalCalibration, ...] = ()
    receivers: Receivers | None = None
    root: Path = Path("rtemo")
    token: str = ""
    engine: Endpoint | None = None
    stopwatch: Callable[[], float] = time.perf_counter
