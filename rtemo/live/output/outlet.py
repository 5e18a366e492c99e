"""LSL outlets: predictions as a stream of numbers, events as a stream of text.

Each outlet also hands what it sends to `keep`, under its own description, so that a recording holds the same stream.
It is recorded at once, by the thread that sends; it is published by a thread of the outlet's own, behind a queue.
"""

from __future__ import annotations

import logging
import math
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pylsl
from numpy.typing import NDArray

import rtemo
from rtemo.core.types import Chunk, FloatArray, StreamInfo
from rtemo.live.output.output_queue import Changed, OutputQueue
from rtemo.model.prediction import Prediction
from rtemo.model.uncertainty.rating_estimates import rating_columns, rating_numbers
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_stream import EVENTS, EXPLANATION, SESSION_ID
from rtemo.recordings.study.annotations import EDIT
from rtemo.sources.lsl.ports import open_outlet
from rtemo.sources.recording_places import safe_name
from rtemo.sources.stream_xml import stream_info, xml_text

PREDICTIONS, VALUES, TEXTS = "rtemo", "rtemo_values", "rtemo_texts"
RATINGS, RATING_HZ, LATE = "rtemo_ratings", 20.0, 4
MEASURES = (  # channel, type, unit
    ("confidence", "Confidence", "probability"),
    ("eeg_coverage", "Coverage", "fraction"),
    ("gaze_coverage", "Coverage", "fraction"),
    ("novelty", "Novelty", "thresholds"),
    ("abstain", "Flag", "boolean"),
    ("settled", "Flag", "boolean"),
    ("valence", "Valence", "normalised"),  # in [-1, 1], NaN where it abstains
    ("arousal", "Arousal", "normalised"),
)
PUBLISHED = (EventKind.ANNOTATION, EventKind.LOSS, EventKind.STREAM_DOWN, EventKind.STREAM_UP, EventKind.FAILURE)
_LOG = logging.getLogger("rtemo.output")

LINGER_S = 0.2  # a destroyed outlet drops what it has not sent yet

Keep = Callable[[Chunk], object]


@dataclass(frozen=True, slots=True)
class OutletIdentity:
    """Whose outlets these are: participant and session, so that two sessions on one network are never mixed up.

    session_id: unique; receivers recover a lost stream by source_id, and must not find another session's. participant,
    session: in the names, where they are given; name: instead of these.
    """

    session_id: str = ""
    participant: str = ""
    session: str = ""
    name: str = ""

    def named(self, kind: str) -> str:
        """The name of an outlet. kind: PREDICTIONS, EVENTS, …"""
        if self.name:
            return self.name + kind.removeprefix(PREDICTIONS)
        who, session = self._who, f"ses-{safe_name(self.session)}" if self.session else ""
        return "_".join(part for part in (kind, who, session) if part)

    def source_id(self, kind: str) -> str:
        """The same for an engine that takes the session up, another one for every other session."""
        return f"{kind}:{self._who}:{self.session_id}@{socket.gethostname()}"

    @property
    def _who(self) -> str:
        """The participant in letters that every receiver takes."""
        return safe_name(self.participant) if self.participant else ""


class PredictionOutlet:
    """Type Emotion: one channel a label with its smoothed probability, then MEASURES. A PredictionSink.

    Its name is rtemo, with participant and session where these are named, see OutletIdentity.
    Stamps are the windows' ends. The stream is irregular: predictions can be left out, and receivers that straighten
    stamps by a nominal rate would shift all that follow.
    """

    def __init__(
        self,
        labels: Sequence[str],
        fingerprint: str,
        hop_s: float,
        keep: Keep | None = None,
        *,
        publish: bool = True,
        lag_s: float | None = None,
        identity: OutletIdentity | None = None,
        changed: Changed | None = None,
        calibrated: bool = True,
        ratings: Sequence[str] = (),
    ) -> None:
        """fingerprint: of the model bundle. hop_s: seconds between predictions. publish: on the network too.

        lag_s: of the smoothed probabilities behind a change, see rtemo.model.response_lag. identity: whose
        predictions they are. changed: called when publishing fails, falls behind, or works again. calibrated: whether
        held-out people stand behind the probabilities; without them novelty is NaN. ratings: those that the model was
        fitted on; each adds three channels at the end, NaN where the window says nothing of it.
        """
        self.labels = tuple(labels)
        channels = [(label, "Probability", "probability") for label in self.labels] + list(MEASURES)
        channels += [(name, "Rating", "as rated") for name in rating_columns(ratings)]
        info = _described(PREDICTIONS, "Emotion", "float32", channels, identity or OutletIdentity())
        model = info.desc().append_child("model")
        model.append_child_value("bundle_fingerprint", fingerprint)
        model.append_child_value("hop_s", repr(float(hop_s)))
        model.append_child_value("calibrated", str(calibrated).lower())
        if lag_s is not None:
            model.append_child_value("lag_s", f"{lag_s:.2f}")
        self._outlet = _Outlet(info, keep, publish=publish, changed=changed)

    @property
    def info(self) -> StreamInfo:
        """How the stream describes itself on the network."""
        return self._outlet.info

    @property
    def queue(self) -> OutputQueue[Any] | None:
        """What waits to be published; None where nothing is."""
        return self._outlet.queue

    def put(self, prediction: Prediction) -> None:
        self.push(prediction_values(prediction, self.labels), prediction.time_s)

    def push(self, values: NDArray[np.floating], end_s: float) -> None:
        """values: (n_labels + 8 + 3 n_ratings,), in the order of the channels. end_s: LSL time."""
        self._outlet.push(np.asarray(values, dtype=np.float32), end_s)

    def discard(self) -> None:
        """What was sent cannot be taken back."""

    def close(self) -> None:
        self._outlet.close()


