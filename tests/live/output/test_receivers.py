"""Independent OSC and WebSocket clients get what is new; one that is dead, slow or unwanted costs others nothing."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from test_outlet import LABELS, prediction
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from rtemo.core.errors import RtemoError
from rtemo.live.output import output_queue, websocket
from rtemo.live.output import receivers as receivers_module
from rtemo.live.output.news import StateNews, as_json
from rtemo.live.output.output_queue import OutputState
from rtemo.live.output.receivers import Receivers
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.output_settings import LOOPBACK, NetworkAddress, OutputSettings

DEADLINE_S = 20.0


def until(reached: Callable[[], object]):
    """What it gives, once it is something; by a deadline."""
    end_s = time.monotonic() + DEADLINE_S
    while not (found := reached()):
        assert time.monotonic() < end_s
        time.sleep(0.005)
    return found


def free_port(kind=socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind((LOOPBACK, 0))
        return one.getsockname()[1]


@contextmanager
def receivers(token="secret", **places):
    made = Receivers(token)
    made.told = []
    made.changed = made.told.append
    made.adopt(OutputSettings(**{name: NetworkAddress.parse(str(place)) for name, place in places.items()}))
    try:
        yield made
    finally:
        made.end()


@contextmanager
def osc_listener(port):
    """What arrives, as python-osc reads it."""
    got, dispatcher = [], Dispatcher()
    dispatcher.set_default_handler(lambda address, *values: got.append((address, values)))
    server = BlockingOSCUDPServer((LOOPBACK, port), dispatcher)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_prediction_arrives_as_osc_messages():
    port = free_port(socket.SOCK_DGRAM)
    with osc_listener(port) as got, receivers(osc=port) as ours:
        made = prediction(12.5, set=("neutral", "sad"), abstain=None)
        ours.put(made)
        ours.put_event(Event(13.0, EventKind.ANNOTATION, "Tür geht auf"))
        ours.put_state({"phase": "running"})
        until(lambda: "/rtemo/state" in dict(got))
        ours.put(prediction(12.75, emotion=None, abstain="bad EEG", settled=False))
        until(lambda: ("/rtemo/abstain", ("bad EEG",)) in got and got[-1][0] == "/rtemo/late")
    first = dict(got[: [address for address, _ in got].index("/rtemo/state")])
    assert json.loads(first["/rtemo/json"][0]) == made.to_dict()
    assert first["/rtemo/labels"] == LABELS
    assert first["/rtemo/smoothed"] == tuple(made.smoothed.values())
    assert (first["/rtemo/emotion"], first["/rtemo/abstain"]) == (("neutral",), ("",))
    assert (first["/rtemo/set"], first["/rtemo/settled"]) == (("neutral", "sad"), (1,))
    assert first["/rtemo/valence"] == pytest.approx((made.valence,))
    assert first["/rtemo/event"] == ("annotation", "Tür geht auf")
    last = dict(got)
    assert (last["/rtemo/emotion"], last["/rtemo/settled"]) == (("",), (0,))
    assert math.isnan(last["/rtemo/valence"][0])  # it abstains


def test_an_osc_receiver_that_is_not_there_is_a_state_and_given_what_is_new_when_it_comes(monkeypatch):
    monkeypatch.setattr(output_queue, "RETRY_S", 0.01)
    monkeypatch.setattr(receivers_module, "RETRY_S", 0.02)
    port = free_port(socket.SOCK_DGRAM)
    with receivers(osc=port) as ours:
        for n in range(40):
            ours.put(prediction(float(n)))
        until(lambda: not ours.statuses()[0].n_waiting)
        failed = ours.told[-1]  # before that it may have been behind
        assert failed.state is OutputState.FAILED
        n_told = len(ours.told)
        assert failed.error.startswith(f"nobody takes what is sent to {LOOPBACK}:{port}")
        with osc_listener(port) as got:
            ours.put(prediction(99.0))
            until(lambda: got and got[-1][0] == "/rtemo/late")
            until(lambda: len(ours.told) > n_told)
        assert json.loads(dict(got)["/rtemo/json"][0])["time_s"] == 99.0
        assert [address for address, _ in got].count("/rtemo/json") == 1
        assert ours.told[-1].state is OutputState.WORKING
        assert ours.statuses()[0].n_dropped == 40


def reading(ours, **options):
    return connect(
        f"ws://{LOOPBACK}:{ours._server.port}/{options.pop('query', '')}", open_timeout=DEADLINE_S, **options
    )


def test_a_websocket_reader_gets_the_state_first_and_then_what_is_new():
    with receivers(websocket=free_port()) as ours:
        ours.put_state({"phase": "running", "labels": list(LABELS)})
        until(lambda: ours.statuses()[0].n_written)
        with reading(ours) as reader, reading(ours) as other:
            assert json.loads(reader.recv(DEADLINE_S)) == {
                "type": "state",
                "data": {"phase": "running", "labels": list(LABELS)},
            }
            until(lambda: len(ours.statuses()) == 3)
            made, event = prediction(12.5), Event(13.0, EventKind.ANNOTATION, "Tür", document="settings")
            ours.put(made)
            ours.put_event(event)
            assert json.loads(reader.recv(DEADLINE_S)) == {"type": "prediction", "data": made.to_dict()}
            said = json.loads(reader.recv(DEADLINE_S))
            assert said == {"type": "event", "data": {"time_s": 13.0, "kind": "annotation", "text": "Tür"}}
            assert [json.loads(other.recv(DEADLINE_S))["type"] for _ in range(3)] == ["state", "prediction", "event"]
        until(lambda: len(ours.statuses()) == 1)  # those that go leave nothing behind
        assert ours.told == []


def test_a_frozen_reader_is_a_state_drops_alone_and_is_cut_off(monkeypatch):
    monkeypatch.setattr(output_queue, "BEHIND_S", 0.05)
    monkeypatch.setattr(websocket, "CUT_OFF_S", 1.0)
    with receivers(websocket=free_port()) as ours:
        frozen = socket.create_connection((LOOPBACK, ours._server.port))
        frozen.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        with reading(ours) as reader:
            until(lambda: len(ours.statuses()) == 3)
            got = []
            long = prediction(1.0, bad_channels=tuple(f"C{n}" for n in range(20_000)))

            def behind():
                ours.put(long)
                got.append(len(reader.recv(DEADLINE_S)))
                return ours.told

            until(behind)
            assert ours.told[0].state is OutputState.BEHIND
            assert ours.told[0].name.startswith("WebSocket reader")
            assert len(got) > 1
            until(lambda: len(ours.statuses()) == 2)  # it was cut off
            ours.put(prediction(2.0))
            assert json.loads(reader.recv(DEADLINE_S))["data"]["time_s"] == 2.0
            assert ours.statuses()[0].state is OutputState.WORKING
        frozen.close()


@pytest.mark.parametrize(
    ("origin", "query", "refused"),
    [
        (None, "", False),
        ("http://localhost:8000", "", False),
        ("http://127.0.0.1", "", False),
        ("https://example.org", "", True),
        ("http://localhost.example.org", "", True),
        ("null", "", True),
        ("https://example.org", "?token=secret", False),
        ("null", "?token=secret", False),
        (None, "?token=guess", True),
    ],
)
def test_pages_of_other_sites_are_refused_without_the_token(origin, query, refused):
    with receivers(websocket=free_port()) as ours:
        if refused:
            with pytest.raises(InvalidStatus, match="403"), reading(ours, query=query, origin=origin):
                pass
        else:
            with reading(ours, query=query, origin=origin):
                pass


def test_on_the_network_a_token_is_needed():
    made = Receivers("secret")
    made.adopt(OutputSettings(websocket=NetworkAddress("0.0.0.0", free_port()), allow_network=True))
    try:
        with pytest.raises(InvalidStatus, match="401"), reading(made):
            pass
        for options in ({"query": "?token=secret"}, {"additional_headers": {"Authorization": "Bearer secret"}}):
            with reading(made, **options):
                pass
    finally:
        made.end()


def test_a_port_that_is_taken_is_said_and_leaves_the_rest():
    with receivers(websocket=free_port()) as ours:
        taken, osc = NetworkAddress(LOOPBACK, ours._server.port), NetworkAddress(LOOPBACK, free_port(socket.SOCK_DGRAM))
        with pytest.raises(RtemoError, match="no WebSocket readers can be served at"):
            Receivers().adopt(OutputSettings(websocket=taken))
        ours.adopt(OutputSettings(osc=osc))
        assert [status.name for status in ours.statuses()] == [f"OSC {osc}"]
        ours.adopt(OutputSettings())
        assert not ours.any
        Receivers().adopt(OutputSettings(websocket=taken))  # it is free again


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("9000", LOOPBACK, 9000),
        ("lab-pc:8000", "lab-pc", 8000),
        ("[::1]:1", "::1", 1),
        (" 10.0.0.7:65535 ", "10.0.0.7", 65535),
    ],
)
def test_addresses_are_read_as_they_are_written(text, host, port):
    address = NetworkAddress.parse(text)
    assert (address.host, address.port) == (host, port)
    assert NetworkAddress.parse(str(address)) == address


@pytest.mark.parametrize("text", ["", "x", "0", "65536", "host:", ":80", "a b:80", "http://x:80", "::1:80", "-1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(RtemoError, match="HOST:PORT"):
        NetworkAddress.parse(text)


@pytest.mark.parametrize(
    ("host", "inside"),
    [("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("10.0.0.1", False), ("localhost.evil.org", False), ("lab", False)],
)  # fmt: skip
def test_only_this_computer_is_reached_unless_the_network_is_allowed(host, inside):
    for name in ("osc", "websocket", "remote"):
        place = {name: NetworkAddress(host, 9)}
        OutputSettings(**place, allow_network=True).check()
        if inside:
            OutputSettings(**place).check()
        else:
            with pytest.raises(RtemoError, match="stays on this computer"):
                OutputSettings(**place).check()


def test_what_is_sent_of_the_state_is_text_as_it_is_written():
    text = as_json(StateNews({"subject": "Jörg", "phase": "running"}))
    assert text == '{"type": "state", "data": {"subject": "Jörg", "phase": "running"}}'


class Sent(Receivers):
    """Notes what would be sent."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def send(self, news):
        self.sent.append(news)


