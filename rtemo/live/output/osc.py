"""Predictions as Open Sound Control messages over UDP, for Unity, Max, TouchDesigner and the like.

One bundle a prediction; each address begins with /rtemo, or /rtemo/PARTICIPANT where there are several:

    /labels s…            the model's labels, in the order of the next two
    /smoothed f…          smoothed probabilities; NaN where the model has nothing to say
    /probabilities f…     of this window alone
    /emotion s            the most probable smoothed label; empty where it abstains
    /confidence /valence /arousal /novelty /eeg_coverage /gaze_coverage f
    /abstain s            the reason; empty where it does not abstain
    /set s…               the labels of the prediction set
    /settled /late i      0 or 1
    /ratings/NAME f f f   of a model that was fitted on ratings: the estimate and both ends of its interval
    /json s               the whole record, as a line of `--out FILE.jsonl`
    /event s s            kind and text of an event; /state s: the state as JSON

`/json` comes in a datagram of its own, before the bundle. Nobody who listens is a state of the output, not silence.
"""

from __future__ import annotations

import json
import math
import re
import socket
from collections.abc import Iterable, Sequence

from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from rtemo.core.errors import RtemoError
from rtemo.live.output.news import EventNews, News, PredictionNews, StateNews
from rtemo.model.prediction import Prediction
from rtemo.sources.output_settings import NetworkAddress

ROOT = "/rtemo"
NUMBERS = ("confidence", "valence", "arousal", "novelty", "eeg_coverage", "gaze_coverage")
FLAGS = ("settled", "late")
REFUSED_S = 0.05  # how long a computer on the network may take to answer that nobody listens there

Value = str | float | int


class OscSender:
    """Sends what is new to one receiver; for the thread of an output queue."""

    def __init__(self, at: NetworkAddress) -> None:
        self._at = at
        self._socket: socket.socket | None = None
        self._refused = False

    def write(self, news: News) -> None:
        """Send it. Raises RtemoError where nobody listens or the network is down: what is late is worth nothing."""
        try:
            if self._socket is None:
                self._socket = _connected(self._at)
            for datagram in datagrams(news):
                self._send(self._socket, datagram)
        except OSError as error:
            if not self._refused:
                self._close_socket()  # the network may be another one by now
            self._refused = True
            raise RtemoError(f"nobody takes what is sent to {self._at}", error.strerror or str(error)) from error
        self._refused = False

    def close(self) -> None:
        self._close_socket()

    def _send(self, sending: socket.socket, datagram: bytes) -> None:
        """Raises OSError also where this datagram is refused: a computer answers that after it was sent."""
        sending.settimeout(None)
        sending.send(datagram)
        sending.settimeout(REFUSED_S if self._refused else 0.0)
        try:
            sending.recv(1)
        except (TimeoutError, BlockingIOError):
            return

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def datagrams(news: News) -> list[bytes]:
    """What is sent for it."""
    match news:
        case PredictionNews(prediction, participant):
            root = f"{ROOT}/{_segment(participant)}" if participant else ROOT
            record = _message(f"{root}/json", [prediction.to_json_line()]).dgram
            return [record, _bundle(prediction_messages(prediction, root))]
        case EventNews(event):
            return [_message(f"{ROOT}/event", [event.kind.value, event.text]).dgram]
        case StateNews(state):
            return [_message(f"{ROOT}/state", [json.dumps(state, ensure_ascii=False)]).dgram]


def prediction_messages(prediction: Prediction, root: str = ROOT) -> list[OscMessage]:
    """One message a value."""
    found: dict[str, Sequence[Value]] = {
        "labels": list(prediction.smoothed),
        "smoothed": [float(value) for value in prediction.smoothed.values()],
        "probabilities": [float(value) for value in prediction.probabilities.values()],
        "emotion": [prediction.emotion or ""],
    }
    for name in NUMBERS:
        value = getattr(prediction, name)
        found[name] = [math.nan if value is None else float(value)]
    found |= {"abstain": [prediction.abstain or ""], "set": list(prediction.set)}
    found |= {name: [int(getattr(prediction, name))] for name in FLAGS}
    found |= {f"ratings/{_segment(name)}": [one.value, one.low, one.high] for name, one in prediction.ratings.items()}
    return [_message(f"{root}/{name}", values) for name, values in found.items()]


def _message(address: str, values: Iterable[Value]) -> OscMessage:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return builder.build()


def _bundle(messages: Iterable[OscMessage]) -> bytes:
    builder = OscBundleBuilder(IMMEDIATELY)
    for message in messages:
        builder.add_content(message)
    return bytes(builder.build().dgram)


def _segment(text: str) -> str:
    """A participant as a part of an address, which has its own special characters."""
    return re.sub(r"[\s#*,/?\[\]{}]", "_", text)


def _connected(at: NetworkAddress) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(at.host, at.port, type=socket.SOCK_DGRAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.connect(address)
    except BaseException:
        made.close()
        raise
    return made