class EventOutlet:
    """Name rtemo_events[_…], see PredictionOutlet: one sample an event, a sentence and the same event as JSON."""

    def __init__(
        self,
        keep: Keep | None = None,
        *,
        publish: bool = True,
        identity: OutletIdentity | None = None,
        changed: Changed | None = None,
    ) -> None:
        identity = identity or OutletIdentity()
        channels = [("event", "Marker", ""), ("json", "Marker", "")]
        info = _described(EVENTS, "Markers", "string", channels, identity)
        if identity.session_id:
            info.desc().append_child_value(SESSION_ID, identity.session_id)
        self._outlet = _Outlet(info, keep, publish=publish, changed=changed)

    @property
    def info(self) -> StreamInfo:
        """How the stream describes itself on the network."""
        return self._outlet.info

    @property
    def queue(self) -> OutputQueue[Any] | None:
        """What waits to be published; None where nothing is."""
        return self._outlet.queue

    def send(self, event: Event) -> None:
        """Send annotations, their corrections, losses, returns, failures and facts; others are not for the network."""
        if event.kind in PUBLISHED or "fact" in event.details or EDIT in event.details:
            sentence = f"{event.kind.value}: {event.sentence}"
            published, kept = ((sentence, event.payload(published=on_network)) for on_network in (True, False))
            self._outlet.push(_row(*published), event.time_s, _row(*kept))

    def explain(self, text: str, time_s: float) -> None:
        """Send an explanation, a JSON object. time_s: LSL time."""
        self._outlet.push(_row(EXPLANATION + text, ""), time_s)

    def close(self) -> None:
        self._outlet.close()


class ValueOutlet:
    """Name rtemo_values[_…], type Values: the numbers that a script gives out, one channel each."""

    def __init__(
        self,
        names: Sequence[str],
        identity: OutletIdentity,
        keep: Keep | None = None,
        *,
        publish: bool = True,
        changed: Changed | None = None,
    ) -> None:
        self.names = tuple(names)
        channels = [(xml_text(name), "Value", "") for name in names]
        info = _described(VALUES, "Values", "float32", channels, identity)
        self._outlet = _Outlet(info, keep, publish=publish, changed=changed)
        self.info, self.queue = self._outlet.info, self._outlet.queue

    def push(self, values: NDArray[np.floating], time_s: float) -> None:
        """values: one for each name. time_s: LSL time."""
        self._outlet.push(np.asarray(values, dtype=np.float32), time_s)

    def close(self) -> None:
        self._outlet.close()


class TextOutlet:
    """Name rtemo_texts[_…], type Markers: what a script says."""

    def __init__(
        self,
        identity: OutletIdentity,
        keep: Keep | None = None,
        *,
        publish: bool = True,
        changed: Changed | None = None,
    ) -> None:
        info = _described(TEXTS, "Markers", "string", [("text", "Marker", "")], identity)
        self._outlet = _Outlet(info, keep, publish=publish, changed=changed)
        self.info, self.queue = self._outlet.info, self._outlet.queue

    def push(self, text: str, time_s: float) -> None:
        self._outlet.push(np.array([text], dtype=object), time_s)

    def close(self) -> None:
        self._outlet.close()


