"""Which receivers there are after the settings have changed, and what each is given; on places that a test makes up."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from test_outlet import prediction

from rtemo.core.errors import RtemoError
from rtemo.live.output import receivers as module
from rtemo.live.output.news import EventNews, PredictionNews, StateNews, as_json
from rtemo.live.output.receivers import Receivers
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.output_settings import LOOPBACK, NetworkAddress, OutputSettings

OSC, OTHER = NetworkAddress(LOOPBACK, 9000), NetworkAddress(LOOPBACK, 9001)
WEB, NEXT = NetworkAddress(LOOPBACK, 8000), NetworkAddress(LOOPBACK, 8001)


class Queue:
    """Notes what it is put."""

    def __init__(self, name, write, close, changed, limit, longest_retry_s):
        self.name, self.write, self.closing, self.changed = name, write, close, changed
        self.limits, self.got, self.ended = (limit, longest_retry_s), [], []
        made.append(self)

    def put(self, news):
        self.got.append(news)

    def status(self):
        return f"status of {self.name}"

    def end(self):
        self.ended.append("end")

    def close(self, *timeout_s):
        self.ended.append("close")


class Place:
    """An OSC sender, or a WebSocket server."""

    refused = False

    def __init__(self, at, *given):
        if at == NEXT:
            raise RtemoError("the port is taken")
        self.at, self.given = at, given

    def write(self, news): ...

    def close(self): ...

    def statuses(self):
        return ("a reader",)


made: list[Queue] = []


@pytest.fixture
def ours(monkeypatch):
    made.clear()
    monkeypatch.setattr(module, "OutputQueue", Queue)
    monkeypatch.setattr("rtemo.live.output.osc.OscSender", Place)
    monkeypatch.setattr("rtemo.live.output.websocket.WebSocketServer", Place)
    return Receivers("secret")


def names(ours):
    return [queue.name for queue in ours._queues.values()]


def test_at_first_there_are_none(ours):
    assert (ours.any, ours.statuses(), ours.changed) == (False, (), None)
    ours.put(prediction(1.0))
    ours.adopt(OutputSettings())
    ours.end()
    assert made == []


def test_each_receiver_has_a_short_queue_that_tries_again_every_second(ours):
    ours.adopt(OutputSettings(osc=OSC, websocket=WEB))
    assert ours.any
    assert names(ours) == [f"WebSocket {WEB}", f"OSC {OSC}"]
    web, osc = made
    assert [queue.limits for queue in made] == [(20, 1.0)] * 2
    assert (web.write.__self__.at, web.write.__self__.given[0]) == (WEB, "secret")
    assert (web.write.__name__, web.closing.__name__) == ("write", "close")
    assert (osc.write.__self__.at, osc.closing.__name__) == (OSC, "close")
    assert ours.statuses() == (f"status of WebSocket {WEB}", f"status of OSC {OSC}", "a reader")


def test_what_stays_the_same_goes_on_and_what_changes_is_closed(ours):
    ours.adopt(OutputSettings(osc=OSC, websocket=WEB))
    web, osc = made
    ours.adopt(OutputSettings(osc=OSC, websocket=WEB))
    assert len(made) == 2
    ours.adopt(OutputSettings(osc=OTHER, websocket=WEB))
    assert (web.ended, osc.ended) == ([], ["close"])
    assert names(ours) == [f"WebSocket {WEB}", f"OSC {OTHER}"]
    ours.adopt(OutputSettings(osc=OTHER))
    assert (web.ended, made[2].ended) == (["close"], [])
    assert (names(ours), ours.statuses()) == ([f"OSC {OTHER}"], (f"status of OSC {OTHER}",))
    ours.adopt(OutputSettings(websocket=WEB))
    assert made[2].ended == ["close"]
    assert names(ours) == [f"WebSocket {WEB}"]


def test_where_nobody_can_listen_the_osc_receiver_goes_on_and_the_place_can_be_had_again(ours):
    ours.adopt(OutputSettings(osc=OSC, websocket=WEB))
    with pytest.raises(RtemoError, match="taken"):
        ours.adopt(OutputSettings(osc=OSC, websocket=NEXT))
    assert (names(ours), made[1].ended) == ([f"OSC {OSC}"], [])
    ours.adopt(OutputSettings(osc=OSC, websocket=WEB))
    assert names(ours) == [f"OSC {OSC}", f"WebSocket {WEB}"]
    assert len(made) == 3


def test_everybody_is_given_what_is_new(ours):
    ours.adopt(OutputSettings(osc=OSC, websocket=WEB))
    made_now, event = prediction(1.0), Event(2.0, EventKind.NOTE, "x")
    ours.put(made_now)
    ours.put_event(event)
    ours.put_state({"phase": "running"})
    expected = [PredictionNews(made_now, ""), EventNews(event), StateNews({"phase": "running"})]
    assert [queue.got for queue in made] == [expected] * 2


def test_whoever_wants_to_know_is_told_of_their_states(ours):
    ours.adopt(OutputSettings(osc=OSC, websocket=WEB))
    web, osc = made
    told = []
    osc.changed("nobody listens")
    ours.changed = told.append
    osc.changed("failed")
    web.changed("behind")
    web.write.__self__.given[1]("a reader is behind")
    assert told == ["failed", "behind", "a reader is behind"]


def test_a_sessions_end_leaves_them_and_their_own_end_closes_all(ours):
    ours.adopt(OutputSettings(osc=OSC, websocket=WEB))
    ours.discard()
    ours.close()
    assert [queue.ended for queue in made] == [[], []]
    ours.end()
    assert [queue.ended for queue in made] == [["end", "close"]] * 2
    assert (ours.any, ours.statuses()) == (False, ())


def test_the_same_state_is_sent_again_just_after_a_second(ours, monkeypatch):
    now = iter([100.0, 100.99, 101.0, 101.5])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(now)))
    ours.adopt(OutputSettings(osc=OSC))
    counts = []
    for _ in range(4):
        ours.put_state({"phase": "running"})
        counts.append(len(made[0].got))
    assert counts == [1, 1, 2, 2]


def test_each_kind_of_news_is_one_document():
    made_now = prediction(1.0)
    assert json.loads(as_json(PredictionNews(made_now, "P01"))) == {"type": "prediction", "data": made_now.to_dict()}
    event = Event(2.0, EventKind.NOTE, "Tür", "Amp", {"a": 1}, "a document", "P01")
    data = '{"time_s": 2.0, "kind": "note", "text": "Tür", "stream": "Amp", "details": {"a": 1}, "participant": "P01"}'
    assert as_json(EventNews(event)) == f'{{"type": "event", "data": {data}}}'
    assert as_json(StateNews({"a": "ü"})) == '{"type": "state", "data": {"a": "ü"}}'
    assert PredictionNews(made_now).participant == ""
