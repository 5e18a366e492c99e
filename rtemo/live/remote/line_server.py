"""A TCP server of text lines, one answer each: what LabRecorder's remote control looks like to a script."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import threading
from collections.abc import Callable

from rtemo.core.errors import RtemoError
from rtemo.sources.output_settings import NetworkAddress

MAX_CLIENTS = 8
MAX_LINE = 8192
CLOSE_S = 1.0
TOKEN_S = 10.0  # for a client on the network to name the token: silent ones must not keep others out
_HTTP = re.compile(r"^[A-Z]+ \S+ HTTP/\d")  # a web page that tries: it must not start a session


class LineServer:
    """Answers every line of every client, each in a thread of its own. `answer` is called by one at a time."""

    def __init__(self, at: NetworkAddress, token: str, answer: Callable[[str], str]) -> None:
        """token: what clients on the network say first, in a line `token TOKEN`.

        Raises RtemoError where it cannot listen there.
        """
        self._token = "" if at.is_loopback else token
        self._answer, self._turn, self._lock = answer, threading.Lock(), threading.Lock()
        self._clients: set[socket.socket] = set()
        self.n_answers = 0
        self._closing = False
        try:
            family = socket.getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM)[0][0]
            self._listener = socket.create_server((at.host, at.port), family=family, backlog=MAX_CLIENTS)
        except OSError as error:
            found = error.strerror or str(error)
            raise RtemoError(f"remote control cannot listen at {at}", found, "name another port") from error
        self._thread = threading.Thread(target=self._accept, name="remote control", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def n_clients(self) -> int:
        return len(self._clients)

    def close(self) -> None:
        """Disconnect everybody."""
        with self._lock:
            self._closing = True
            clients = list(self._clients)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._thread.join(CLOSE_S)

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                continue
            with self._lock:
                if self._closing or len(self._clients) >= MAX_CLIENTS:
                    client.close()
                    continue
                self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), name="remote client", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, client.makefile("rb") as lines:
                known = not self._token
                client.settimeout(None if known else TOKEN_S)
                while line := lines.readline(MAX_LINE + 1):
                    text = line.decode("utf-8", "replace").strip()
                    if len(line) > MAX_LINE or _HTTP.match(text):
                        return
                    if not text:
                        continue
                    if known:
                        with self._turn:
                            answer = self._answer(text)
                            self.n_answers += 1
                    else:
                        word, _, given = text.partition(" ")
                        known = word == "token" and secrets.compare_digest(given.strip().encode(), self._token.encode())
                        answer = "OK" if known else "ERROR a token is needed; begin with: token TOKEN"
                    client.sendall(" ".join(answer.split("\n")).encode() + b"\n")
                    if not known:
                        return
                    client.settimeout(None)
        except OSError:
            pass  # the client has gone
        finally:
            with self._lock:
                self._clients.discard(client)
