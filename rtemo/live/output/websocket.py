"""Predictions, events and the state over WebSocket, as JSON texts, to any number of readers; see news.py.

Each reader has a queue of its own, so that one that is slow, frozen or dead costs the others nothing, and the
predictions even less. Web pages of other sites are refused: a browser would let them in. On the network, and for such
pages, a token is needed: ws://HOST:PORT/?token=TOKEN, or the header "Authorization: Bearer TOKEN".
"""

from __future__ import annotations

import contextlib
import http
import secrets
import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server as WebSocketListener
from websockets.sync.server import ServerConnection, serve

from rtemo.core.errors import RtemoError
from rtemo.live.output.news import News, StateNews, as_json
from rtemo.live.output.output_queue import Changed, OutputQueue, OutputStatus
from rtemo.sources.output_settings import NetworkAddress

MAX_READERS = 16
LIMIT = 50  # texts that wait for a reader
CUT_OFF_S = 10.0  # a reader that takes nothing for so long is disconnected
CLOSE_S = 1.0
MAX_BYTES = 4096  # of what a reader sends, which nobody reads


class WebSocketServer:
    """Listens until it is closed. `write` is for one thread; it never waits."""

    def __init__(self, at: NetworkAddress, token: str, changed: Changed | None = None) -> None:
        """token: what readers on the network need. changed: called when a reader falls behind.

        Raises RtemoError where it cannot listen there.
        """
        self._at, self._token, self._changed = at, token, changed
        self._lock = threading.Lock()
        self._readers: dict[ServerConnection, OutputQueue[str]] = {}
        self._state: StateNews | None = None
        self._n_dropped = 0  # of readers that have gone
        self._closing = False
        try:
            self._server: WebSocketListener = serve(
                self._serve,
                at.host,
                at.port,
                process_request=self._refusal,
                compression=None,
                max_size=MAX_BYTES,
                close_timeout=CLOSE_S,
                server_header=None,
            )
        except OSError as error:
            found = error.strerror or str(error)
            raise RtemoError(f"no WebSocket readers can be served at {at}", found, "name another port") from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="websocket", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.socket.getsockname()[1])

    def write(self, news: News) -> None:
        """Give it to every reader's queue."""
        text = as_json(news)
        with self._lock:
            if isinstance(news, StateNews):
                self._state = news
            readers = list(self._readers.values())
        for reader in readers:
            reader.put(text)

    def statuses(self) -> tuple[OutputStatus, ...]:
        """Of each reader that is connected."""
        with self._lock:
            readers = list(self._readers.values())
        return tuple(reader.status() for reader in readers)

    @property
    def n_dropped(self) -> int:
        """Texts that readers did not get because they were too slow."""
        with self._lock:
            return self._n_dropped + sum(reader.status().n_dropped for reader in self._readers.values())

    def close(self) -> None:
        """Disconnect all readers."""
        with self._lock:
            self._closing = True
            readers = dict(self._readers)
        for reader in readers.values():
            reader.end()
        for connection, reader in readers.items():
            reader.close(CLOSE_S)
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)  # a frozen one holds its threads up for ever
        threading.Thread(target=self._server.shutdown, name="websocket end", daemon=True).start()
        self._thread.join(CLOSE_S)

    def _serve(self, connection: ServerConnection) -> None:
        """One reader, in its own thread, until it goes."""
        _cut_off_after(connection.socket, CUT_OFF_S)
        host, port = connection.remote_address[:2]
        name = f"WebSocket reader {host}:{port}"
        reader: OutputQueue[str] = OutputQueue(name, _sender(connection), connection.close, self._changed, LIMIT)
        with self._lock:
            if self._closing or len(self._readers) >= MAX_READERS:
                connection.close(1013, f"{MAX_READERS} readers are connected")
                return
            self._readers[connection] = reader
            state = self._state
        if state is not None:
            reader.put(as_json(state))
        try:
            with contextlib.suppress(ConnectionClosed):
                for _ in connection:
                    pass
        finally:
            with self._lock:
                self._readers.pop(connection, None)
                self._n_dropped += reader.status().n_dropped
            reader.close(0.0)

    def _refusal(self, connection: ServerConnection, request: Request) -> Response | None:
        """Why a reader is not let in; None for one that is."""
        given = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
        given = given or request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if given:
            known = secrets.compare_digest(given.encode(), self._token.encode())
            return None if known else connection.respond(http.HTTPStatus.FORBIDDEN, "the token is another one\n")
        if not self._at.is_loopback:
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "a token is needed: ?token=TOKEN\n")
        if not _of_this_computer(request.headers.get("Origin")):
            return connection.respond(http.HTTPStatus.FORBIDDEN, "pages of other sites need a token\n")
        return None


def _sender(connection: ServerConnection) -> Callable[[str], None]:
    def send(text: str) -> None:
        with contextlib.suppress(ConnectionClosed):  # its own thread takes it out
            connection.send(text)

    return send


def _of_this_computer(origin: str | None) -> bool:
    """Whether it is a program, which names no origin, or a page that this computer serves itself."""
    if origin is None:
        return True
    try:
        host = urlsplit(origin).hostname
    except ValueError:
        return False
    return host is not None and NetworkAddress(host, 1).is_loopback


def _cut_off_after(connected: socket.socket, seconds: float) -> None:
    """Let sending fail where nothing was taken for so long; receiving goes on waiting."""
    value: Any = int(1e3 * seconds) if sys.platform == "win32" else struct.pack("ll", int(seconds), 0)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
