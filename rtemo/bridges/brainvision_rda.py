"""BrainVision Recorder by its remote data access (RDA): a TCP server that sends binary blocks.

A message is a header (16 bytes of identification, size, type), then: start (1) with channel names and resolutions, data
(4: float32, on port 51244; 2: int16, on port 51234) with markers, stop (3). Blocks are numbered, so a lost one is
counted; the device's time is that of its samples, by its own rate.
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rtemo.bridges.connection import DeviceConnection, add_address
from rtemo.bridges.device import DeviceLost, DeviceSamples, described, marker_stream
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo

GUID = bytes.fromhex("8E45584396C9864CAF4A98BBF6C91450")
START, DATA_16, STOP, DATA_32 = 1, 2, 3, 4
LARGEST = 1 << 26  # bytes of a message; a damaged size must not decide how much is waited for
_HEAD = struct.Struct("<16sII")
_COUNTS = struct.Struct("<III")  # number of the block, samples, markers
_MARKER = struct.Struct("<IIIi")  # size, position, length, channel


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What this bridge takes."""
    add_address(p, "the Recorder", ("127.0.0.1", 51244), ", 32 bits; port 51234 is 16 bits")


def device_of(args: argparse.Namespace, clock: Callable[[], float]) -> RemoteDataAccess:
    """The device that was asked for."""
    host, port = args.address
    return RemoteDataAccess(host, port, clock)


@dataclass(frozen=True, slots=True)
class Setup:
    """What the Recorder says at its start: names (C,), microvolts per count (C,), rate."""

    names: tuple[str, ...]
    resolution: np.ndarray
    rate_hz: float


class Blocks:
    """Whole messages, (type, body), of a stream of bytes that is cut anywhere."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def push(self, data: bytes) -> list[tuple[int, bytes]]:
        """What is complete now. Raises DeviceLost where it is not RDA."""
        self._rest += data
        found = []
        while len(self._rest) >= _HEAD.size:
            guid, size, kind = _HEAD.unpack_from(self._rest)
            if guid != GUID or not _HEAD.size <= size <= LARGEST:
                raise DeviceLost("what answers does not speak BrainVision RDA")
            if len(self._rest) < size:
                break
            found.append((kind, bytes(self._rest[_HEAD.size : size])))
            del self._rest[:size]
        return found


class RemoteDataAccess:
    """One Recorder."""

    shares_clock = False

    def __init__(self, host: str, port: int, clock: Callable[[], float]) -> None:
        self._host, self._port, self._clock = host, port, clock
        self._connection: DeviceConnection | None = None
        self._blocks = Blocks()
        self._setup: Setup | None = None
        self._waiting: list[tuple[int, bytes]] = []
        self._next_block: int | None = None
        self._n = 0  # samples so far, lost ones included

    def open(self) -> tuple[StreamInfo, ...]:
        self._blocks, self._setup, self._waiting = Blocks(), None, []
        self._next_block, self._n = None, 0
        self._connection = DeviceConnection(self._host, self._port)
        begun_s = self._clock()
        while self._setup is None:
            self._waiting += self._blocks.push(self._connection.receive())
            self._begin()
            if self._setup is None and self._clock() - begun_s > 5.0:
                raise DeviceLost("the Recorder is not recording or monitoring")
        channels = [Channel(name, "EEG", "microvolts") for name in self._setup.names]
        source_id = f"rtemo-rda-{self._host}-{self._port}"
        name = "BrainVision RDA"
        return (
            described("eeg", name, "EEG", self._setup.rate_hz, channels, source_id, "BrainVision Recorder"),
            marker_stream(f"{name} Markers", f"{source_id}-markers", "BrainVision Recorder"),
        )

    def read(self) -> Sequence[DeviceSamples]:
        assert self._connection is not None
        self._waiting += self._blocks.push(self._connection.receive())
        arrived_s = self._clock()
        messages, self._waiting = self._waiting, []
        found: list[DeviceSamples] = []
        for kind, body in messages:
            if kind in (START, STOP):
                raise DeviceLost("the Recorder was stopped or set up anew")
            if kind in (DATA_16, DATA_32):
                found += self._data(body, np.dtype("<f4" if kind == DATA_32 else "<i2"), arrived_s)
        return found

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begin(self) -> None:
        """Read the setup; what comes before it is of no use."""
        for i, (kind, body) in enumerate(self._waiting):
            if kind == START:
                self._setup, self._waiting = setup_of(body), self._waiting[i + 1 :]
                return
        self._waiting = []

    def _data(self, body: bytes, dtype: np.dtype[np.generic], arrived_s: float) -> list[DeviceSamples]:
        assert self._setup is not None
        block, n, n_markers = _COUNTS.unpack_from(body)
        n_channels = len(self._setup.names)
        stop = _COUNTS.size + n * n_channels * dtype.itemsize
        if stop > len(body):
            raise DeviceLost("a block is shorter than it says")
        missing = 0 if self._next_block is None else max(block - self._next_block, 0) * n
        self._next_block = block + 1
        first = self._n + missing
        self._n = first + n
        counts = np.frombuffer(body, dtype, n * n_channels, _COUNTS.size).reshape(n, n_channels)
        values = (counts * self._setup.resolution).astype(np.float32)
        times = (first + np.arange(n)) / self._setup.rate_hz
        marks = [
            DeviceSamples(
                1, np.array([(first + position) / self._setup.rate_hz]), np.array([[text]], object), arrived_s
            )
            for position, text in _markers(body[stop:], n_markers)
        ]
        return [DeviceSamples(0, times, values, arrived_s, missing), *marks]


def setup_of(body: bytes) -> Setup:
    """What a start message says. Raises RtemoError where it does not fit itself."""
    try:
        n_channels, interval_us = struct.unpack_from("<Id", body)
        resolution = np.array(struct.unpack_from(f"<{n_channels}d", body, 12))
        names = body[12 + 8 * n_channels :].split(b"\0")[:n_channels]
    except struct.error as error:
        raise RtemoError("the Recorder's start message cannot be read", str(error), "start its RDA anew") from error
    if len(names) != n_channels or not interval_us > 0:
        raise RtemoError(
            "the Recorder's start message does not fit itself", f"{len(names)} names, {n_channels} channels"
        )
    return Setup(tuple(name.decode("utf-8", "replace") for name in names), resolution, 1e6 / interval_us)


def _markers(data: bytes, n: int) -> list[tuple[int, str]]:
    """Position within the block and text of each marker: its description, or its type where it has none."""
    found, at = [], 0
    for _ in range(n):
        if at + _MARKER.size > len(data):
            break
        size, position, _, _ = _MARKER.unpack_from(data, at)
        texts = data[at + _MARKER.size : at + size].split(b"\0")
        kind, text = (*[one.decode("utf-8", "replace").strip() for one in texts[:2]], "", "")[:2]
        found.append((position, text or kind))
        at += max(size, _MARKER.size)
    return found
