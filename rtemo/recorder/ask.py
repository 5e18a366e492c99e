"""Asks the recorder one thing and waits for its answer, for whoever reads no items from it."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from typing import Any

from rtemo.recorder.messages import MAX_BYTES, Message, pack, unpack


def ask(connection: Connection, request: str, wait_s: float, **fields: Any) -> Message:
    """The answer. Raises EOFError where there is none in time."""
    connection.send_bytes(pack(request, **fields))
    end_s = time.monotonic() + wait_s
    while connection.poll(max(0.0, end_s - time.monotonic())):
        for one in unpack(connection.recv_bytes(MAX_BYTES)):
            if isinstance(one, Message):
                return one
    raise EOFError("the recorder does not answer")
