"""Writes EDF files: 16 bit samples in records of one second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_DIGITAL = 32767
_BEGAN = datetime(2024, 12, 1, 9, 0)


def write_edf(
    path: Path, labels: Sequence[str], rate_hz: int, samples_uv: NDArray[np.floating], reference: str = ""
) -> int:
    """samples_uv: (n, channels), of which whole seconds are written. Returns how many seconds."""
    n_records = len(samples_uv) // rate_hz
    samples = np.asarray(samples_uv[: n_records * rate_hz], np.float64)
    largest = np.maximum(1.0, np.ceil(np.abs(samples).max(axis=0, initial=1.0)))
    digital = np.round(samples / largest * _DIGITAL).astype("<i2")
    n = len(labels)
    head = [("0", 8), ("X X X X", 80), ("Startdate X X X X", 80), (f"{_BEGAN:%d.%m.%y}", 8), (f"{_BEGAN:%H.%M.%S}", 8)]
    head += [(str(256 * (n + 1)), 8), ("", 44), (str(n_records), 8), ("1", 8), (str(n), 4)]
    columns: list[tuple[Sequence[str], int]] = [
        (labels, 16),
        (["AgAgCl"] * n, 80),
        (["uV"] * n, 8),
        ([f"-{size:.0f}" for size in largest], 8),
        ([f"{size:.0f}" for size in largest], 8),
        ([str(-_DIGITAL)] * n, 8),
        ([str(_DIGITAL)] * n, 8),
        ([f"Reference:{reference}" if reference else ""] * n, 80),
        ([str(rate_hz)] * n, 8),
        ([""] * n, 32),
    ]
    fields = [*head, *((text, width) for texts, width in columns for text in texts)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write("".join(text[:width].ljust(width) for text, width in fields).encode("ascii"))
        file.write(digital.reshape(n_records, rate_hz, n).transpose(0, 2, 1).tobytes())
    return n_records
