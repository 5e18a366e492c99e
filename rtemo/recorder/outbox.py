"""Outbox of one connection: whoever puts something in never waits for whoever reads at the other end."""

from __future__ import annotations

import select
import sys
import threading
from multiprocessing.connection import Connection

LIMIT_BYTES = 64 << 20  # about four minutes of 64 channels at 1000 Hz
MESSAGE_BYTES = 1 << 20
SURE_BYTES = 1 << 14  # a local socket that can be written to at all takes so many
_POLLS = sys.platform != "win32"


class Outbox:
    """Sends in a thread of its own. One that is full, or whose connection ends, is over and takes nothing more."""

    def __init__(self, connection: Connection, limit_bytes: int = LIMIT_BYTES) -> None:
        self._connection, self._limit = connection, limit_bytes
        self._changed = threading.Condition()
        self._waiting: list[bytes] = []
        self._size = 0
        self._closing = self._sending = False
        self.over = ""  # why nothing is sent any more
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def put(self, data: bytes) -> bool:
        """Have it sent. False: it will not be."""
        with self._changed:
            if self.over or self._closing:
                return False
            if self._size + len(data) > self._limit:
                self.over = f"{self._size >> 20} MB were waiting for a reader that does not read"
                self._waiting.clear()
                self._changed.notify_all()
                return False
            if self._at_once(data):
                return True
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

    def _at_once(self, data: bytes) -> bool:
        """Send it in this thread where that cannot wait: a switch between threads costs more than the sending."""
        if not _POLLS or self._waiting or self._sending or len(data) > SURE_BYTES:
            return False
        try:
            poll = select.poll()
            poll.register(self._connection, select.POLLOUT)
            if poll.poll(0) != [(self._connection.fileno(), select.POLLOUT)]:
                return False
            self._connection.send_bytes(data)
        except (OSError, ValueError) as error:
            self.over = self.over or str(error)
            self._changed.notify_all()
        return True

    def _run(self) -> None:
        while (data := self._next()) is not None:
            try:
                self._connection.send_bytes(data)
                with self._changed:
                    self._sending = False
            except (OSError, ValueError) as error:  # ValueError: closed meanwhile
                with self._changed:
                    self.over = self.over or str(error)
                    self._waiting.clear()
                return

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
