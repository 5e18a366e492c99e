"""What the commands of remote control do: LabRecorder's, and those that a session has besides.

    select all | select none   record every LSL stream, or those in use alone (which is the default)
    filename {root:…} …        see file_name.py
    start | stop               a session; `start` waits until the streams deliver
    update                     the streams that are there
    participant ID             the same as filename {participant:ID}
    annotate TEXT              a note at the time of now
    baseline [SECONDS]         begin a rest that predictions are relative to
    label LABEL SECONDS        what the participant felt for the last seconds
    calibrate | uncalibrate    fit the model to the participant on the labels so far; go back
    status                     phase, participant, file, streams, predictions, baseline: JSON

In a session of several, `participant ID` names the one whom the commands after it concern, `participant all` everybody;
`annotate {participant:ID} TEXT`, and the commands after that likewise, concern one of them for once.

Each is answered in one line: OK and what happened, or ERROR and why not.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from rtemo.core.errors import RtemoError
from rtemo.live.remote.file_name import FileName
from rtemo.live.service.feed import Feed
from rtemo.live.service.snapshot import Phase, Snapshot
from rtemo.live.session.readiness import obstacle
from rtemo.sources.recording_places import RECORDING
from rtemo.sources.session_settings import BASELINE_S, parse_settings, settings_text

ANSWER_S = 60.0  # for a command's outcome
STREAMS_S = 15.0  # for streams to deliver before a start
LOOK_S = 0.05
EVERYBODY = "all"
_WHOSE = re.compile(r"\s*\{participant:([^{}]*)\}")
RUNNING = (Phase.RUNNING, Phase.PAUSED)


class Commanded(Protocol):
    """Whoever executes commands; see rtemo.live.service.controller."""

    feed: Feed

    def ask(self, name: str, arguments: Mapping[str, Any], wait_s: float) -> None:
        """Have a command executed, and wait for it. Raises RtemoError where it is refused."""
        ...


class RemoteControl:
    """Obeys one line at a time. Used by one thread at a time."""

    def __init__(self, engine: Commanded, root: Path) -> None:
        """root: of sessions, where no command names one."""
        self._engine, self._root = engine, root
        self._file = FileName()
        self._recording = ""  # of the session that was started here
        self._whose = ""  # whom commands concern, of several; empty: everybody
        self._commands: dict[str, Callable[[str], str]] = {
            "select": self._select,
            "filename": self._filename,
            "start": self._start,
            "stop": self._stop,
            "update": self._update,
            "participant": self._participant,
            "annotate": self._annotate,
            "baseline": self._baseline,
            "label": self._label,
            "calibrate": self._calibrate,
            "uncalibrate": self._uncalibrate,
            "status": self._status,
        }

    def answer(self, line: str) -> str:
        """Do what a line asks for, and say what happened."""
        word, _, rest = line.partition(" ")
        try:
            return f"OK {self._act_of(word)(rest.strip())}"
        except RtemoError as error:
            return f"ERROR {error}"

    def _act_of(self, word: str) -> Callable[[str], str]:
        act = self._commands.get(word)
        if act is None:
            raise RtemoError(f"there is no command {word!r:.80}", "", f"they are {', '.join(self._commands)}")
        return act

    @property
    def _state(self) -> Snapshot:
        return self._engine.feed.state

    def _select(self, what: str) -> str:
        if what not in ("all", "none"):
            raise RtemoError("streams are selected all or none", f"found {what!r:.80}", "choose others in the settings")
        settings = parse_settings(self._state.settings)
        wanted = replace(settings, record_all=what == "all")
        if wanted != settings:
            self._engine.ask("configure", {"settings": settings_text(wanted)}, ANSWER_S)
        return "every stream is recorded" if what == "all" else "the streams in use are recorded"

    def _filename(self, text: str) -> str:
        file = self._file.with_fields(text)
        path = file.recording(self._root_of(file))  # what is wrong with it is reported now
        self._file = file
        return f"the next recording is {path}" if path is not None else "the next session gets a folder of its own"

    def _participant(self, name: str) -> str:
        if not name:
            raise RtemoError("a participant needs a name", "", "for example: participant P01")
        if several := self._several:
            self._whose = "" if name == EVERYBODY and name not in several else self._one_of(several, name)
            return f"what follows concerns {self._whose or 'everybody'}"
        self._file = replace(self._file, participant=name)
        return f"the participant is {name}"

    def _start(self, _: str) -> str:
        if self._state.phase in RUNNING:
            raise RtemoError("a session runs already", f"in {self._state.folder}", "stop it first")
        self._await_streams()
        file, settings = self._file, parse_settings(self._state.settings)
        path = file.recording(self._root_of(file))
        arguments: dict[str, Any] = {
            "subject": file.participant or settings.subject,
            "notes": settings.notes,
            "root": str(self._root_of(file)),
            "entities": {name: value for name in ("study", "session", "task", "run") if (value := getattr(file, name))},
        }
        if path is not None:
            arguments["file"] = str(path)
        self._engine.ask("start", arguments, ANSWER_S)
        self._recording = str(path or Path(self._state.folder) / RECORDING)
        return f"recording to {self._recording}"

    def _stop(self, _: str) -> str:
        recorder, recording = self._state.recorder, self._recording
        self._engine.ask("stop", {}, ANSWER_S)
        self._recording = ""
        return f"stopped; {recording or (recorder.path if recorder is not None else '')}"

    def _update(self, _: str) -> str:
        roles = [f"{one.participant} {one.role}".strip() or "not used" for one in self._state.streams]
        named = [
            f"{one.name} ({role}, {one.state.value})" for one, role in zip(self._state.streams, roles, strict=True)
        ]
        return f"{len(named)} streams: {', '.join(named)}"

    def _annotate(self, text: str) -> str:
        whose, text = self._whose_of(text)
        self._engine.ask("annotate", {"text": text, **whose}, ANSWER_S)
        return "noted"

    def _baseline(self, text: str) -> str:
        whose, text = self._whose_of(text)
        settings = parse_settings(self._state.settings)
        seconds = _seconds(text) if text else settings.baseline_s or BASELINE_S
        if not 1 <= seconds <= 3600:
            raise RtemoError("a baseline lasts some seconds", f"found {text!r:.80}", "for example: baseline 120")
        self._engine.ask("baseline", {"seconds": seconds, **whose}, ANSWER_S)
        return f"a baseline of {seconds:g} s begins"

    def _label(self, text: str) -> str:
        whose, text = self._whose_of(text)
        label, _, length = text.rpartition(" ")
        seconds, now_s = _seconds(length), self._state.time_s
        if not (label and seconds > 0):
            raise RtemoError("a label lasts some seconds", f"found {text!r:.80}", "for example: label happy 20")
        asked = {"label": label.strip(), "begin_s": now_s - seconds, "end_s": now_s}
        self._engine.ask("label", {**asked, **whose}, ANSWER_S)
        return f"{label.strip()} for the last {seconds:g} s"

    def _calibrate(self, text: str) -> str:
        self._engine.ask("calibrate", self._alone(text, "calibrate"), ANSWER_S)
        return "a calibration is being fitted; its verdict is an event"

    def _uncalibrate(self, text: str) -> str:
        self._engine.ask("uncalibrate", self._alone(text, "uncalibrate"), ANSWER_S)
        return "the trained model counts again"

    @property
    def _several(self) -> tuple[str, ...]:
        """The participants, where several are told apart."""
        state = self._state
        return tuple(one.id for one in parse_settings(state.settings).participants) if state.settings else ()

    def _whose_of(self, text: str) -> tuple[dict[str, str], str]:
        """Whom a command concerns, as the engine's argument; and the rest of it."""
        found, whose = _WHOSE.match(text), self._whose
        if found is not None:
            whose, text = self._one_of(self._several, found[1].strip()), text[found.end() :].strip()
        return ({"participant": whose} if whose else {}), text

    def _alone(self, text: str, word: str) -> dict[str, str]:
        whose, rest = self._whose_of(text)
        if rest:
            raise RtemoError(f"{word} takes nothing else", f"found {rest!r:.80}", f"for example: {word}")
        return whose

    @staticmethod
    def _one_of(several: Sequence[str], name: str) -> str:
        if name not in several:
            there = ", ".join(several) or "the session is of one"
            raise RtemoError(f"there is no participant {name!r:.80}", f"found {there}", "name one of them")
        return name

    def _status(self, _: str) -> str:
        state = self._state
        found: dict[str, Any] = {
            "phase": state.phase.value,
            "participant": state.subject or self._file.participant,
            "folder": state.folder,
            "file": state.recorder.path if state.recorder is not None else self._recording,
            "recording": state.recorder.state if state.recorder is not None else "",
            "streams": {one.name: one.state.value for one in state.streams},
            "failure": state.failure,
        }
        if several := self._several:
            found["participants"], found["concerns"] = several, self._whose or EVERYBODY
        if (progress := state.progress) is not None:
            done = {"of": progress.name, "done_s": round(progress.done_s, 1), "verdict": progress.verdict}
            found["progress"] = done
        return json.dumps(found, ensure_ascii=False)

    def _root_of(self, file: FileName) -> Path:
        return Path(file.root) if file.root else self._root

    def _await_streams(self) -> None:
        """Wait until the streams deliver. What is still missing then the engine says itself."""
        end_s = time.monotonic() + STREAMS_S
        while time.monotonic() < end_s:
            state = self._state
            asked = parse_settings(state.settings)
            if state.phase is Phase.PREVIEW and not obstacle(state.streams, asked.required, asked.participants):
                return
            time.sleep(LOOK_S)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
