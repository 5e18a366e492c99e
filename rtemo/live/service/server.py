"""Socket server of one engine: answers any number of clients on this computer, each in a thread of its own.

A client that is slow, frozen or dead blocks its own thread and nothing else. A malformed request ends its connection.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge

from rtemo.core.errors import RtemoError
from rtemo.recorder.endpoint import Address
from rtemo.live.service.feed import Feed
from rtemo.live.service.wire import MAX_REQUEST_BYTES, Command, Poll, pack, unpack_request

MAX_CLIENTS = 16


class Server:
    """Answers polls from a feed and passes commands on. Raises RtemoError where it cannot listen."""

    def __init__(self, address: Address, feed: Feed, submit: Callable[[Command], None]) -> None:
        """submit: takes a command; may be called from any thread and must not wait."""
        self._address, self._feed, self._submit = address, feed, submit
        self._closing = threading.Event()
        self._clients: set[Connection] = set()
        self._lock = threading.Lock()
        try:
            self._listener = Listener(address.address, address.family)
        except OSError as error:
            raise RtemoError(
                "the engine cannot be reached by its window", error.strerror or str(error), f"see {address.address}"
            ) from error
        self._thread = threading.Thread(target=self._accept, name="clients", daemon=True)
        self._thread.start()

    @property
    def n_clients(self) -> int:
        return len(self._clients)

    def close(self) -> None:
        """Disconnect all clients."""
        self._closing.set()
        with contextlib.suppress(OSError, EOFError):  # wakes the accepting thread
            Client(self._address.address, self._address.family).close()
        self._thread.join(1.0)
        self._listener.close()
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client = self._listener.accept()
            except (OSError, EOFError):  # the client is gone already
                continue
            with self._lock:
                if self._closing.is_set() or len(self._clients) >= MAX_CLIENTS:
                    client.close()
                    continue
                self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), name="client", daemon=True).start()

    def _serve(self, client: Connection) -> None:
        """Answer one client until it disconnects, fails to authenticate, or sends a malformed request."""
        try:
            deliver_challenge(client, self._address.key)
            answer_challenge(client, self._address.key)
            while not self._closing.is_set():
                self._answer(client)
        except (OSError, EOFError, AuthenticationError, RtemoError):
            pass  # the end of its connection shows the client; the engine is not affected
        finally:
            with self._lock:
                self._clients.discard(client)
            with contextlib.suppress(OSError):
                client.close()

    def _answer(self, client: Connection) -> None:
        request = unpack_request(client.recv_bytes(MAX_REQUEST_BYTES))
        if isinstance(request, Poll):
            client.send_bytes(pack(*self._feed.take(request.token)))
        else:
            self._submit(request)
