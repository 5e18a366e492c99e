"""Electrode positions from channel labels: points on a unit sphere, x right, y front, z up.

Any cap whose labels are 10-05 names is placed, as are EGI's HydroCel nets (E1..) and BioSemi's own labels (A1.. B1..).
The positions are tables in assets/montages, made by offline/make_assets/montages.py, read once and kept. A channel that
cannot be placed is reported with the reason; nothing is guessed from the order of the channels.

Mastoids and earlobes (M1, M2, A1, A2) are left out: they are reference electrodes in nearly every recording, silent or
common to all channels there. A session that records them as electrodes maps them to a name (TP9, TP10).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rtemo.core.eeg.electrode_names import canonical_key, electrode_name
from rtemo.core.eeg.head_geometry import ElectrodeTable, directions_of, table
from rtemo.core.types import FloatArray

TEN_FIVE = "10-05 names"

_EGI = re.compile(r"(e)0*(\d{1,3})")
_BIOSEMI = re.compile(r"([a-h])0*(\d{1,2})")
_EGI_SIZES = (32, 64, 128, 256)
_MAX_EGI = _EGI_SIZES[-1] + 1
_BIOSEMI_SIZES = (16, 32, 64, 128, 160, 256)
_MIN_EGI = 4  # fewer E labels are no net: polysomnographs call the eyes E1 and E2

_MIN_BIOSEMI = 11  # of A3-A16

Location = tuple[float, float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where the channels lie.

    columns: which of the given labels were placed, ascending. labels: their electrode names. positions: (C, 3) float32
    unit vectors. unplaced: label (with its column, counted from 1, where the label alone is not unique) -> reason;
    reasons: the same by column (from 0). twins: column -> the earlier column at the same electrode. source: what the
    positions rest on.
    """

    columns: tuple[int, ...]
    labels: tuple[str, ...]
    positions: FloatArray
    unplaced: Mapping[str, str]
    reasons: Mapping[int, str]
    twins: Mapping[int, int]
    source: str


def place(labels: Sequence[str], locations_mm: Sequence[Location] = ()) -> Placement:
    """Places channels by their labels, and those left by the locations that the stream itself gives, if plausible.

    locations_mm: one (x right, y front, z up) or None per label, or nothing at all.
    """
    scheme, lookup = _scheme(labels)
    named: dict[int, str] = {}
    unplaced: dict[int, str] = {}
    taken: dict[str, int] = {}
    twins: dict[int, int] = {}
    for column, label in enumerate(labels):
        name, reason = electrode_name(label, lookup.names)
        if name is None:
            unplaced[column] = reason
        elif name in taken:
            twins[column] = taken[name]
            unplaced[column] = f"the same electrode as column {taken[name] + 1}"
        else:
            named[column], taken[name] = name, column
    at = {column: np.array(lookup.positions[name], np.float32) for column, name in named.items()}
    for column, position in _located(labels, locations_mm, at, unplaced).items():
        named[column], at[column] = labels[column].strip() or f"column {column + 1}", position
        del unplaced[column]
    located = len(named) - len(taken)
    if located:
        scheme = f"{scheme}, and the stream's own locations for {located}" if taken else "the stream's own locations"
    columns = tuple(sorted(named))
    return Placement(
        columns=columns,
        labels=tuple(named[column] for column in columns),
        positions=np.stack([at[column] for column in columns]) if columns else np.zeros((0, 3), np.float32),
        unplaced={describe_column(labels, column): reason for column, reason in sorted(unplaced.items())},
        reasons=unplaced,
        twins=twins,
        source=scheme,
    )


def is_electrode(label: str) -> bool:
    """True where the label names an electrode of the 10-05 system."""
    return electrode_name(label, table("10-05").names)[0] is not None


def describe_column(labels: Sequence[str], column: int) -> str:
    """The label, or with its column (counted from 1) where the label is empty or not the only one of its kind."""
    label = labels[column].strip()
    if not label:
        return f"column {column + 1}"
    alike = sum(canonical_key(other) == canonical_key(label) for other in labels)
    return label if alike == 1 else f"{label} (column {column + 1})"


def _scheme(labels: Sequence[str]) -> tuple[str, ElectrodeTable]:
    """Which naming the labels follow. BioSemi's A3-A16 and EGI's E1.. cannot be mistaken for 10-05 names; a few of them
    may have been renamed.
    """
    keys = [canonical_key(label) for label in labels]
    boxes = [match for key in keys if (match := _BIOSEMI.fullmatch(key)) and 1 <= int(match[2]) <= 32]
    have = {(match[1], int(match[2])) for match in boxes}
    if sum(("a", number) in have for number in range(3, 17)) >= _MIN_BIOSEMI:
        highest = max((ord(box) - ord("a")) * 32 + number for box, number in have)
        size = next(size for size in _BIOSEMI_SIZES if highest <= size)
        return f"BioSemi {size}-channel cap", _padded(table(f"biosemi-{size}"), _BIOSEMI, keys)
    numbers = [int(match[2]) for key in keys if (match := _EGI.fullmatch(key.split("-")[0].strip()))]
    if 2 * len(numbers) > len(keys) and len(numbers) >= _MIN_EGI and min(numbers) >= 1 and max(numbers) <= _MAX_EGI:
        size = next(size for size in _EGI_SIZES if max(numbers) <= size + 1)  # E(n+1) is the vertex
        return f"EGI HydroCel net of {size}", _padded(table(f"egi-{size}"), _EGI, keys)
    return TEN_FIVE, table("10-05")


def _padded(found: ElectrodeTable, pattern: re.Pattern[str], keys: Sequence[str]) -> ElectrodeTable:
    """The table with the spellings that have leading zeros (E001, A01) added."""
    plain = {key: f"{match[1]}{int(match[2])}" for key in keys if (match := pattern.fullmatch(key))}
    spelled = {key: found.names[name] for key, name in plain.items() if name in found.names}
    return ElectrodeTable({**found.names, **spelled}, found.positions)


def _located(
    labels: Sequence[str],
    locations_mm: Sequence[Location],
    at: Mapping[int, FloatArray],
    unplaced: Mapping[int, str],
) -> dict[int, FloatArray]:
    """Directions of the channels that have no electrode name but a plausible location; empty if none has."""
    known = {
        column: location
        for column, location in enumerate(locations_mm[: len(labels)])
        if location is not None and (column in at or unplaced.get(column) in ("not a 10-05 name", "no label"))
    }
    if not any(column in unplaced for column in known):
        return {}
    found = directions_of(known, at)
    return {column: direction for column, direction in found.items() if column in unplaced}
