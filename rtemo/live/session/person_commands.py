"""What may be asked of a running session about its participants: notes, labels, calibrations, rests and channels.

Each concerns one of the participants; a note and a rest may be for all of them. Asked for by any thread, done by the
one that turns the engines. All of it is stated in the recording, so that the replay does the same.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.live.service.snapshot import Progress
from rtemo.live.session.announced_rest import AnnouncedRest
from rtemo.live.session.assemble_session import SessionRun
from rtemo.live.session.calibrating import SessionCalibration
from rtemo.live.session.outputs import SessionOutputs
from rtemo.recordings.events import EventKind


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    participant: str
    arguments: Mapping[str, Any]


class PersonCommands:
    """The commands of one session. participant: "" for all of them, or for the only one."""

    def __init__(self, runs: Mapping[str, SessionRun], outputs: SessionOutputs, clock: Callable[[], float]) -> None:
        """runs: by participant. clock: now, LSL time."""
        self._runs, self._outputs = runs, outputs
        self._asked: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._rests = {
            whose: AnnouncedRest(run, clock, partial(outputs.note, participant=whose)) for whose, run in runs.items()
        }
        for whose, run in runs.items():
            run.engine.add_outputs([self._rests[whose]])
        self._acts: dict[str, Callable[..., None]] = {
            "annotate": self._annotate,
            "baseline": self._baseline,
            "label": self._label,
            "forget_label": self._forget_label,
            "calibrate": self._calibrate,
            "uncalibrate": self._uncalibrate,
            "mark_channel": self._mark_channel,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The commands that there are."""
        return tuple(self._acts)

    def submit(self, name: str, participant: str, arguments: Mapping[str, Any]) -> None:
        """Have one of them done. Any thread; returns at once. What is refused is an event."""
        asked = _Asked(name, participant, arguments)
        if name == "annotate":  # its time is now, and no prediction depends on it
            self._do(asked)
        else:
            self._asked.put(asked)

    def do(self, name: str, participant: str, arguments: Mapping[str, Any]) -> None:
        """Do one of them at once, in the thread that turns the engines. Raises RtemoError for what is refused."""
        self._acts[name](participant, **arguments)

    def progress(self, participant: str, now_s: float) -> Progress | None:
        """Of a participant's rest while it lasts, else of the calibration, where one was asked for."""
        rest = self._rests[participant]
        done = rest.progress(now_s)
        return done if rest.goes_on else self._calibration_of(self._runs[participant]).progress(now_s) or done

    def turn(self) -> None:
        """Do what was asked for, and look after what goes on by itself. Once a read."""
        while not self._asked.empty():
            self._do(self._asked.get())
        for run in self._runs.values():
            self._calibration_of(run).turn()
        for rest in self._rests.values():
            rest.turn()

    def close(self) -> None:
        """State what was not finished."""
        for rest in self._rests.values():
            rest.close()

    def _do(self, asked: _Asked) -> None:
        try:
            self._acts[asked.name](asked.participant, **asked.arguments)
        except RtemoError as error:
            whose = asked.participant if asked.participant in self._runs else ""
            self._outputs.note(EventKind.FAILURE, f"{asked.name}: {error}", whose)

    def _annotate(self, whose: str, text: str) -> None:
        if not text.strip():
            raise RtemoError("an annotation needs a text", "", "write one")
        self._of_all(whose)
        self._outputs.note(EventKind.ANNOTATION, text, whose)

    def _baseline(self, whose: str, seconds: float) -> None:
        rests = [self._rests[one] for one in self._of_all(whose)]
        if any(rest.goes_on for rest in rests):
            raise RtemoError("a baseline is being recorded", "", "wait for its end")
        for rest in rests:
            rest.begin(seconds)

    def _label(self, whose: str, label: str, begin_s: float, end_s: float) -> None:
        self._calibration_of(self._one(whose)).label(label, begin_s, end_s)

    def _forget_label(self, whose: str, index: int) -> None:
        self._calibration_of(self._one(whose)).forget(index)

    def _calibrate(self, whose: str) -> None:
        self._calibration_of(self._one(whose)).calibrate()

    def _uncalibrate(self, whose: str) -> None:
        self._calibration_of(self._one(whose)).uncalibrate()

    def _mark_channel(self, whose: str, label: str, mark: str) -> None:
        self._one(whose).mark_channel(label, mark)

    def _of_all(self, whose: str) -> list[str]:
        """The participants that are meant."""
        if whose and whose not in self._runs:
            raise self._nobody(whose)
        return [whose] if whose else list(self._runs)

    def _one(self, whose: str) -> SessionRun:
        """The participant that is meant."""
        if len(meant := self._of_all(whose)) > 1:
            raise RtemoError("this is for one participant", f"the session is of {', '.join(self._runs)}", "name one")
        return self._runs[meant[0]]

    def _nobody(self, whose: str) -> RtemoError:
        there = ", ".join(filter(None, self._runs)) or "one participant, who is not named"
        return RtemoError(f"there is no participant {whose!r}", f"the session is of {there}", "name one of them")

    @staticmethod
    def _calibration_of(run: SessionRun) -> SessionCalibration:
        assert run.calibration is not None
        return run.calibration
