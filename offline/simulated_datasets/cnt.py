"""Writes Neuroscan CNT files (32 bit), the format of SEED-V's and SEED-VII's raw EEG; no maintained library does.

Offsets are those of the published SETUP, ELECTLOC, TEEG and EVENT1 structures, as far as readers use them. A sample is
stored as round(uV / LSB_UV); readers multiply by sensitivity * calibration / 204.8.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError

LSB_UV = 0.01
_SETUP_BYTES, _CHANNEL_BYTES, _SAMPLE_BYTES = 900, 75, 4
_LARGEST = 2**31 - 1  # the event table's position is a 32 bit number

Event = tuple[int, int]  # sample, code


def write_cnt(
    path: Path,
    labels: Sequence[str],
    rate_hz: int,
    blocks: Iterable[NDArray[np.floating]],
    events: Sequence[Event] = (),
    measured: datetime = datetime(2018, 5, 7, 9, 0),
) -> int:
    """blocks: (n, channels) in uV, in order. Returns the number of samples. RtemoError above 2 GiB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data_start = _SETUP_BYTES + _CHANNEL_BYTES * len(labels)
    n_samples = 0
    with path.open("wb") as file:
        file.write(bytes(_SETUP_BYTES))
        file.writelines(_channel(label, index, len(labels)) for index, label in enumerate(labels))
        for block in blocks:
            file.write(np.round(np.asarray(block, dtype=np.float64) / LSB_UV).astype("<i4").tobytes())
            n_samples += len(block)
        table = data_start + n_samples * len(labels) * _SAMPLE_BYTES
        if table > _LARGEST:
            raise RtemoError("a CNT file cannot be larger than 2 GiB", f"{path} would have {table} bytes")
        file.write(struct.pack("<Bii", 1, 8 * len(events), 0))
        for sample, code in events:  # readers take an event's offset to point behind its sample
            file.write(struct.pack("<HBci", code, 0, b"\0", data_start + (sample + 1) * len(labels) * _SAMPLE_BYTES))
        file.seek(0)
        file.write(_setup(len(labels), rate_hz, n_samples, table, measured))
    return n_samples


def _setup(n_channels: int, rate_hz: int, n_samples: int, table: int, measured: datetime) -> bytes:
    setup = bytearray(_SETUP_BYTES)
    setup[0:11] = b"Version 3.0"
    setup[225:233] = measured.strftime("%m/%d/%y").encode()
    setup[235:243] = measured.strftime("%H:%M:%S").encode()
    struct.pack_into("<H", setup, 370, n_channels)
    struct.pack_into("<H", setup, 376, rate_hz)
    struct.pack_into("<i", setup, 864, n_samples)
    struct.pack_into("<i", setup, 886, table)
    struct.pack_into("<f", setup, 890, n_samples / rate_hz)
    return bytes(setup)


def _channel(label: str, index: int, n_channels: int) -> bytes:
    """Electrodes lie on a circle in the header: the real positions follow from the labels."""
    header = bytearray(_CHANNEL_BYTES)
    name = label.encode()[:9]
    header[0 : len(name)] = name
    angle = 2 * math.pi * index / n_channels
    struct.pack_into("<ff", header, 19, math.cos(angle), math.sin(angle))
    struct.pack_into("<f", header, 59, LSB_UV * 204.8)  # sensitivity
    struct.pack_into("<f", header, 71, 1.0)  # calibration
    return bytes(header)