def test_the_same_state_is_sent_again_after_a_second_and_another_one_at_once(monkeypatch):
    now = iter([100.0, 100.5, 100.9, 101.4, 101.5, 102.4, 102.6])
    monkeypatch.setattr(receivers_module, "time", SimpleNamespace(monotonic=lambda: next(now)))
    ours, running, stopped = Sent(), {"phase": "running"}, {"phase": "stopped"}
    sent = []
    for state in (running, stopped, stopped, stopped, stopped, running, running):
        ours.put_state(state)
        sent.append(len(ours.sent))
    assert sent == [1, 2, 2, 2, 3, 4, 4]
    assert [news.state for news in ours.sent] == [running, stopped, stopped, running]


def test_whoever_is_new_gets_the_state_at_once(monkeypatch):
    monkeypatch.setattr(receivers_module, "time", SimpleNamespace(monotonic=lambda: 0.5))
    ours = Sent()
    for _ in range(2):
        ours.put_state({"phase": "running"})
        ours.put_state({"phase": "running"})
        ours.adopt(OutputSettings())
    assert len(ours.sent) == 2


@pytest.mark.parametrize("participant", [None, "", "P01"])
def test_a_prediction_is_sent_with_whom_it_is_about(participant):
    ours = Sent()
    ours.put(prediction(1.0, participant=participant))
    assert [news.participant for news in ours.sent] == [participant or ""]


def test_their_end_closes_the_port():
    with receivers(websocket=free_port()) as ours:
        port = ours._server.port
        ours.end()
        assert (ours.any, ours.statuses()) == (False, ())
        with pytest.raises(OSError):  # noqa: PT011 - each system words it otherwise
            socket.create_connection((LOOPBACK, port), DEADLINE_S)


def test_where_a_port_is_taken_the_one_before_can_be_had_again_and_osc_goes_on():
    osc = NetworkAddress(LOOPBACK, free_port(socket.SOCK_DGRAM))
    with (
        osc_listener(osc.port),
        receivers(websocket=free_port()) as other,
        receivers(websocket=free_port(), osc=osc) as ours,
    ):
        before = NetworkAddress(LOOPBACK, ours._server.port)
        ours.put_state({"phase": "running"})
        until(lambda: ours.statuses()[1].n_written)
        with pytest.raises(RtemoError):
            ours.adopt(OutputSettings(osc=osc, websocket=NetworkAddress(LOOPBACK, other._server.port)))
        ours.adopt(OutputSettings(osc=osc, websocket=before))
        assert [(one.name, one.n_written) for one in ours.statuses()] == [(f"OSC {osc}", 1), (f"WebSocket {before}", 0)]
