"""A TCP connection to a device's own server, for protocols that cut their messages anywhere."""

from __future__ import annotations

import argparse
import socket

from rtemo.bridges.device import READ_S, DeviceLost

CONNECT_S = 3.0
CHUNK = 1 << 16


class DeviceConnection:
    """Bytes from a server. Everything that goes wrong is DeviceLost."""

    def __init__(self, host: str, port: int) -> None:
        try:
            self._socket = socket.create_connection((host, port), CONNECT_S)
        except OSError as error:
            raise DeviceLost(f"{host}:{port} does not answer: {error.strerror or error}") from error
        self._socket.settimeout(READ_S)

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise DeviceLost(f"the connection broke: {error.strerror or error}") from error

    def receive(self) -> bytes:
        """What has come; nothing where nothing came within READ_S."""
        try:
            data = self._socket.recv(CHUNK)
        except TimeoutError:
            return b""
        except OSError as error:
            raise DeviceLost(f"the connection broke: {error.strerror or error}") from error
        if not data:
            raise DeviceLost("the device closed the connection")
        return data

    def close(self) -> None:
        self._socket.close()


def add_address(p: argparse.ArgumentParser, whose: str, default: tuple[str, int] | None, more: str = "") -> None:
    """The option --address of a bridge. default: None where the first device that is found is taken."""
    usual = "the first one that is found" if default is None else f"{default[0]}:{default[1]}"
    what = f"of {whose} (default: {usual}{more})"
    p.add_argument("--address", type=address, default=default, metavar="HOST:PORT", help=what)


def address(text: str) -> tuple[str, int]:
    """HOST:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"must be HOST:PORT; found {text!r}")
    return host, int(port)
