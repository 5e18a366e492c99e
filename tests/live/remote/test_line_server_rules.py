"""The limits of the server of text lines: how long a line, how many clients, who is known."""

from __future__ import annotations

import socket

import pytest
from hand_fed import wait_for

from rtemo.core.errors import RtemoError
from rtemo.live.remote.line_server import LineServer
from rtemo.sources.output_settings import LOOPBACK, NetworkAddress


@pytest.fixture
def serve():
    """Servers on free ports; what they were asked is in `lines`."""
    servers, lines = [], []

    def served(host=LOOPBACK, token="secret"):
        def answer(line):
            lines.append(line)
            return f"OK {len(line)}"

        servers.append(LineServer(NetworkAddress(host, 0), token, answer))
        return servers[-1]

    served.lines = lines
    yield served
    for server in servers:
        server.close()


def connected(server):
    return socket.create_connection((LOOPBACK, server.port), timeout=10.0)


def exchange(server, sent):
    """All that comes back until the server hangs up, or the client has no more to send."""
    with connected(server) as one:
        one.sendall(sent)
        one.shutdown(socket.SHUT_WR)
        with one.makefile("rb") as answers:
            return answers.read()


@pytest.mark.parametrize(("length", "answer"), [(8191, b"OK 8191\n"), (8192, b"")])
def test_a_line_and_its_end_may_have_8192_bytes(serve, length, answer):
    with connected(serve()) as one, one.makefile("rb") as answers:
        one.sendall(b"x" * length + b"\n")
        assert answers.readline() == answer


@pytest.mark.parametrize(
    ("sent", "answers", "lines"),
    [
        (b"a\nb c", b"OK 1\nOK 3\n", ["a", "b c"]),  # the last line may lack its end
        (b"  a \r\n", b"OK 1\n", ["a"]),
        (b"\n \na\n", b"OK 1\n", ["a"]),  # to an empty line there is no answer
        (b"\xff\n", b"OK 1\n", ["\ufffd"]),
        (b"token secret\n", b"OK 12\n", ["token secret"]),  # on this computer nobody asks for it
        (b"GET /\na\n", b"OK 5\nOK 1\n", ["GET /", "a"]),
        (b"a\nGET / HTTP/1.1\nb\n", b"OK 1\n", ["a"]),
    ],
)
def test_each_line_is_answered_by_one(serve, sent, answers, lines):
    server = serve()
    assert exchange(server, sent) == answers
    assert serve.lines == lines
    assert server.n_answers == len(lines)


UNKNOWN = b"ERROR a token is needed; begin with: token TOKEN\n"


@pytest.mark.parametrize(
    ("sent", "answers", "lines"),
    [
        (b"token secret\na\n", b"OK\nOK 1\n", ["a"]),
        (b"\ntoken  secret \na\n", b"OK\nOK 1\n", ["a"]),
        (b"token wrong\na\n", UNKNOWN, []),
        (b"token\na\n", UNKNOWN, []),
        (b"key secret\na\n", UNKNOWN, []),
        (b"a\ntoken secret\na\n", UNKNOWN, []),
    ],
)
def test_on_the_network_a_client_begins_with_the_token(serve, sent, answers, lines):
    server = serve("0.0.0.0")
    assert exchange(server, sent) == answers
    assert serve.lines == lines
    assert server.n_answers == len(lines)


def test_eight_clients_are_served_and_a_ninth_when_one_has_gone(serve):
    server = serve()
    clients = [connected(server) for _ in range(8)]
    try:
        wait_for(lambda: server.n_clients == 8)
        with connected(server) as ninth:
            assert ninth.recv(1) == b""
        for one in clients:
            one.sendall(b"a\n")
            assert one.recv(100) == b"OK 1\n"
        clients.pop().close()
        wait_for(lambda: server.n_clients == 7)
        clients.append(connected(server))
        clients[-1].sendall(b"ab\n")
        assert clients[-1].recv(100) == b"OK 2\n"
        server.close()
        assert [one.recv(1) for one in clients] == [b""] * 8
        wait_for(lambda: server.n_clients == 0)
    finally:
        for one in clients:
            one.close()


def test_a_port_that_is_taken_is_refused_by_its_name():
    with socket.create_server((LOOPBACK, 0)) as taken:
        at = NetworkAddress(LOOPBACK, taken.getsockname()[1])
        with pytest.raises(RtemoError, match=f"^remote control cannot listen at {at}; .+; name another port$"):
            LineServer(at, "", str)


def test_clients_on_the_network_that_name_no_token_in_time_make_room_and_known_ones_stay(serve, monkeypatch):
    monkeypatch.setattr("rtemo.live.remote.line_server.TOKEN_S", 0.2)
    server = serve("0.0.0.0")
    with connected(server) as known, known.makefile("rb") as answers, connected(server) as silent:
        known.sendall(b"token secret\n")
        assert answers.readline() == b"OK\n"
        assert silent.recv(1) == b""  # hung up on
        known.sendall(b"a\n")
        assert answers.readline() == b"OK 1\n"
    with connected(serve()) as one, one.makefile("rb") as answers:  # this computer's own need no token
        one.settimeout(0.4)
        with pytest.raises(TimeoutError):
            one.recv(1)
        one.settimeout(10.0)
        one.sendall(b"b\n")
        assert answers.readline() == b"OK 1\n"