class RatingOutlet:
    """Type Ratings: valence and arousal in [-1, 1] as somebody rates them in the window. No outlet of a session: it is
    found, read and recorded like the ratings of any other program.
    """

    def __init__(self) -> None:
        self.source_id = f"{RATINGS}@{socket.gethostname()}"  # the same after a restart: it is taken up again
        info = pylsl.StreamInfo(RATINGS, "Ratings", 2, RATING_HZ, "float32", self.source_id)
        _describe_channels(info, [(name, "Rating", "normalised") for name in ("valence", "arousal")])
        self._outlet: pylsl.StreamOutlet | None = open_outlet(info)
        self.info = stream_info(info.as_xml(), RATINGS)
        self._begun_s, self._n = pylsl.local_clock(), 0

    def push(self, valence: float, arousal: float) -> None:
        """Send what holds now; to be called about RATING_HZ times a second."""
        if self._outlet is not None:
            due = ratings_due(self._n, pylsl.local_clock() - self._begun_s)
            for k in due:
                self._outlet.push_sample([valence, arousal], self._begun_s + k / RATING_HZ)
            self._n = due.stop

    def close(self) -> None:
        """End the stream."""
        self._outlet = None


def ratings_due(n: int, passed_s: float) -> range:
    """The numbers of the samples that are due after so long, n having been counted. Their stamps lie on a grid, however
    late a busy window is; what is older than LATE samples is left out, as nobody knows what held then.
    """
    stop = max(n, math.floor(passed_s * RATING_HZ))
    return range(max(n, stop - LATE), stop)


class _Outlet:
    """An outlet that one thread feeds, sample by sample."""

    def __init__(
        self, info: pylsl.StreamInfo, keep: Keep | None, *, publish: bool, changed: Changed | None = None
    ) -> None:
        self._described, self._keep = info, keep
        self._outlet: pylsl.StreamOutlet | None = None
        self.queue: OutputQueue[tuple[list[Any], float]] | None = None
        if publish:
            self.queue = OutputQueue(f"LSL outlet {info.name()}", self._send, self._end, changed)
            try:
                self._outlet = open_outlet(info)
            except Exception as error:  # noqa: BLE001 - LSL's own; it is tried again with the first sample
                _LOG.warning("the outlet %s cannot be made", info.name(), exc_info=error)
        described = info if self._outlet is None else self._outlet.get_info()
        self.info = stream_info(described.as_xml(), info.name())

    def push(self, values: NDArray[np.generic], time_s: float, kept: NDArray[np.generic] | None = None) -> None:
        """kept: what is recorded instead of the values that are published."""
        if self._keep is not None:
            self._keep(Chunk(self.info.stream_id, np.array([time_s]), (values if kept is None else kept)[np.newaxis]))
        if self.queue is not None:
            self.queue.put((values.tolist(), time_s))

    def close(self) -> None:
        self._keep = None
        if self.queue is not None:
            self.queue.close()

    def _send(self, sample: tuple[list[Any], float]) -> None:
        if self._outlet is None:
            self._outlet = open_outlet(self._described)
        self._outlet.push_sample(*sample)

    def _end(self) -> None:
        if self._outlet is not None and self._outlet.have_consumers():
            time.sleep(LINGER_S)
        self._outlet = None


def _row(sentence: str, payload: str) -> NDArray[np.object_]:
    return np.array([sentence, payload], dtype=object)


def prediction_values(prediction: Prediction, labels: Sequence[str]) -> FloatArray:
    """A prediction as the outlet's channels: (n_labels + 8 + 3 n_ratings,). NaN: the model had nothing to say."""
    numbers = [prediction.smoothed[label] for label in labels]
    numbers += [prediction.confidence, prediction.eeg_coverage, prediction.gaze_coverage, prediction.novelty]
    numbers += [float(prediction.abstain is not None), float(prediction.settled)]
    numbers += [np.nan if value is None else value for value in (prediction.valence, prediction.arousal)]
    numbers += rating_numbers(prediction.ratings)
    return np.array(numbers, dtype=np.float32)


def _described(
    kind: str,
    stream_type: str,
    channel_format: str,
    channels: Sequence[tuple[str, str, str]],
    identity: OutletIdentity,
) -> pylsl.StreamInfo:
    """A description whose source_id names session and computer: receivers find it again, and never another's."""
    name, source_id = identity.named(kind), identity.source_id(kind)
    info = pylsl.StreamInfo(name, stream_type, len(channels), pylsl.IRREGULAR_RATE, channel_format, source_id)
    whose = info.desc().append_child("session")
    for key, text in (("id", identity.session_id), ("participant", identity.participant), ("label", identity.session)):
        if text:
            whose.append_child_value(key, xml_text(text))
    _describe_channels(info, channels)
    return info


def _describe_channels(info: pylsl.StreamInfo, channels: Sequence[tuple[str, str, str]]) -> None:
    """Add label, type and unit of the channels, and who sends them."""
    acquisition = info.desc().append_child("acquisition")
    acquisition.append_child_value("manufacturer", "rtemo")
    acquisition.append_child_value("version", rtemo.__version__)
    parent = info.desc().append_child("channels")
    for label, channel_type, unit in channels:
        node = parent.append_child("channel")
        node.append_child_value("label", label)
        node.append_child_value("type", channel_type)
        node.append_child_value("unit", unit)
