"""A rest that is begun in a running session: it goes on until enough of it was usable, then its verdict is stated."""

from __future__ import annotations

import math
from collections.abc import Callable

from rtemo.live.service.snapshot import Progress
from rtemo.live.session.assemble_session import SessionRun
from rtemo.live.session.baseline_check import BaselineCheck, usable_parts
from rtemo.model.prediction import Prediction
from rtemo.recordings.events import EventKind

Note = Callable[[EventKind, str], object]


class AnnouncedRest:
    """The rest of one participant, as a PredictionSink. For the thread that turns the engine."""

    def __init__(self, run: SessionRun, clock: Callable[[], float], note: Note) -> None:
        """note: takes the events that are about the participant."""
        self._run, self._clock, self._note = run, clock, note
        self._check = self._taken_up()

    @property
    def goes_on(self) -> bool:
        """Whether one is being recorded."""
        return self._check is not None and not self._check.announced

    def progress(self, now_s: float) -> Progress | None:
        """How far the newest one is, or what came of it; None before any."""
        return self._check.progress(now_s) if self._check is not None else None

    def begin(self, seconds: float) -> None:
        """Raises RtemoError for a length that cannot be a baseline."""
        pipeline = self._run.predictor.pipeline
        begun = self._run.begin_rest(seconds)
        self._check = BaselineCheck(*begun, pipeline.settings.normaliser, usable_parts(pipeline))

    def _taken_up(self) -> BaselineCheck | None:
        """The rest that was being recorded when the engine before this one ended."""
        now_s, pipeline = self._clock(), self._run.predictor.pipeline
        begin_s, end_s = max(self._run.rests, key=lambda rest: rest[1], default=(0.0, -math.inf))
        if now_s >= end_s:
            return None
        limits = pipeline.settings.normaliser
        return BaselineCheck(begin_s, end_s - begin_s, limits, usable_parts(pipeline), now_s - begin_s)

    def turn(self) -> None:
        """Let it go on until enough of it was usable, then state what the pipeline made of it."""
        check, pipeline = self._check, self._run.predictor.pipeline
        if check is None or check.announced:
            return
        now_s = check.at(self._clock(), pipeline.newest)
        if now_s < check.end_s:
            return
        if check.decided_s is None and (length_s := check.longer_s()) is not None:
            check.length_s = length_s
            self._run.begin_rest(length_s, check.begin_s)
            return
        check.decided_s = now_s  # it is not made longer any more
        if check.decide(pipeline, now_s):
            check.announced = True
            self._note(EventKind.FAILURE if check.refused else EventKind.ANNOTATION, f"baseline ends: {check.verdict}")

    def put(self, prediction: Prediction) -> None:
        if self._check is not None:
            self._check.take(prediction)

    def discard(self) -> None:
        """What was judged cannot be taken back."""

    def close(self) -> None:
        """State that it was not finished, where one runs."""
        if self._check is not None and self.goes_on:
            lasted_s = min(self._clock() - self._check.begin_s, self._check.length_s)
            text = f"baseline cut short by the end of the session: {lasted_s:.0f} of {self._check.length_s:.0f} s"
            self._note(EventKind.FAILURE, f"{text}; not used")
        self._check = None
