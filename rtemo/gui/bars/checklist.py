"""What is still to do before and in a session, ticked off by itself. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from rtemo.core.types import StreamState
from rtemo.gui import texts
from rtemo.gui.bars.readiness_concerns import concerns
from rtemo.gui.people import words
from rtemo.gui.window_state import WindowState
from rtemo.live.session.readiness import ratings_obstacle
from rtemo.presentation.numbers import number
from rtemo.sources.participants import Participant

DONE, OPEN, CONCERN = "✓", "○", "!"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. what: its name, with what was found once it is done. concern: no step, but something to know of."""

    what: str
    done: bool
    concern: bool = False

    def __str__(self) -> str:
        return f"{CONCERN if self.concern else DONE if self.done else OPEN} {self.what}"


def checklist(state: WindowState) -> list[Step]:
    """The steps from the first stream to a session that can be relied on."""
    people = state.settings.participants
    steps = [_person(state, one) for one in people]
    if not people:
        steps = [_stream(state, "eeg", texts.CHECK_EEG), _stream(state, "gaze", texts.CHECK_GAZE)]
    named = bool(state.participant) or state.in_session
    steps.append(Step(words.SUBJECT_HINT if people else texts.CHECK_PARTICIPANT, named))
    ready = state.in_session or (named and not state.start_obstacle())
    steps.append(Step(texts.CHECK_START, state.in_session) if ready else Step(texts.CHECK_READY, done=False))
    if ready and not state.in_session:
        steps += [Step(what, done=False, concern=True) for what in concerns(state)]
    steps.append(Step(texts.CHECK_BASELINE, state.in_session and state.has_baseline))
    return steps


def _person(state: WindowState, one: Participant) -> Step:
    """Whether the streams that are named for one of several participants deliver, and which do not."""
    streaming = StreamState.STREAMING
    there = {(s.participant, s.role) for s in state.streams_in_use if s.state is streaming and state.engine_answers}
    parts = [words.PARTS[part.value] for part in one.queries if (one.id, part) not in there]
    if ratings_obstacle(state.snapshot.streams, one) and not state.settings.required:
        parts.append(words.RATINGS)
    missing = " and ".join(parts)
    return Step(words.CHECK_PERSON.format(id=one.id, parts=missing) if missing else one.id, not missing)


def _stream(state: WindowState, role: str, name: str) -> Step:
    for stream in state.streams_in_use:
        if stream.role == role and stream.state is StreamState.STREAMING and state.engine_answers:
            found = texts.CHECK_FOUND.format(name=name, n=stream.n_channels, rate=number(stream.measured_hz))
            return Step(found, done=True)
    return Step(name, done=False)
