"""What a session learns about its person: labels, and a personal calibration fitted on them, beside the predictions.

A fit takes seconds and runs in a thread on copies; when it is done, the verdict becomes an event, and a calibration
that is better on held-out clips counts from NOTICE_S later on. It is kept in the session's folder with that time, so
that a replay of the recording with it gives the same predictions. Labels also move the level of the sets, see
rtemo.model.uncertainty.adaptive. Everything here but the fit is done in the engine's thread.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from rtemo.core.errors import RtemoError
from rtemo.live.service.snapshot import Progress
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.personal.embedding_memory import EmbeddingMemory
from rtemo.model.personal.fit import FitOutcome, LabelledClip, fit_person
from rtemo.model.personal.session_notes import (
    NOTICE_S,
    CalibrationBegun,
    CalibrationEnded,
    LabelGiven,
    LabelWithdrawn,
    Note,
)
from rtemo.model.predictor import Predictor
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_facts import note_event

_LOG = logging.getLogger("rtemo.calibration")

LONGEST_S = 3600.0  # of one label


class SessionCalibration:
    """One session's labels and calibrations."""

    def __init__(
        self,
        bundle: Bundle,
        predictor: Predictor,
        keep: Callable[[PersonalCalibration], object],
        clock: Callable[[], float],
        add_event: Callable[[Event], object],
    ) -> None:
        """predictor: a fresh one. keep: saves a calibration that is used. add_event: takes the session's events."""
        self._bundle, self._predictor, self._keep = bundle, predictor, keep
        self._clock, self._add_event = clock, add_event
        self._memory = EmbeddingMemory(bundle.spec)
        predictor.watches.append(self._memory.take)
        self._labels: list[LabelGiven] = []
        self._forgotten: set[int] = set()
        self._fit: _Fit | None = None
        self._verdict = ""
        self._calibrated = False

    def begin_with(self, persons: Sequence[PersonalCalibration], from_s: float) -> None:
        """Decide with these calibrations from the session's start on, and keep them, so that a replay finds them."""
        for person in persons:
            self._adopt(person, from_s)

    @property
    def memory(self) -> EmbeddingMemory:
        """What a calibration is fitted on."""
        return self._memory

    def take_up(self, notes: Sequence[tuple[float, Note]]) -> None:
        """Know what was noted before, in the session that is taken up; the predictor was given it already."""
        for _, note in notes:
            match note:
                case LabelGiven():
                    self._labels.append(note)
                case LabelWithdrawn():
                    self._forgotten.add(note.number)
                case CalibrationBegun():
                    self._calibrated = True
                case CalibrationEnded():
                    self._calibrated = False

    @property
    def labels(self) -> tuple[LabelGiven, ...]:
        """Those that count."""
        return tuple(one for one in self._labels if one.number not in self._forgotten)

    def label(self, label: str, begin_s: float, end_s: float) -> None:
        """The person felt, or was shown, this from begin_s to end_s (LSL time)."""
        if label not in self._bundle.labels:
            raise RtemoError(
                f"the model has no label {label!r}", "", f"its labels are {', '.join(self._bundle.labels)}"
            )
        if not (math.isfinite(begin_s) and 0.0 < end_s - begin_s <= LONGEST_S):
            raise RtemoError(
                f"a label lasts up to {LONGEST_S:g} s", f"from {begin_s:g} to {end_s:g}", "correct the times"
            )
        labelled = LabelGiven(len(self._labels), label, begin_s, end_s)
        self._labels.append(labelled)
        self._note(labelled)

    def forget(self, index: int) -> None:
        """Take a label back, by its number in the session from 0 on."""
        if not 0 <= index < len(self._labels) or index in self._forgotten:
            raise RtemoError(f"there is no label {index}", f"{len(self.labels)} are kept", "name one of them")
        self._forgotten.add(index)
        self._note(LabelWithdrawn(index))

    def calibrate(self) -> None:
        """Begin to fit on the labels; `turn` takes the result over."""
        if self._fit is not None:
            raise RtemoError("a calibration is being fitted", "", "wait for its verdict")
        clips = [self._memory.clip(self._bundle.labels.index(one.label), one.begin_s, one.end_s) for one in self.labels]
        self._verdict = ""
        self._fit = _Fit(self._bundle, clips, self._clock())

    def uncalibrate(self) -> None:
        """Go back to the trained heads."""
        if not self._calibrated:
            raise RtemoError("there is no calibration", "", "calibrate first")
        self._calibrated = False
        self._note(CalibrationEnded(self._clock() + NOTICE_S))
        self._verdict = "the trained model counts again"

    def turn(self) -> None:
        """Look whether a fit is done, and take it over or say why not."""
        fit = self._fit
        if fit is None or not fit.done:
            return
        self._fit = None
        if fit.error:
            self._verdict = fit.error
            self._add_event(Event(self._clock(), EventKind.FAILURE, f"calibrate: {fit.error}"))
        elif fit.outcome is not None:
            self._take_over(fit.outcome)

    def progress(self, now_s: float) -> Progress | None:
        """Where the newest calibration stands; None before any."""
        if self._fit is not None:
            return Progress("calibration", now_s - self._fit.begin_s, float("nan"))
        return Progress("calibration", 1.0, 1.0, self._verdict) if self._verdict else None

    def close(self) -> None:
        """Wait for a fit that runs; nobody needs its result any more."""
        if self._fit is not None:
            self._fit.join()
            self._fit = None

    def _take_over(self, outcome: FitOutcome) -> None:
        now_s = self._clock()
        self._verdict = outcome.verdict
        if outcome.person is not None:
            self._adopt(outcome.person, now_s + NOTICE_S)
        self._add_event(Event(now_s, EventKind.NOTE, outcome.verdict))

    def _adopt(self, person: PersonalCalibration, from_s: float) -> None:
        self._keep(replace(person, holds_s=from_s))
        self._predictor.adopt(person, from_s)
        self._calibrated = True
        self._add_event(note_event(self._clock(), CalibrationBegun(from_s)))

    def _note(self, note: Note) -> None:
        now_s = self._clock()
        self._predictor.note(note, now_s)
        self._add_event(note_event(now_s, note))


class _Fit:
    """One fit in a thread."""

    def __init__(self, bundle: Bundle, clips: Sequence[LabelledClip], begin_s: float) -> None:
        self.begin_s = begin_s
        self.outcome: FitOutcome | None = None
        self.error = ""
        self._thread = threading.Thread(target=self._run, args=(bundle, clips), name="calibration", daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()

    def _run(self, bundle: Bundle, clips: Sequence[LabelledClip]) -> None:
        try:
            self.outcome = fit_person(bundle, clips)
        except RtemoError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - a failed fit is reported, it must not end the session
            _LOG.exception("the calibration stopped")
            self.error = f"{type(error).__name__}: {error}"
