"""A script of your own beside a session (`rtemo live --script FILE.py`): what is new in, values and texts out.

import rtemo

session = rtemo.beside()
for news in session:
for prediction in news.predictions:
session.send(calm=1.0 - prediction["novelty"])

In a session of several, each piece of news is one participant's and names it; `session.send(…, participant="P01")`.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rtemo.api.prediction_table import PredictionRecord
from rtemo.core.errors import RtemoError
from rtemo.live.service.client import EngineClient, Launch
from rtemo.live.service.snapshot import EegBlock, GazeBlock, GazeEventRecord, Phase, Snapshot, WindowBlock

ENGINE, ENGINE_AT, PARTICIPANTS = "RTEMO_SCRIPT_ENGINE", "RTEMO_SCRIPT_ENGINE_AT", "RTEMO_SCRIPT_PARTICIPANTS"
LOOK_S = 0.01
ALIVE_S = 1.0
WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class News:
    """What has come since the last one. Times are LSL seconds.

    predictions: records. events: records. window: the newest that the model has seen; None where there is no new one.
    eeg: conditioned, in microvolts at 200 Hz; gaze: on the screen, with pupils; None where there is nothing new.
    gaze_events: fixations, saccades and blinks that ended. participant: whose all of it is, of several; empty: what
    concerns all of them, and everything where nobody is told apart.
    """

    time_s: float
    predictions: tuple[PredictionRecord, ...]
    events: tuple[Mapping[str, Any], ...]
    window: WindowBlock | None
    eeg: EegBlock | None
    gaze: GazeBlock | None
    gaze_events: tuple[GazeEventRecord, ...]
    state: Snapshot
    participant: str = ""


class ScriptSession(Iterator[News]):
    """The session that this script runs beside. A loop over it ends with the session."""

    def __init__(self, launch: Launch, participants: Sequence[str] = ()) -> None:
        """participants: of several. Raises RtemoError where the engine does not answer."""
        self.participants = tuple(participants)
        self._clients = {whose: EngineClient(launch) for whose in ("", *participants)}  # each is shown one's samples
        for whose, client in self._clients.items():
            client.show_participant(whose)
        self._alive_s = 0.0
        end_s = time.monotonic() + WAIT_S
        while silent := [one for one in self._clients.values() if not one.connected]:
            if time.monotonic() > end_s:
                raise RtemoError("the engine does not answer", silent[0].failure, "start rtemo again")
            time.sleep(LOOK_S)
        self._waiting: deque[News] = deque()
        self._over = False  # whether nothing more comes

    def __next__(self) -> News:
        while True:
            self._show_life()
            self._over = self._over or not self._look()
            if self._waiting:
                return self._waiting.popleft()
            if self._over:
                raise StopIteration
            time.sleep(LOOK_S)

    def send(self, *, time_s: float = 0.0, participant: str = "", **values: float) -> None:
        """Give out numbers by name, the same names each time: an LSL stream, and in the recording.

        time_s: LSL time that they are about; now, where it is left out. participant: whom they are about, of several;
        each has a stream of its own.
        """
        numbers = {name: None if math.isnan(value) else float(value) for name, value in values.items()}
        self._send("give", participant, values=json.dumps(numbers), text="", time_s=time_s)

    def say(self, text: str, *, time_s: float = 0.0, participant: str = "") -> None:
        """Give out a text in the same way."""
        self._send("give", participant, values="", text=text, time_s=time_s)

    def annotate(self, text: str, *, participant: str = "") -> None:
        """Put a note into the recording and the events."""
        self._send("annotate", participant, text=text)

    def baseline(self, seconds: float, *, participant: str = "") -> None:
        """Begin a rest that sets the baseline; of everybody, where nobody is named."""
        self._send("baseline", participant, seconds=float(seconds))

    def label(self, label: str, begin_s: float, end_s: float, *, participant: str = "") -> None:
        """State what the participant felt between two LSL times: for the sets, and for a calibration."""
        self._send("label", participant, label=label, begin_s=float(begin_s), end_s=float(end_s))

    def forget_label(self, index: int, *, participant: str = "") -> None:
        """Take a label back, by its number from 0 on."""
        self._send("forget_label", participant, index=int(index))

    def calibrate(self, *, participant: str = "") -> None:
        """Fit the model's heads to the participant on the labels so far. The verdict is an event."""
        self._send("calibrate", participant)

    def uncalibrate(self, *, participant: str = "") -> None:
        """Go back to the trained heads."""
        self._send("uncalibrate", participant)

    def mark_channel(self, label: str, mark: str, *, participant: str = "") -> None:
        """Let an EEG channel count as "bad", "good" or "automatic" from two seconds on."""
        self._send("mark_channel", participant, label=label, mark=mark)

    def close(self) -> None:
        """Disconnect."""
        for client in self._clients.values():
            client.close()

    def _send(self, command: str, participant: str, **arguments: Any) -> None:
        """Ask for something that concerns a participant; "": all of them, or the only one."""
        if participant and participant not in self.participants:
            there = ", ".join(self.participants) or "nobody is told apart"
            raise RtemoError(f"there is no participant {participant!r}", f"the session's: {there}", "name one of them")
        whose = {"participant": participant} if participant else {}
        self._clients[participant].send(command, **arguments, **whose)

    def _look(self) -> bool:
        """Take in what is new of everybody. Returns whether more can come."""
        goes_on = False
        for whose, client in self._clients.items():
            connected = client.connected
            new = client.poll()
            goes_on = goes_on or (connected and (new is None or new.phase is not Phase.FAILED))
            if new is not None and self.participants:
                new = _only_of(new, whose)
            if new is not None and (new.predictions or new.events or new.eeg or new.gaze or new.gaze_events):
                self._waiting.append(_news(new, whose))
        return goes_on

    def _show_life(self) -> None:
        if time.monotonic() - self._alive_s > ALIVE_S:
            self._alive_s = time.monotonic()
            self._send("give", "", values="", text="", time_s=0.0)


def _only_of(new: Snapshot, participant: str) -> Snapshot:
    """What of the news is one participant's, of several; "": what is about all of them."""
    own = replace(
        new,
        predictions=tuple(one for one in new.predictions if one.get("participant") == participant),
        events=tuple(one for one in new.events if one.get("participant", "") == participant),
    )
    if participant and new.participant == participant:
        return own
    return replace(own, eeg=None, gaze=None, gaze_events=(), window=None)


def _news(new: Snapshot, participant: str) -> News:
    return News(
        new.time_s,
        tuple(new.predictions),
        tuple(new.events),
        new.window,
        new.eeg,
        new.gaze,
        new.gaze_events,
        new,
        participant,
    )


def beside() -> ScriptSession:
    """The session that runs this script. Raises RtemoError where none does."""
    name, at = os.environ.get(ENGINE), os.environ.get(ENGINE_AT)
    if not name:
        raise RtemoError("no session runs this script", "it was started by itself", "use `rtemo live --script FILE.py`")
    participants = tuple(filter(None, os.environ.get(PARTICIPANTS, "").split(",")))
    return ScriptSession(Launch(name, folder=Path(at) if at else None, start=False), participants)
