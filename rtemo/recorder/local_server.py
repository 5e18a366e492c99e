"""Local socket server: any number of authenticated clients on this computer, each in a thread of its own.

A client that is slow, frozen or dead blocks its own thread and nothing else. One that does not prove within HANDSHAKE_S
that it has the key is dropped, and does not count as a client: silent connections lock nobody out.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.recorder.endpoint import Address
from rtemo.recorder.mailboxes import shut

MAX_CLIENTS = 16
MAX_NEWCOMERS = 64  # connections that have not proved anything yet; the oldest makes room
HANDSHAKE_S = 2.0
ANSWER_S = 10.0  # a server that takes longer counts as gone
CONNECTION_ERRORS = (OSError, EOFError, AuthenticationError, RtemoError)


class LocalServer:
    """Accepts clients and lets each be served until it disconnects. Raises RtemoError where it cannot listen."""

    def __init__(self, address: Address, serve: Callable[[Connection], None]) -> None:
        """serve: answers one client, in a thread of its own, until it returns or raises one of CONNECTION_ERRORS."""
        self._address, self._serve = address, serve
        self._closing = threading.Event()
        self._clients: set[Connection] = set()
        self._newcomers: dict[Connection, float] = {}
        self._lock = threading.Lock()
        try:
            self._listener = Listener(address.address, address.family, backlog=MAX_NEWCOMERS)
        except OSError as error:
            raise RtemoError(
                "a local socket cannot be made", error.strerror or str(error), f"see {address.address}"
            ) from error
        self._thread = threading.Thread(target=self._accept, name="clients", daemon=True)
        self._thread.start()

    @property
    def n_clients(self) -> int:
        return len(self._clients)

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def close(self) -> None:
        """Disconnect all clients."""
        self._closing.set()
        with contextlib.suppress(OSError, EOFError):  # wakes the accepting thread
            Client(self._address.address, self._address.family).close()
        self._thread.join(1.0)
        self._listener.close()
        with self._lock:
            for client in (*self._clients, *self._newcomers):
                shut(client)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client = self._listener.accept()
            except (OSError, EOFError):  # the client is gone already
                continue
            with self._lock:
                if self._closing.is_set():
                    client.close()
                    continue
                if len(self._newcomers) >= MAX_NEWCOMERS:
                    shut(next(iter(self._newcomers)))
                self._newcomers[client] = time.monotonic()
            threading.Thread(target=self._meet, args=(client,), name="client", daemon=True).start()

    def _meet(self, client: Connection) -> None:
        try:
            patient: Any = _Handshake(client, HANDSHAKE_S)
            deliver_challenge(patient, self._address.key)
            answer_challenge(patient, self._address.key)
            if self._admit(client):
                self._serve(client)
        except CONNECTION_ERRORS:
            pass  # the end of its connection shows the client
        finally:
            with self._lock:
                self._clients.discard(client)
                self._newcomers.pop(client, None)
            with contextlib.suppress(OSError):
                client.close()

    def _admit(self, client: Connection) -> bool:
        with self._lock:
            self._newcomers.pop(client, None)
            if self._closing.is_set() or len(self._clients) >= MAX_CLIENTS:
                return False
            self._clients.add(client)
            return True


class _Handshake:
    """A connection whose receiving does not wait for ever; for multiprocessing's challenges."""

    def __init__(self, connection: Connection, wait_s: float) -> None:
        self._connection, self._wait_s = connection, wait_s
        self.send_bytes = connection.send_bytes

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        if not self._connection.poll(self._wait_s):
            raise EOFError("no answer to the challenge")
        return self._connection.recv_bytes(maxlength)


def connect(address: Address, wait_s: float = ANSWER_S) -> Connection:
    """A connection to whoever listens there, authenticated. Raises one of CONNECTION_ERRORS."""
    connection = Client(address.address, address.family)
    try:
        patient: Any = _Handshake(connection, wait_s)
        answer_challenge(patient, address.key)
        deliver_challenge(patient, address.key)
    except BaseException:
        connection.close()
        raise
    return connection
