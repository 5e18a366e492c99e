"""A script of your own beside a session (`rtemo live --script FILE.py`): what is new in, values and texts out.

import rtemo

session = rtemo.beside()
for news in session:
for prediction in news.predictions:
session.send(calm=1.0 - prediction["novelty"])
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtemo.api.prediction_table import PredictionRecord
from rtemo.core.errors import RtemoError
from rtemo.live.service.client import EngineClient, Launch
from rtemo.live.service.snapshot import EegBlock, GazeBlock, GazeEventRecord, Phase, Snapshot, WindowBlock

ENGINE, ENGINE_AT = "RTEMO_SCRIPT_ENGINE", "RTEMO_SCRIPT_ENGINE_AT"
LOOK_S = 0.01
ALIVE_S = 1.0
WAIT_S = 20.0


@dataclass(frozen=True, slots=True)
class News:
    """What has come since the last one. Times are LSL seconds.

    predictions: records. events: records. window: the newest that the model has seen; None where there is no new one.
    eeg: conditioned, in microvolts at 200 Hz; gaze: on the screen, with pupils; None where there is nothing new.
    gaze_events: fixations, saccades and blinks that ended.
    """

    time_s: float
    predictions: tuple[PredictionRecord, ...]
    events: tuple[Mapping[str, Any], ...]
    window: WindowBlock | None
    eeg: EegBlock | None
    gaze: GazeBlock | None
    gaze_events: tuple[GazeEventRecord, ...]
    state: Snapshot


class ScriptSession(Iterator[News]):
    """The session that this script runs beside. A loop over it ends with the session."""

    def __init__(self, launch: Launch) -> None:
        """Raises RtemoError where the engine does not answer."""
        self._client = EngineClient(launch)
        self._alive_s = 0.0
        end_s = time.monotonic() + WAIT_S
        while not self._client.connected:
            if time.monotonic() > end_s:
                raise RtemoError("the engine does not answer", self._client.failure, "start rtemo again")
            time.sleep(LOOK_S)

    def __next__(self) -> News:
        while True:
            self._show_life()
            new = self._client.poll()
            if new is None and not self._client.connected:
                raise StopIteration
            if new is not None and new.phase is Phase.FAILED:
                raise StopIteration
            if new is not None and (new.predictions or new.events or new.eeg or new.gaze or new.gaze_events):
                return News(
                    new.time_s,
                    tuple(new.predictions),
                    tuple(new.events),
                    new.window,
                    new.eeg,
                    new.gaze,
                    new.gaze_events,
                    new,
                )
            time.sleep(LOOK_S)

    def send(self, *, time_s: float = 0.0, **values: float) -> None:
        """Give out numbers by name, the same names each time: an LSL stream, and in the recording.

        time_s: LSL time that they are about; now, where it is left out.
        """
        numbers = {name: None if math.isnan(value) else float(value) for name, value in values.items()}
        self._client.send("give", values=json.dumps(numbers), text="", time_s=time_s)

    def say(self, text: str, *, time_s: float = 0.0) -> None:
        """Give out a text in the same way."""
        self._client.send("give", values="", text=text, time_s=time_s)

    def annotate(self, text: str) -> None:
        """Put a note into the recording and the events."""
        self._client.send("annotate", text=text)

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def _show_life(self) -> None:
        if time.monotonic() - self._alive_s > ALIVE_S:
            self._alive_s = time.monotonic()
            self._client.send("give", values="", text="", time_s=0.0)


def beside() -> ScriptSession:
    """The session that runs this script. Raises RtemoError where none does."""
    name, at = os.environ.get(ENGINE), os.environ.get(ENGINE_AT)
    if not name:
        raise RtemoError("no session runs this script", "it was started by itself", "use `rtemo live --script FILE.py`")
    return ScriptSession(Launch(name, folder=Path(at) if at else None, start=False))
