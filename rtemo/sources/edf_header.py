"""The header of an EDF or BDF file: which signals it holds at another rate than most of the others.

Readers bring these to one rate over the whole file. Only the pipeline may resample what it uses, so they are left out.
Fields of the header: Kemp et al. 1992 (EDF); Kemp and Olivan 2003 (EDF+).
"""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

ENDINGS = (".edf", ".bdf")
_HEAD, _LABEL, _BEFORE_COUNTS, _COUNT = 256, 16, 216, 8  # bytes; the last three of each signal
_MOST = 10_000
_NO_SIGNAL = ("EDF Annotations", "BDF Annotations")


def signals_at_other_rates(path: Path) -> tuple[str, ...]:
    """The labels of signals that have not the rate of most (of two, the higher one), in the file's order.

    Empty for a file of another kind, or one whose header cannot be read: its reader says so. Raises OSError.
    """
    if path.suffix.casefold() not in ENDINGS:
        return ()
    with path.open("rb") as file:
        head = file.read(_HEAD)
        n = _number(head[252:256])
        fields = file.read(n * _HEAD) if 0 < n <= _MOST else b""
    if len(fields) < n * _HEAD or not fields:
        return ()
    labels = [fields[k * _LABEL : (k + 1) * _LABEL].decode("latin-1").strip() for k in range(n)]
    counts = fields[n * _BEFORE_COUNTS :]
    per_record = {
        label: _number(counts[k * _COUNT : (k + 1) * _COUNT])
        for k, label in enumerate(labels)
        if label not in _NO_SIGNAL
    }
    if not per_record:
        return ()
    usual, _ = max(Counter(per_record.values()).items(), key=lambda one: (one[1], one[0]))
    return tuple(label for label, number in per_record.items() if number != usual)


def reader_options(path: Path) -> dict[str, list[str]]:
    """What MNE's reader is told to leave out of a file, with a warning that names it. Raises OSError."""
    others = signals_at_other_rates(path)
    if not others:
        return {}
    warnings.warn(f"left out, as they have another rate than the other signals: {', '.join(others)}", stacklevel=2)
    return {"exclude": list(others)}


def _number(field: bytes) -> int:
    text = field.decode("latin-1").strip()
    return int(text) if text.isascii() and text.isdigit() else 0
