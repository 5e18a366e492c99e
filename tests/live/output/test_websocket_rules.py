"""Whom the WebSocket server lets in, what each reader gets and how it ends; on connections that a test makes up."""

from __future__ import annotations

import json
import socket
import struct
import threading
from types import SimpleNamespace

import pytest
from hand_fed import wait_for
from test_outlet import prediction
from websockets.exceptions import ConnectionClosedOK

from rtemo.core.errors import RtemoError
from rtemo.live.output import websocket
from rtemo.live.output.news import EventNews, PredictionNews, StateNews, as_json
from rtemo.live.output.output_queue import OutputState
from rtemo.live.output.websocket import WebSocketServer
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.output_settings import LOOPBACK, NetworkAddress

RUNNING = StateNews({"phase": "running"})


class Listener:
    """In place of the library's."""

    def __init__(self):
        self.socket = SimpleNamespace(getsockname=lambda: ("127.0.0.1", 4711, 0, 0))
        self.called = []

    def serve_forever(self):
        self.called.append("serve")

    def shutdown(self):
        self.called.append("shutdown")


class Connection:
    """A reader; `meanwhile` is done while it is connected."""

    def __init__(self, meanwhile=lambda: None, error=None, address=("10.0.0.7", 5000, 0, 0)):
        self.meanwhile, self.error, self.remote_address = meanwhile, error, address
        self.sent, self.closed, self.options, self.shut = [], [], [], []
        self.socket = SimpleNamespace(setsockopt=lambda *option: self.options.append(option), shutdown=self.shutdown)

    def __iter__(self):
        yield "what nobody reads"
        self.meanwhile()
        if self.error is not None:
            raise self.error

    def send(self, text):
        if self.error is not None:
            raise self.error
        self.sent.append(text)

    def close(self, *reason):
        self.closed.append(reason)

    def shutdown(self, how):
        self.shut.append(how)
        raise OSError("not connected any more")

    def respond(self, status, text):
        return int(status), text


@pytest.fixture
def served(monkeypatch):
    """What a server listens with; the server is made by `server`."""
    given = SimpleNamespace(args=None, options=None, listener=Listener())

    def serve(*args, **options):
        given.args, given.options = args, options
        return given.listener

    monkeypatch.setattr(websocket, "serve", serve)
    return given


@pytest.fixture
def server(served):
    return WebSocketServer(NetworkAddress(LOOPBACK, 80), "secret")


def test_it_listens_where_it_is_told_and_takes_little(served, server):
    assert served.args == (server._serve, LOOPBACK, 80)
    assert served.options == {
        "process_request": server._refusal, "compression": None, "max_size": 4096, "close_timeout": 1.0,
        "server_header": None,
    }  # fmt: skip
    assert server.port == 4711
    assert (server.statuses(), server.n_dropped) == ((), 0)
    wait_for(lambda: served.listener.called == ["serve"])
    assert server._thread.daemon


@pytest.mark.parametrize(
    ("error", "found"), [(OSError(98, "Address in use"), "Address in use"), (OSError("no such host"), "no such host")]
)
def test_where_it_cannot_listen_it_says_why(monkeypatch, error, found):
    def serve(*_args, **_options):
        raise error

    monkeypatch.setattr(websocket, "serve", serve)
    with pytest.raises(RtemoError) as refused:
        WebSocketServer(NetworkAddress(LOOPBACK, 80), "secret")
    text = f"no WebSocket readers can be served at {LOOPBACK}:80; {found}; name another port"
    assert str(refused.value) == text


OTHER_TOKEN = (403, "the token is another one\n")
NEEDED = (401, "a token is needed: ?token=TOKEN\n")
PAGE = (403, "pages of other sites need a token\n")


@pytest.mark.parametrize(
    ("host", "path", "headers", "answer"),
    [
        (LOOPBACK, "/", {}, None),
        (LOOPBACK, "/?token=", {}, None),
        (LOOPBACK, "/?token=secret", {"Origin": "https://example.org"}, None),
        (LOOPBACK, "/?token=secre", {}, OTHER_TOKEN),
        (LOOPBACK, "/", {"Authorization": "Bearer guess"}, OTHER_TOKEN),
        (LOOPBACK, "/?token=secret", {"Authorization": "Bearer guess"}, None),  # the address counts first
        (LOOPBACK, "/?token=guess&token=secret", {}, OTHER_TOKEN),
        (LOOPBACK, "/", {"Origin": "https://example.org"}, PAGE),
        (LOOPBACK, "/", {"Origin": "http://[::1"}, PAGE),  # no address at all
        (LOOPBACK, "/", {"Origin": "http://localhost:3000"}, None),
        ("0.0.0.0", "/", {}, NEEDED),
        ("0.0.0.0", "/", {"Origin": "http://localhost"}, NEEDED),
        ("0.0.0.0", "/?token=secret", {}, None),
        ("0.0.0.0", "/x?a=1&token=secret", {}, None),
        ("0.0.0.0", "/", {"Authorization": "Bearer   secret "}, None),
        ("0.0.0.0", "/", {"Authorization": "Bearer"}, OTHER_TOKEN),
        ("0.0.0.0", "/?token=gu%C3%A9ss", {}, OTHER_TOKEN),
    ],
)
def test_who_is_let_in(served, host, path, headers, answer):
    server = WebSocketServer(NetworkAddress(host, 80), "secret")
    assert server._refusal(Connection(), SimpleNamespace(path=path, headers=headers)) == answer


