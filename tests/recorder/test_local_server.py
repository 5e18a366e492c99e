"""The local socket: silent and slow connections harm nobody but themselves."""

from __future__ import annotations

import threading
from multiprocessing.connection import Client, Pipe

import pytest

from rtemo.core.errors import RtemoError
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.local_server import CONNECTION_ERRORS, MAX_CLIENTS, MAX_NEWCOMERS, LocalServer, connect
from rtemo.recorder.mailboxes import MESSAGE_BYTES, Inbox, Outbox

DEADLINE_S = 20.0


@pytest.fixture
def endpoint(tmp_path):
    found = Endpoint("desk", tmp_path / "run")
    found.claim()
    yield found
    found.release()


@pytest.fixture
def server(endpoint):
    address = endpoint.fresh_address()
    endpoint.publish(address)

    def echo(client):
        while True:
            client.send_bytes(client.recv_bytes())

    running = LocalServer(address, echo)
    yield running
    running.close()


def read_on(read):
    """Until it raises."""
    while True:
        read()


def answers(connection):
    connection.send_bytes(b"hello")
    return connection.poll(DEADLINE_S) and connection.recv_bytes() == b"hello"


def test_silent_connections_lock_nobody_out(endpoint, server):
    address = endpoint.find()
    silent = [Client(address.address, address.family) for _ in range(3 * MAX_CLIENTS)]
    with connect(address) as client:
        assert answers(client)
    for one in silent:
        one.close()


def test_more_silent_connections_than_are_kept_do_not_either(endpoint, server):
    address = endpoint.find()
    silent = []
    for _ in range(2 * MAX_NEWCOMERS):
        silent.append(Client(address.address, address.family))
        with connect(address) as client:
            assert answers(client)
    for one in silent:
        one.close()


def test_whoever_has_another_key_is_not_served(endpoint, server):
    address = endpoint.find()
    wrong = type(address)(address.address, address.family, address.pid, b"0" * 32, address.born_s)
    with pytest.raises(CONNECTION_ERRORS):
        connect(wrong)
    assert server.n_clients == 0


def test_there_are_so_many_clients_and_no_more(endpoint, server):
    clients = [connect(endpoint.find()) for _ in range(MAX_CLIENTS)]
    assert all(map(answers, clients))
    with connect(endpoint.find()) as one_more, pytest.raises(CONNECTION_ERRORS):
        answers(one_more)
    for client in clients:
        client.close()


def test_only_one_process_has_a_name(endpoint, tmp_path):
    other = Endpoint("desk", tmp_path / "run")
    with pytest.raises(RtemoError, match="runs already"):
        other.claim()
    endpoint.release()
    other.claim()
    other.release()
    assert list((tmp_path / "run").iterdir()) == []


def test_an_address_of_a_process_that_has_another_ones_number_is_dead(endpoint):
    alive = endpoint.fresh_address()
    assert alive.alive
    reused = type(alive)(alive.address, alive.family, alive.pid, alive.key, alive.born_s - 100.0)
    assert not reused.alive
    reused.kill(0.0)  # does not end this process


def test_a_reader_that_does_not_read_holds_nobody_up():
    ours, theirs = Pipe()
    outbox = Outbox(ours, limit_bytes=1 << 20)
    n = 0
    while outbox.put(bytes(1000)):
        n += 1
        assert n < 5000
    assert n >= 1000
    assert "does not read" in outbox.over
    assert not outbox.put(b"x")
    theirs.close()
    outbox.close()


def test_messages_arrive_one_by_one_whatever_comes_together():
    ours, theirs = Pipe()
    sent = [b"", b"a", bytes(3 << 18), b"b" * 1000, b"c"]
    outbox, inbox = Outbox(ours), Inbox(theirs, 1 << 20)
    assert inbox.take(0.0) is None
    found = []
    for message in sent:
        assert outbox.put(message)
    while len(found) < len(sent):
        message = inbox.take(DEADLINE_S)
        if message is not None:
            found.append(bytes(message))
    assert found == sent
    assert not inbox.ready
    outbox.close()
    ours.close()
    with pytest.raises(EOFError):
        inbox.take(DEADLINE_S)


def test_a_message_that_is_too_long_is_not_waited_for():
    ours, theirs = Pipe()
    outbox, inbox = Outbox(ours), Inbox(theirs, 10)
    outbox.put(bytes(11))
    with pytest.raises(RtemoError, match="too long"):
        inbox.take(DEADLINE_S)
    outbox.close()


def test_what_ends_ends_its_connection_though_nobody_reads():
    ours, theirs = Pipe()
    outbox = Outbox(ours)
    assert outbox.put(bytes(8 << 20))  # more than the socket takes
    outbox.close(0.0)
    with pytest.raises((EOFError, OSError)):
        read_on(theirs.recv_bytes)


@pytest.mark.parametrize("size", [1, 1000, 1 << 18, MESSAGE_BYTES + 1])
def test_everything_arrives_in_order(size):
    ours, theirs = Pipe()
    outbox, found = Outbox(ours), bytearray()
    sent = [bytes([n % 251]) * size for n in range(50)]

    def read():
        while len(found) < 50 * size:
            found.extend(theirs.recv_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    assert all(map(outbox.put, sent))
    reader.join(DEADLINE_S)
    assert bytes(found) == b"".join(sent)
    outbox.close()
    ours.close()
    assert not outbox.put(b"x")
