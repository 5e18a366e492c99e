"""Where a session's baseline comes from, as it is asked for, and as a recording tells it to its replay.

    FILE.json           saved by an earlier session of the same person
    START:STOP          seconds of a recording
    marker=BEGIN,END    between two markers

Also a baseline that the researcher starts in the window. What was planned and started is in the session's own stream
of events, so a replay finds it again; a saved one is copied into the session's folder.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import StreamInfo
from rtemo.model.personal.session_notes import BASELINE_BEGINS, EVENTS, PLANNED, PREFIX
from rtemo.recordings.baseline_file import load_baseline
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.xdf.source import XdfSource

SAVED = "saved"
USED = "baseline_used.json"
_BEGUN = re.compile(rf"{PREFIX}{BASELINE_BEGINS}([0-9.e+]+) s")
_PLANNED = re.compile(rf"{PREFIX}{PLANNED}(.*)", re.DOTALL)


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

    def keep_in(self, folder: SessionFolder) -> None:
        """Copy a saved baseline into the folder of the session that uses it, for its replay."""
        if self.file is not None:
            shutil.copyfile(self.file, folder.path / USED)


class MarkedBaseline:
    """A listener to events that tells the pipeline of the rests between two markers."""

    def __init__(self, plan: BaselinePlan | None, pipeline: Pipeline, say: Callable[[str], None]) -> None:
        """say: told why an interval is no baseline."""
        self._markers = plan.markers if plan is not None else None
        self._pipeline, self._say = pipeline, say
        self._begin_s: float | None = None

    def __call__(self, event: Event) -> None:
        if event.kind is not EventKind.MARKER or self._markers is None:
            return
        begin, end = self._markers
        if event.text == begin:
            self._begin_s = event.time_s
            self._pipeline.rest_begins(event.time_s)
        elif event.text == end and self._begin_s is not None:
            begin_s, self._begin_s = self._begin_s, None
            try:
                self._pipeline.rest(begin_s, event.time_s)
            except RtemoError as error:
                self._say(f"no baseline between the markers {begin} and {end}: {error}")


@dataclass(frozen=True, slots=True)
class RecordedBaseline:
    """What a recording says about its session's baseline. rests: (begin_s, end_s) in LSL time.

    missing: what the session had and the replay has not; empty where there is nothing.
    """

    plan: BaselinePlan | None
    rests: tuple[tuple[float, float], ...] = ()
    missing: str = ""


def recorded_baseline(recording: XdfSource, streams: Sequence[StreamInfo], path: Path) -> RecordedBaseline:
    """The baselines that the session of this recording announced in its own events.

    path: the recording's; a saved baseline that the session began with lies beside it.
    """
    own = [info.stream_id for info in streams if info.name == EVENTS]
    texts = [text for stream_id in own for text in recording.texts_of(stream_id)]
    begun = [(time_s, found) for time_s, text in texts if (found := _BEGUN.fullmatch(text))]
    rests = tuple((time_s, time_s + float(found.group(1))) for time_s, found in begun)
    planned = next((found.group(1) for _, text in texts if (found := _PLANNED.fullmatch(text))), None)
    if planned is None:
        return RecordedBaseline(None, rests)
    if planned != SAVED:
        return RecordedBaseline(BaselinePlan.parse(planned), rests)
    used = path.parent / USED
    if not used.exists():
        missing = f"the session began with a saved baseline and {used} is not there; give it with --baseline"
        return RecordedBaseline(None, rests, missing)
    return RecordedBaseline(BaselinePlan(file=used), rests)


def prepare_replay(
    plan: BaselinePlan | None,
    recording: XdfSource,
    streams: Sequence[StreamInfo],
    path: Path,
    pipeline: Pipeline,
    events: EventLog,
    say: Callable[[str], None],
) -> None:
    """Tell a pipeline that has no stream yet the baseline that is asked for, or else the one that the session had.

    plan: what is asked for. events: of the replay, whose markers may be the rests' ends. say: told what is missing.
    """
    if plan is None:
        found = recorded_baseline(recording, streams, path)
        plan = found.plan
        for begin_s, end_s in found.rests:
            pipeline.rest(begin_s, end_s)
        if found.missing:
            say(found.missing)
    if plan is not None:
        plan.prepare(pipeline, None, recording.first_s)
    events.listen(MarkedBaseline(plan, pipeline, say))
