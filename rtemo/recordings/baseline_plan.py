"""Where a session's baseline comes from: a saved file, seconds of a recording, or two markers.

    FILE.json           saved by an earlier session of the same person
    START:STOP          seconds of a recording
    marker=BEGIN,END    between two markers

Also a baseline that the researcher starts in the window. What was planned and started is in the session's own stream
of events (rtemo.recordings.session_facts), so a replay finds it again; a saved one is copied beside the recording.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.recordings.baseline_file import load_baseline
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_folder import beside
from rtemo.sources.session_settings import SessionSettings

SAVED = "saved"
USED = "baseline_used.json"


@dataclass(frozen=True, slots=True)
class BaselinePlan:
    """One of the three forms: a file, a span in seconds from the recording's first sample, or two markers' texts."""

    file: Path | None = None
    span_s: tuple[float, float] | None = None
    markers: tuple[str, str] | None = None

    @classmethod
    def of(cls, settings: SessionSettings) -> BaselinePlan | None:
        """The baseline that a session's settings ask for. Raises RtemoError where it cannot be understood."""
        return cls.parse(settings.baseline) if settings.baseline else None

    @classmethod
    def parse(cls, text: str) -> BaselinePlan:
        """Raises RtemoError for anything else."""
        if text.startswith("marker="):
            begin, comma, end = text.removeprefix("marker=").partition(",")
            if not (begin and comma and end) or begin == end:
                raise RtemoError("this names no two markers", f"found {text!r}", "write marker=BEGIN,END")
            return cls(markers=(begin, end))
        if text.endswith(".json"):
            return cls(file=Path(text))
        start, colon, stop = text.partition(":")
        try:
            span_s = (float(start), float(stop))
        except ValueError:
            span_s = (0.0, 0.0)
        if not (colon and 0.0 <= span_s[0] < span_s[1] < float("inf")):
            raise RtemoError(
                "this is no baseline", f"found {text!r}", "write FILE.json, START:STOP in seconds, or marker=BEGIN,END"
            )
        return cls(span_s=span_s)

    def __str__(self) -> str:
        if self.markers is not None:
            return f"marker={','.join(self.markers)}"
        return SAVED if self.span_s is None else f"{self.span_s[0]:g}:{self.span_s[1]:g}"

    def prepare(self, pipeline: Pipeline, subject: str | None, first_s: float | None = None) -> None:
        """Tell a pipeline that has no stream yet. first_s: of the recording, None in a live session.

        Raises RtemoError where the file does not fit, or where a live session is asked for seconds of a recording.
        """
        if self.span_s is not None and first_s is None:
            raise RtemoError(
                "a live session has no seconds to choose from", str(self), "use marker=BEGIN,END or FILE.json"
            )
        pipeline.plan_baseline()
        if self.file is not None:
            pipeline.begin_with(load_baseline(self.file, pipeline.settings, subject))
        elif self.span_s is not None and first_s is not None:
            pipeline.rest(first_s + self.span_s[0], first_s + self.span_s[1])

    def check(self, settings: PipelineSettings, subject: str) -> None:
        """Refuse a saved baseline that is not this participant's."""
        if self.file is not None:
            load_baseline(self.file, settings, subject)

    def copy_beside(self, recording: Path, participant: str = "") -> None:
        """Copy a saved baseline beside the recording of the session that uses it, for its replay."""
        if self.file is not None:
            shutil.copyfile(self.file, beside(recording, USED, participant))


class MarkedBaseline:
    """A listener to events that gives the pipeline the rests between two markers."""

    def __init__(self, plan: BaselinePlan | None, pipeline: Pipeline, say: Callable[[str], None]) -> None:
        """say: takes why an interval is no baseline."""
        self._markers = plan.markers if plan is not None else None
        self._pipeline, self._say = pipeline, say
        self.begun_s: float | None = None  # when the rest that lasts now has begun

    def __call__(self, event: Event) -> None:
        if event.kind is not EventKind.MARKER or self._markers is None:
            return
        begin, end = self._markers
        if event.text == begin:
            self.begun_s = event.time_s
            self._pipeline.rest_begins(event.time_s)
        elif event.text == end and self.begun_s is not None:
            begin_s, self.begun_s = self.begun_s, None
            try:
                self._pipeline.rest(begin_s, event.time_s)
            except RtemoError as error:
                self._say(f"no baseline between the markers {begin} and {end}: {error}")


def marked_rests(plan: BaselinePlan, markers: Iterable[tuple[float, str]]) -> list[tuple[float, float]]:
    """(begin_s, end_s) of each rest between the plan's two markers. markers: (time_s, text), by time."""
    rests: list[tuple[float, float]] = []
    begin_s: float | None = None
    for time_s, text in markers if plan.markers is not None else ():
        begin, end = plan.markers or ("", "")
        if text == begin:
            begin_s = time_s
        elif text == end and begin_s is not None:
            rests.append((begin_s, time_s))
            begin_s = None
    return rests
