"""The engine on a recording: put together here for `rtemo replay`, `rtemo calibrate`, the window and `rtemo report`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtemo.live.engine.engine import Engine
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.predictor import Predictor
from rtemo.recordings.events import EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.base import Source


def replay_engine(
    recording: OpenRecording,
    predictor: Predictor,
    bundle: Bundle,
    log: EventLog,
    sinks: Sequence[PredictionSink] = (),
    persons: Sequence[PersonalCalibration] = (),
    *,
    warn: Callable[[str], None],
    source: Source | None = None,
    paced: bool = False,
) -> Engine:
    """An engine with the recording's baseline, calibrations and self-reports, that has not begun.

    predictor: a fresh one on `bundle`. persons: calibrations that are asked for. warn: takes what is missing, one line
    at a time. source: reads the recording in another way (with a progress bar, say). paced: predictions come at once,
    not as fast as possible.
    """
    if not paced:
        predictor.work_ahead()
    recording.prepare(predictor, bundle, persons, log, warn)
    for note in recording.notes:
        log.add(note)
    return Engine(
        source or recording.source,
        recording.roles,
        predictor,
        log,
        sinks,
        session_streams=recording.session_stream.stream_ids,
        participant=recording.participant,
    )