def test_a_reader_gets_the_state_first_and_then_what_is_new(server):
    made, event = prediction(1.0), Event(2.0, EventKind.NOTE, "x")

    def meanwhile():
        (status,) = server.statuses()
        assert (status.name, status.state) == ("WebSocket reader 10.0.0.7:5000", OutputState.WORKING)
        server.write(PredictionNews(made))
        server.write(EventNews(event))
        wait_for(lambda: len(reader.sent) == 3)

    reader = Connection(meanwhile)
    server.write(RUNNING)
    server._serve(reader)
    assert [json.loads(text)["type"] for text in reader.sent] == ["state", "prediction", "event"]
    assert reader.sent[1] == as_json(PredictionNews(made))
    assert server.statuses() == ()
    assert server.n_dropped == 0
    wait_for(lambda: reader.closed == [()])


def test_before_there_is_a_state_none_is_sent(server):
    reader = Connection(
        lambda: server.write(EventNews(Event(2.0, EventKind.NOTE, "x"))) or wait_for(lambda: reader.sent)
    )
    server._serve(reader)
    assert [json.loads(text)["type"] for text in reader.sent] == ["event"]


def test_a_reader_that_breaks_off_is_gone_and_no_failure(server):
    reader = Connection(lambda: server.write(RUNNING), ConnectionClosedOK(None, None))
    server._serve(reader)
    assert server.statuses() == ()


def test_what_readers_were_too_slow_for_is_counted_also_when_they_have_gone(server):
    gate = threading.Event()
    reader = Connection()
    reader.send = lambda _text: gate.wait(30)

    def meanwhile():
        server.write(RUNNING)
        wait_for(lambda: reader_queue()._in_hand)
        for _ in range(53):
            server.write(RUNNING)
        assert server.n_dropped == 3  # one is in hand, and fifty wait

    def reader_queue():
        return next(iter(server._readers.values()))

    reader.meanwhile = meanwhile
    server._serve(reader)
    gate.set()
    assert server.statuses() == ()
    assert server.n_dropped == 3


def test_sixteen_readers_are_taken_and_the_next_is_told(server):
    for n in range(16):
        server._readers[n] = SimpleNamespace(status=lambda: SimpleNamespace(n_dropped=0))
    last = Connection(lambda: pytest.fail("it was let in"))
    server._serve(last)
    assert last.closed == [(1013, "16 readers are connected")]
    del server._readers[15]
    entered = []
    server._serve(Connection(lambda: entered.append(len(server._readers))))
    assert entered == [16]


def test_its_end_disconnects_everybody_and_lets_nobody_in(served, server):
    def meanwhile():
        server.close()
        server._serve(late)

    reader, late = Connection(meanwhile), Connection(lambda: pytest.fail("it was let in"))
    server._serve(reader)
    assert reader.shut == [socket.SHUT_RDWR]
    assert late.closed == [(1013, "16 readers are connected")]
    wait_for(lambda: served.listener.called == ["serve", "shutdown"])


@pytest.mark.parametrize(
    ("origin", "ours"),
    [
        (None, True), ("http://localhost", True), ("http://127.0.0.1:8000", True), ("http://[::1]:8000", True),
        ("null", False), ("", False), ("https://example.org", False), ("http://[::1", False),
    ],
)  # fmt: skip
def test_which_pages_are_of_this_computer(origin, ours):
    assert websocket._of_this_computer(origin) is ours


def test_at_its_end_all_readers_get_what_waits_within_the_time_of_each(served, server):
    did, joined = [], []

    def reader(name):
        return SimpleNamespace(
            end=lambda: did.append((name, "end")), close=lambda timeout_s: did.append((name, timeout_s))
        )

    first, second = Connection(), Connection()
    server._readers = {first: reader("first"), second: reader("second")}
    server._thread = SimpleNamespace(join=joined.append)
    server.close()
    assert did == [("first", "end"), ("second", "end"), ("first", 1.0), ("second", 1.0)]
    assert [one.shut for one in (first, second)] == [[socket.SHUT_RDWR]] * 2
    assert joined == [1.0]
    wait_for(lambda: "shutdown" in served.listener.called)


def test_the_thread_that_ends_it_holds_up_no_program(served, server):
    seen = []
    served.listener.shutdown = lambda: seen.append(threading.current_thread())
    server.close()
    wait_for(lambda: seen)
    assert (seen[0].daemon, seen[0].name) == (True, "websocket end")


def test_each_reader_has_a_queue_of_its_own_that_ends_with_it_at_once(server, monkeypatch):
    made, closed = [], []

    def queue(name, _send, *given):
        made.append((name, *given))
        return SimpleNamespace(status=lambda: SimpleNamespace(n_dropped=4), close=closed.append)

    monkeypatch.setattr(websocket, "OutputQueue", queue)
    server._changed = print
    reader = Connection()
    server._serve(reader)
    assert made == [("WebSocket reader 10.0.0.7:5000", reader.close, print, 50)]
    assert closed == [0.0]
    assert server.n_dropped == 4


@pytest.mark.parametrize(("platform", "value"), [("win32", 10_000), ("linux", struct.pack("ll", 10, 0))])
def test_a_reader_that_takes_nothing_for_ten_seconds_is_cut_off(server, monkeypatch, platform, value):
    monkeypatch.setattr(websocket, "sys", SimpleNamespace(platform=platform))
    reader = Connection()
    server._serve(reader)
    assert reader.options == [(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)]
