"""OSC as it is sent: addresses and values of each message, and what is done where nobody listens."""

from __future__ import annotations

import errno
import json
import math

import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_message import OscMessage
from test_outlet import LABELS, prediction

from rtemo.core.errors import RtemoError
from rtemo.live.output import osc
from rtemo.live.output.news import EventNews, PredictionNews, StateNews
from rtemo.live.output.osc import REFUSED_S, OscSender, datagrams, prediction_messages
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.output_settings import NetworkAddress

AT = NetworkAddress("127.0.0.1", 9)
NEWS = StateNews({"phase": "running"})
REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")


class Socket:
    """Stands for the system's: `answers` are what comes back, an error or None where nobody answers."""

    def __init__(self, answers):
        self.answers, self.timeouts, self.sent, self.closed = answers, [], [], False

    def settimeout(self, seconds):
        self.timeouts.append(seconds)

    def send(self, datagram):
        self.sent.append((datagram, self.timeouts[-1]))

    def recv(self, _size):
        raise self.answers.pop(0) or BlockingIOError()

    def close(self):
        self.closed = True


@pytest.fixture
def connected(monkeypatch):
    """The sockets that were made, by the answers that each gets."""
    answers, made = [], []

    def make(at):
        assert at == AT
        made.append(Socket(answers))
        return made[-1]

    monkeypatch.setattr(osc, "_connected", make)
    return answers, made


def test_what_is_taken_is_sent_without_waiting(connected):
    answers, made = connected
    answers += [None, None]
    sender = OscSender(AT)
    sender.write(NEWS)
    sender.write(NEWS)
    (only,) = made
    assert [timeout for _, timeout in only.sent] == [None, None]
    assert only.timeouts == [None, 0.0, None, 0.0]
    assert not only.closed
    sender.close()
    assert only.closed


def test_where_nobody_listens_another_socket_is_tried_once_and_then_waited_for_an_answer(connected):
    """The network may be another one after the first refusal; from then on, until it is taken, the socket is kept."""
    answers, made = connected
    answers += [REFUSED, REFUSED, REFUSED, None, None, REFUSED, TimeoutError()]
    sender, taken = OscSender(AT), []
    for _ in range(7):
        try:
            sender.write(NEWS)
            taken.append("")
        except RtemoError as error:
            taken.append(str(error))
    refused = "nobody takes what is sent to 127.0.0.1:9; Connection refused"
    assert taken == [refused, refused, refused, "", "", refused, ""]
    first, second, third = made
    assert (first.closed, second.closed, third.closed) == (True, True, False)
    assert first.timeouts[1::2] == [0.0]
    assert second.timeouts[1::2] == [REFUSED_S, REFUSED_S, REFUSED_S, 0.0, 0.0]
    assert third.timeouts[1::2] == [REFUSED_S]
    assert REFUSED_S == 0.05


def test_an_error_without_a_text_of_the_system_is_stated_as_it_is(connected):
    connected[0].append(OSError("the cable is out"))
    with pytest.raises(RtemoError, match=r"127\.0\.0\.1:9; the cable is out"):
        OscSender(AT).write(NEWS)


def values(messages):
    return {message.address: message.params for message in messages}


def test_a_prediction_of_a_participant_is_its_record_and_then_one_bundle():
    made = prediction(12.5, participant="P 1")
    record, bundle = datagrams(PredictionNews(made, "P 1"))
    assert OscMessage(record).address == "/rtemo/P_1/json"
    assert json.loads(OscMessage(record).params[0]) == made.to_dict()
    addresses = [content.address for content in OscBundle(bundle)]
    assert addresses == [f"/rtemo/P_1/{name}" for name in (
        "labels", "smoothed", "probabilities", "emotion", "confidence", "valence", "arousal", "novelty",
        "eeg_coverage", "gaze_coverage", "abstain", "set", "settled", "late",
    )]  # fmt: skip


def test_values_are_those_of_the_prediction_and_what_is_not_known_is_nan():
    probabilities = dict(zip(LABELS, (0.125, 0.5, 0.25, 0.125), strict=True))
    found = values(
        prediction_messages(prediction(1.0, probabilities=probabilities, set=("neutral", "sad"), novelty=None))
    )
    assert found["/rtemo/labels"] == list(LABELS)
    assert found["/rtemo/smoothed"] == [0.5, 0.25, 0.125, 0.125]
    assert found["/rtemo/probabilities"] == [0.125, 0.5, 0.25, 0.125]
    assert found["/rtemo/emotion"] == ["neutral"]
    assert found["/rtemo/confidence"] == [0.5]
    assert found["/rtemo/eeg_coverage"] == [1.0]
    assert found["/rtemo/gaze_coverage"] == [0.75]
    assert found["/rtemo/set"] == ["neutral", "sad"]
    assert found["/rtemo/abstain"] == [""]
    assert (found["/rtemo/settled"], found["/rtemo/late"]) == ([1], [0])
    assert math.isnan(found["/rtemo/novelty"][0])


def test_events_and_the_state_have_their_own_address():
    (event,) = datagrams(EventNews(Event(1.0, EventKind.MARKER, "Tür")))
    assert (OscMessage(event).address, OscMessage(event).params) == ("/rtemo/event", ["marker", "Tür"])
    (state,) = datagrams(StateNews({"subject": "Jörg"}))
    assert (OscMessage(state).address, OscMessage(state).params) == ("/rtemo/state", ['{"subject": "Jörg"}'])
