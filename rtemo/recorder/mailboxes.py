"""Outbox and inbox of one connection: whoever puts something in never waits for whoever reads at the other end, and one
system call takes everything that has come.

Both keep to the framing of multiprocessing.connection, so that either end may use a plain connection instead.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import sys
import threading
from collections import deque
from multiprocessing.connection import Connection

from rtemo.core.errors import RtemoError

LIMIT_BYTES = 64 << 20  # about four minutes of 64 channels at 1000 Hz
MESSAGE_BYTES = 1 << 20
READ_BYTES = 1 << 18  # more than a local socket holds
_HEADER = struct.Struct("!i")  # of a message shorter than 2 GB


class Outbox:
    """Sends at once what can be sent without waiting, and the rest in a thread of its own.

    One that is full, or whose connection ends, is over and takes nothing more.
    """

    def __init__(self, connection: Connection, limit_bytes: int = LIMIT_BYTES) -> None:
        self._connection, self._limit = connection, limit_bytes
        self._socket = None if sys.platform == "win32" else socket.socket(fileno=os.dup(connection.fileno()))
        self._changed = threading.Condition()
        self._waiting: list[bytes] = []
        self._size = 0
        self._closing = self._sending = False
        self.over = ""  # why nothing is sent any more
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> bool:
        """Have a message sent, of less than 2 GB. False: it will not be."""
        with self._changed:
            if self.over or self._closing:
                return False
            if self._socket is not None:
                data = _HEADER.pack(len(data)) + data
                if not (self._waiting or self._sending):
                    data = self._send_now(self._socket, data)
                    if not data:
                        return not self.over
            if self._size + len(data) > self._limit:
                self.over = f"{self._size >> 20} MB were waiting for a reader that does not read"
                self._waiting.clear()
                self._changed.notify_all()
                return False
            self._waiting.append(data)
            self._size += len(data)
            if len(self._waiting) == 1:
                self._changed.notify_all()
            return True

    def close(self, timeout_s: float = 1.0) -> None:
        """Send the rest and end, within this time."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            shut(self._connection)  # the reader does not read

    def _send_now(self, sender: socket.socket, data: bytes) -> bytes:
        """Send in this thread what cannot wait: a switch between threads costs more. Returns the rest."""
        try:
            return data[sender.send(data, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            return data
        except OSError as error:
            self.over = str(error)
            self._changed.notify_all()
            return b""

    def _run(self) -> None:
        try:
            while (data := self._next()) is not None:
                if self._socket is not None:
                    self._socket.sendall(data)
                else:
                    self._connection.send_bytes(data)
                with self._changed:
                    self._sending = False
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile
            with self._changed:
                self.over = self.over or str(error)
                self._waiting.clear()
        finally:
            if self._socket is not None:
                with self._changed:  # nobody sends now
                    self._closing = True
                    self._socket.close()

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing or self.over)
            if not self._waiting:
                return None
            taken, size = 0, 0
            while taken < len(self._waiting) and (not taken or size + len(self._waiting[taken]) <= MESSAGE_BYTES):
                size += len(self._waiting[taken])
                taken += 1
            data = b"".join(self._waiting[:taken])
            del self._waiting[:taken]
            self._size -= size
            self._sending = True
            return data


class Inbox:
    """Receives messages. Used by one thread."""

    def __init__(self, connection: Connection, longest: int) -> None:
        """longest: bytes of a message; a longer one ends the connection."""
        self._connection, self._longest = connection, longest
        self._messages: deque[memoryview] = deque()
        self._begun: list[bytes] = []  # of a message that has not come wholly
        self._begun_bytes = self._needed_bytes = 0
        self._poll = None
        if sys.platform != "win32":
            self._poll = select.poll()
            self._poll.register(connection.fileno(), select.POLLIN)

    @property
    def ready(self) -> bool:
        """Whether the next message is there already."""
        return bool(self._messages)

    def take(self, timeout_s: float) -> memoryview | None:
        """The next message; waits at most timeout_s for it. Raises EOFError, OSError or RtemoError."""
        if not self._messages:
            self._receive(timeout_s)
        return self._messages.popleft() if self._messages else None

    def _receive(self, timeout_s: float) -> None:
        if self._poll is None:
            if self._connection.poll(timeout_s):
                self._messages.append(memoryview(self._connection.recv_bytes(self._longest)))
        elif self._poll.poll(1e3 * max(timeout_s, 0.0)):
            data = os.read(self._connection.fileno(), READ_BYTES)
            if not data:
                raise EOFError("the connection ended")
            self._begun.append(data)
            self._begun_bytes += len(data)
            if self._begun_bytes >= self._needed_bytes:
                self._split()

    def _split(self) -> None:
        """Take the messages out of what has come; the one that has not come wholly is looked at again when it has."""
        data = memoryview(self._begun[0] if len(self._begun) == 1 else b"".join(self._begun))
        at, self._needed_bytes = 0, 0
        while len(data) - at >= _HEADER.size:
            (length,) = _HEADER.unpack_from(data, at)
            if not 0 <= length <= self._longest:
                raise RtemoError("a message is too long", f"{length} bytes", "use one version of rtemo")
            if len(data) - at - _HEADER.size < length:
                self._needed_bytes = _HEADER.size + length
                break
            self._messages.append(data[at + _HEADER.size : at + _HEADER.size + length])
            at += _HEADER.size + length
        self._begun = [bytes(data[at:])] if at < len(data) else []
        self._begun_bytes = len(data) - at


def shut(connection: Connection) -> None:
    """End a connection that other threads may be waiting on."""
    with contextlib.suppress(OSError, ValueError):
        if sys.platform == "win32":
            connection.close()
            return
        with socket.socket(fileno=socket.dup(connection.fileno())) as same:
            same.shutdown(socket.SHUT_RDWR)
