"""Servers that behave as the devices' own programs do, on this computer; they cut what they send at any byte."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading

import numpy as np

from rtemo.bridges.brainvision_rda import GUID


class Server:
    """Gives each client that connects the bytes of `scripts`, one script a connection, in pieces of random size."""

    def __init__(self, *scripts: bytes, hello: bool = False) -> None:
        self._scripts, self._hello = scripts, hello
        self.asked = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._let = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        cuts = random.Random(1)
        with contextlib.suppress(OSError):
            for script in self._scripts:
                client, _ = self._listener.accept()
                with client:
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    if self._hello:
                        while b"ENABLE_SEND_DATA" not in self.asked:
                            self.asked += client.recv(4096)
                    at = 0
                    while at < len(script):
                        n = cuts.randint(1, 97)
                        client.sendall(script[at : at + n])
                        at += n
                    if script is self._scripts[-1]:
                        self._let.wait(10.0)

    def close(self) -> None:
        self._let.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10.0)


def open_gaze(
    first: int, n: int, *, rate_hz: float = 150.0, without: tuple[int, ...] = (), start_s: float = 5.0
) -> bytes:
    """Records first .. first + n - 1 of a GP3 HD. x is the number over 10000, y a quarter of it."""
    records = [b'<ACK ID="ENABLE_SEND_DATA" STATE="1" />\r\n']
    for k in range(first, first + n):
        if k in without:
            continue
        x = k / 10000
        user = "picture_7" if k >= first + n // 2 else ""
        eyes = " ".join(f'{eye}POGX="{x:.5f}" {eye}POGY="{x / 4:.6f}" {eye}POGV="1"' for eye in "LRB")
        pupils = " ".join(f'{eye}PUPILD="0.00{310 + k % 10}" {eye}PUPILV="1"' for eye in "LR")
        time_s = start_s + k / rate_hz
        records.append(f'<REC CNT="{k}" TIME="{time_s:.5f}" {eyes} {pupils} USER="{user}" />\r\n'.encode())
    return b"".join(records)


def rda_message(kind: int, body: bytes) -> bytes:
    return struct.pack("<16sII", GUID, 24 + len(body), kind) + body


def rda_start(names: tuple[str, ...], rate_hz: float, resolution: float) -> bytes:
    texts = b"".join(name.encode() + b"\0" for name in names)
    sizes = struct.pack(f"<{len(names)}d", *[resolution] * len(names))
    return rda_message(1, struct.pack("<Id", len(names), 1e6 / rate_hz) + sizes + texts)


def rda_data(block: int, counts: np.ndarray, markers: tuple[tuple[int, str, str], ...] = (), kind: int = 4) -> bytes:
    """One block of counts (n, C); markers: position, type, description."""
    dtype = "<f4" if kind == 4 else "<i2"
    body = struct.pack("<III", block, len(counts), len(markers)) + np.ascontiguousarray(counts, dtype).tobytes()
    for position, type_, text in markers:
        texts = type_.encode() + b"\0" + text.encode() + b"\0"
        body += struct.pack("<IIIi", 16 + len(texts), position, 1, -1) + texts
    return rda_message(kind, body)
