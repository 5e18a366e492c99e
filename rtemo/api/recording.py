"""A recording from Python: its streams, clocks, events, windows and signals, and the predictions of `rtemo replay`."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

from rtemo.api.model import LoadedModel, PathLike, as_model
from rtemo.api.prediction_table import PredictionTable
from rtemo.core.errors import RtemoError
from rtemo.core.types import ClockOffset, Modality, StreamInfo, StreamUp, Window
from rtemo.export.event_rows import read_markers
from rtemo.export.mne_raw import raw_of
from rtemo.export.signals import RecordedSignal, read_signals
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.model.embeddings import Embeddings
from rtemo.model.prediction import Prediction
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.recordings.events import Event, EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.devices.profile import known_profiles
from rtemo.sources.session_settings import SessionSettings, read_settings
from rtemo.sources.stream_choice import StreamQuery


@dataclass(frozen=True, slots=True)
class Asked:
    """What a recording is opened with, as the command line's options of the same names."""

    eeg: str | None = None
    gaze: str | None = None
    settings: PathLike | SessionSettings | None = None
    baseline: PathLike | None = None
    start: float | None = None
    stop: float | None = None
    participant: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be asked for, before a large file is looked through."""
        if self.baseline is not None:
            BaselinePlan.parse(str(self.baseline))
        for name, value in (("start", self.start), ("stop", self.stop)):
            if value is not None and not (isinstance(value, Real) and math.isfinite(value)):
                raise RtemoError(f"{name} is no number of seconds", f"{value!r}", "give seconds from the first sample")

    def settings_for(self, recorded: SessionSettings | None) -> SessionSettings:
        """The settings that are asked for, given what the recording's session had."""
        given = self.settings
        if given is not None and not isinstance(given, SessionSettings):
            given = read_settings(Path(given))
        settings = given or recorded or SessionSettings()
        texts = {Modality.EEG: self.eeg, Modality.GAZE: self.gaze}
        queries = {part: StreamQuery.parse(text) for part, text in texts.items() if text is not None}
        baseline = str(self.baseline) if self.baseline is not None else settings.baseline
        return replace(settings, baseline=baseline, queries={**settings.queries, **queries})

    def open(self, path: Path) -> OpenRecording:
        """Open the file. Raises RtemoError where it holds neither EEG nor gaze, or several streams fit."""
        profiles = known_profiles()
        part, whose = (self.start, self.stop), self.participant
        return OpenRecording(path, profiles, self.settings_for, part=part, participant=whose)


