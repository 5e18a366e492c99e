"""The local socket, rule by rule: who is let in, who makes room, and what is left when it closes."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from dataclasses import replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener

import pytest

from rtemo.core.errors import RtemoError
from rtemo.recorder import local_server
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.local_server import CONNECTION_ERRORS, MAX_CLIENTS, MAX_NEWCOMERS, LocalServer, connect

DEADLINE_S = 20.0

unix = pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows are told apart otherwise")


class Desk:
    """A server whose clients are echoed until the test lets go of them."""

    def __init__(self, folder):
        self.endpoint = Endpoint("s", folder / "run")
        self.endpoint.claim()
        self.address = self.endpoint.fresh_address()
        self.failure = None
        self.server = LocalServer(self.address, self._serve)

    def _serve(self, client):
        while True:
            said = client.recv_bytes()
            if self.failure is not None:
                raise self.failure
            if said == b"enough":
                return
            client.send_bytes(said)

    def close(self):
        self.server.close()
        self.endpoint.release()


@pytest.fixture
def desk(tmp_path):
    found = Desk(tmp_path)
    yield found
    found.close()


def echoed(connection):
    connection.send_bytes(b"hello")
    return connection.poll(DEADLINE_S) and connection.recv_bytes() == b"hello"


def ended(connection):
    """Waits for the end of a connection."""
    with contextlib.suppress(*CONNECTION_ERRORS):
        while connection.poll(DEADLINE_S):
            connection.recv_bytes()
        return False
    return True


def until(reached):
    pause, left = threading.Event(), DEADLINE_S / 0.002
    while not reached():
        left -= 1
        assert left
        pause.wait(0.002)


def test_so_many_are_let_in_and_kept_waiting():
    assert (MAX_CLIENTS, MAX_NEWCOMERS, local_server.HANDSHAKE_S) == (16, 64, 2.0)


def test_whoever_is_let_in_counts_until_the_end(desk):
    assert (desk.server.n_clients, desk.server.closing) == (0, False)
    first, second = connect(desk.address), connect(desk.address)
    assert echoed(first)
    assert echoed(second)
    assert desk.server.n_clients == 2
    first.close()
    until(lambda: desk.server.n_clients == 1)
    second.send_bytes(b"enough")
    assert ended(second)
    until(lambda: desk.server.n_clients == 0)
    second.close()


def test_one_that_leaves_makes_room_for_another(desk, monkeypatch):
    monkeypatch.setattr(local_server, "MAX_CLIENTS", 1)
    first = connect(desk.address)
    assert echoed(first)
    with connect(desk.address) as second:
        assert ended(second)
    assert echoed(first)
    first.close()
    until(lambda: desk.server.n_clients == 0)
    with connect(desk.address) as third:
        assert echoed(third)


@pytest.mark.parametrize("failure", [OSError("o"), EOFError("e"), AuthenticationError("a"), RtemoError("r")])
def test_a_client_that_cannot_be_served_is_let_go_and_the_others_are_not(desk, failure):
    other = connect(desk.address)
    assert echoed(other)
    with connect(desk.address) as client:
        assert echoed(client)
        desk.failure = failure
        client.send_bytes(b"x")
        assert ended(client)
    desk.failure = None
    assert echoed(other)
    other.close()


def test_one_that_proves_nothing_is_dropped_after_a_while_and_never_counts(desk, monkeypatch):
    monkeypatch.setattr(local_server, "HANDSHAKE_S", 0.01)
    silent = Client(desk.address.address, desk.address.family)
    assert silent.recv_bytes().startswith(b"#CHALLENGE#")
    assert ended(silent)
    assert desk.server.n_clients == 0
    silent.close()


def test_a_newcomer_more_than_is_kept_makes_the_oldest_go(desk, monkeypatch):
    monkeypatch.setattr(local_server, "MAX_NEWCOMERS", 2)
    silent = []
    for _ in range(3):
        silent.append(Client(desk.address.address, desk.address.family))
        assert silent[-1].recv_bytes().startswith(b"#CHALLENGE#")
    assert ended(silent[0])
    assert not any(one.poll(0.0) for one in silent[1:])
    for one in silent:
        one.close()


def test_either_side_must_have_the_key(desk):
    wrong = replace(desk.address, key=bytes(32))
    with pytest.raises(AuthenticationError):
        connect(wrong)
    assert desk.server.n_clients == 0
    with connect(desk.address) as client:
        assert echoed(client)


@unix
def test_whoever_does_not_answer_is_not_waited_for_and_one_without_the_key_is_not_believed(tmp_path):
    folder = Endpoint("s", tmp_path / "run")
    folder.claim()
    address = folder.fresh_address()
    with Listener(address.address, address.family) as listener:
        with pytest.raises(EOFError, match="no answer to the challenge"):
            connect(address, 0.01)
        accepted = listener.accept()
        assert ended(accepted)
        accepted.close()
        found = []

        def believe_all():
            with listener.accept() as client:
                client.send_bytes(b"#CHALLENGE#" + bytes(20))
                client.recv_bytes()
                client.send_bytes(b"#WELCOME#")
                client.recv_bytes()
                client.send_bytes(b"no digest")
                found.append(client.recv_bytes())

        liar = threading.Thread(target=believe_all)
        liar.start()
        with pytest.raises(AuthenticationError):
            connect(address)
        liar.join(DEADLINE_S)
        assert found == [b"#FAILURE#"]
    folder.release()


@unix
def test_nobody_can_be_reached_where_nobody_listens(tmp_path):
    endpoint = Endpoint("s", tmp_path / "run")
    endpoint.claim()
    with pytest.raises(OSError, match="No such file"):
        connect(endpoint.fresh_address())
    endpoint.release()


@unix
def test_where_no_socket_can_be_made_that_is_said(tmp_path):
    endpoint = Endpoint("s", tmp_path / "run")
    endpoint.claim()
    address = replace(endpoint.fresh_address(), address=str(tmp_path / "no" / "s.sock"))
    with pytest.raises(RtemoError) as caught:
        LocalServer(address, print)
    said = caught.value
    assert (said.fact, said.found) == ("a local socket cannot be made", "No such file or directory")
    assert said.todo == f"see {address.address}"
    endpoint.release()


def test_the_end_disconnects_all_and_lets_nobody_in_any_more(tmp_path):
    before = set(threading.enumerate())
    desk = Desk(tmp_path)
    client = connect(desk.address)
    assert echoed(client)
    silent = Client(desk.address.address, desk.address.family)
    assert silent.recv_bytes().startswith(b"#CHALLENGE#")
    desk.server.close()
    assert desk.server.closing
    assert ended(client)
    assert ended(silent)
    with pytest.raises(CONNECTION_ERRORS):
        connect(desk.address, 0.1)
    until(lambda: set(threading.enumerate()) <= before)
    client.close()
    silent.close()
    desk.close()


@unix
def test_one_that_is_gone_before_it_is_met_harms_nobody(desk):
    for _ in range(3):
        with socket.socket(socket.AF_UNIX) as gone:
            gone.connect(desk.address.address)
    with connect(desk.address) as client:
        assert echoed(client)
