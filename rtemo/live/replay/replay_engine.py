"""The engine on a recording: put together here for `rtemo replay`, `rtemo calibrate`, the window and `rtemo report`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rtemo.live.engine.engine import Engine
from rtemo.live.output.prediction_files import PredictionSink
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.predictor import Predictor
from rtemo.recordings.events import EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.recordings.session_facts import SessionFacts
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
    for what in _other_than_live(recording.facts, predictor.pipeline.settings.window.hop_s, bundle):
        warn(what)
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


def _other_than_live(facts: SessionFacts, hop_s: float, bundle: Bundle) -> Iterator[str]:
    """Why these predictions cannot be the ones that the session gave."""
    if facts.model and facts.model != bundle.fingerprint:
        yield (
            f"the session decided by another model, {facts.model[:12]}, than this replay, {bundle.fingerprint[:12]}; "
            "for the predictions that it gave, name its own as --model"
        )
    if facts.hop_s is not None and facts.hop_s != hop_s:
        yield (
            f"the session predicted every {facts.hop_s:g} s, this replay every {hop_s:g} s; "
            f"for the predictions that it gave, take --hop {facts.hop_s:g}"
        )