class RecordingFile:
    """An XDF file that was looked through. Every method reads what it needs and closes the file again."""

    def __init__(self, path: Path, asked: Asked) -> None:
        self.path, self._asked = path, asked
        opened = asked.open(path)
        opened.close()
        self.streams: tuple[StreamInfo, ...] = opened.streams
        self.notices: tuple[str, ...] = tuple(opened.notices)
        self.settings: SessionSettings = opened.roles.settings
        self.participant: str = opened.participant
        self.session_events: tuple[Event, ...] = opened.events
        self.first_s, self.last_s = opened.source.first_s, opened.source.last_s
        self._roles = {info.stream_id: opened.roles.role_of(info) for info in opened.streams}
        self._counts = {info.stream_id: opened.n_samples(info.stream_id) for info in opened.streams}

    def role(self, stream: StreamInfo) -> Modality | None:
        """What a stream is used as; None where it is not used."""
        return self._roles[stream.stream_id]

    def n_samples(self, stream: StreamInfo) -> int:
        """How many samples of a stream the file holds."""
        return self._counts[stream.stream_id]

    @property
    def clocks(self) -> Mapping[str, tuple[ClockOffset, ...]]:
        """The clock offsets that were measured, by stream_id: LSL time = raw stamp + offset_s, from time_s on."""
        found: dict[str, list[ClockOffset]] = {info.stream_id: [] for info in self.streams}
        with self._opened() as recording:
            while not recording.source.exhausted:
                for item in recording.source.read():
                    if isinstance(item, ClockOffset):
                        found[item.stream_id].append(item)
        return {stream: tuple(offsets) for stream, offsets in found.items()}

    @property
    def events(self) -> tuple[Event, ...]:
        """Markers, and what the session stated and noted, by time."""
        with self._opened() as recording:
            markers = read_markers(recording)
        return tuple(sorted([*markers, *self.session_events], key=lambda event: event.time_s))

    def signals(self) -> Mapping[Modality, RecordedSignal]:
        """EEG in microvolts and gaze in canonical coordinates, at LSL times, as they were sent: see RecordedSignal."""
        return read_signals(self._asked.open(self.path))

    def windows(self, model: LoadedModel | PathLike | None = None) -> Iterator[Window]:
        """The windows that the model decides on, in order: its whole input."""
        for window, _ in self.embedded_windows(model):
            yield window

    def embedded_windows(self, model: LoadedModel | PathLike | None = None) -> Iterator[tuple[Window, Embeddings]]:
        """The windows, each with the network's embeddings."""
        found: list[tuple[Window, Embeddings]] = []
        used = as_model(model)
        predictor = used.new_predictor()
        predictor.watches.append(lambda window, embeddings: found.append((window, embeddings)))
        with self._opened() as recording:
            engine = replay_engine(recording, predictor, used.bundle, EventLog(), (), used.persons, warn=_ignore)
            engine.step([StreamUp(info) for info in recording.opening])
            while not recording.source.exhausted:
                engine.step(recording.source.read())
                yield from found
                found.clear()
            engine.finish()
        yield from found

    def predict(self, model: LoadedModel | PathLike | None = None) -> PredictionTable:
        """The predictions that `rtemo replay` gives. Empty where there is less than one window of signal."""
        used, kept, notices = as_model(model), _Kept(), list(self.notices)
        with self._opened() as recording:
            engine = replay_engine(
                recording, used.new_predictor(), used.bundle, EventLog(), [kept], used.persons, warn=notices.append
            )
            engine.run(recording.opening, threading.Event())
            notices += recording.source.warnings[len(recording.file_warnings) :]
        return PredictionTable(used.labels, [prediction.to_dict() for prediction in kept.predictions], notices)

    def to_mne(self) -> Any:
        """An mne.io.RawArray: EEG in volts, eyegaze and pupil, events as annotations. Needs the package mne."""
        with self._opened() as recording:
            events = [*read_markers(recording), *self.session_events]
        return raw_of(self.signals(), events, self.settings.screen)

    @contextmanager
    def _opened(self) -> Iterator[OpenRecording]:
        recording = self._asked.open(self.path)
        try:
            yield recording
        finally:
            recording.close()

    def __repr__(self) -> str:
        named = ", ".join(f"{info.brief()} as {role}" for info in self.streams if (role := self.role(info)))
        return f"<RecordingFile {self.path.name}: {self.last_s - self.first_s:.1f} s; {named}>"


class _Kept:
    """Keeps the predictions."""

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []

    def put(self, prediction: Prediction) -> None:
        self.predictions.append(prediction)

    def discard(self) -> None:
        self.predictions.clear()

    def close(self) -> None:
        return


def open_recording(
    file: PathLike,
    *,
    eeg: str | None = None,
    gaze: str | None = None,
    settings: PathLike | SessionSettings | None = None,
    baseline: PathLike | None = None,
    start: float | None = None,
    stop: float | None = None,
    participant: str = "",
) -> RecordingFile:
    """Look through a recording. The options are those of `rtemo replay`.

    eeg, gaze: which stream, as key=value[,key=value]. settings: a settings file. baseline: FILE.json, START:STOP or
    marker=BEGIN,END. start, stop: seconds from the first sample. participant: whose, of several in one recording.
    Raises RtemoError where it cannot be used, or is of several participants and none is named.
    """
    return RecordingFile(Path(file), Asked(eeg, gaze, settings, baseline, start, stop, participant))


def _ignore(_text: str) -> None:
    """What is missing was shown when the predictions were made."""
