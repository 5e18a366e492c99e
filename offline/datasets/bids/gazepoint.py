"""Gazepoint's own fields in physio tables: gaze and pupils, in one file or in two with a rate each, as AFFEC has them.

    LPOGX LPOGY LPOGV, RPOGX RPOGY RPOGV   each eye's gaze as a fraction of the screen, and whether it is valid
    BPOGX BPOGY BPOGV                      the best of both, taken where no row has an eye of its own
    LPUPILD LPUPILV, RPUPILD RPUPILV       pupil diameter in metres; LPD LPV, RPD RPV in camera pixels where these are 0

A pupil belongs to the gaze row nearest in time. Values that are not valid become missing, as with a live Gazepoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.datasets.account import Account
from offline.datasets.bids.eye_clock import Clocked, Doubles, Eeg, clock
from offline.datasets.bids.eye_samples import EyeSamples, nearest
from offline.datasets.bids.physio_rows import PhysioRows, read_rows
from offline.datasets.cells import number
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel

GAZE, PUPIL = "gaze", "pupil"
_SIDES = {"left": "L", "right": "R"}
_STAMPS = ("onset", "timestamp", "time")
_VALID = 0.5
_NEAR_ROWS = 0.6  # of pupils: half a row, and a little for stamps that jitter
_SAME_CLOCK_S = 60.0  # two files of one tracker begin within it


def gazepoint_parts(about: Mapping[str, Any]) -> tuple[str, ...]:
    """What a file with this side-car holds of GAZE and PUPIL; nothing where its columns are not Gazepoint's."""
    columns = set(_columns(about))
    gaze = any({f"{side}POGX", f"{side}POGY"} <= columns for side in "LRB")
    pupil = any({f"{side}PUPILD"} <= columns or {f"{side}PD", f"{side}PV"} <= columns for side in "LR")
    return tuple(part for part, there in ((GAZE, gaze), (PUPIL, pupil)) if there)


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """One file's rows on the EEG's clock: each field that it has, (n,)."""

    path: Path
    fields: Mapping[str, NDArray[np.float32]]
    times_s: Doubles
    rate_hz: float
    by_rows: bool
    first: float | None  # its first stamp
    stated: bool  # when it began

    def of(self, field: str, valid: str = "") -> NDArray[np.float32] | None:
        """A field, NaN where it is not valid."""
        values = self.fields.get(field)
        flags = self.fields.get(valid)
        if values is None or flags is None:
            return values
        return np.where(flags > _VALID, values, np.float32(np.nan))


def eyes_of_gazepoint(files: Mapping[Path, Mapping[str, Any]], eeg: Eeg, account: Account) -> tuple[EyeSamples, ...]:
    """Left and right eye of a run, or both as one. files: with their side-cars."""
    found: dict[str, _File] = {}
    for path, about in files.items():
        with account.omitting("gaze", path.name):
            one = _read(path, about, eeg, account)
            for part in gazepoint_parts(about):
                if part in found:
                    raise RtemoError(f"it is a second file of {part}, after {found[part].path.name}", "", "keep one")
                found[part] = one
    gaze, pupil = found.get(GAZE), found.get(PUPIL)
    if gaze is None:
        if pupil is not None:
            account.omit("gaze", pupil.path.name, "it holds pupils, and there is no gaze that they belong to")
        return ()
    if pupil is None:
        account.note(f"{gaze.path.name}: there are no pupils beside it")
    eyes = tuple(_eye(gaze, pupil, side, letter, account) for side, letter in _SIDES.items())
    seen = tuple(eye for eye in eyes if eye is not None)
    both = None if seen else _eye(gaze, pupil, "cyclopean", "B", account)
    if both is not None:
        return (both,)
    if not seen:
        account.omit("gaze", gaze.path.name, "no row has valid gaze")
    return seen


def _columns(about: Mapping[str, Any]) -> list[str]:
    found = about.get("Columns")
    return [str(name).strip().upper() for name in found] if isinstance(found, list) else []


def _read(path: Path, about: Mapping[str, Any], eeg: Eeg, account: Account) -> _File:
    names = _columns(about)
    rate_hz = number(about.get("SamplingFrequency"))
    if rate_hz is None or rate_hz <= 0:
        raise RtemoError("its side-car has no SamplingFrequency", repr(about.get("SamplingFrequency")), "give it in Hz")
    wanted = [name for name in names if name[:1] in "LRB" and name[1:] in _FIELDS]
    time = next((names.index(name.upper()) for name in _STAMPS if name.upper() in names), -1)
    rows = read_rows(path, names, [names.index(name) for name in wanted], time)
    if rows.damage:
        account.omit("gaze", path.name, f"it cannot be read behind row {rows.read}: {rows.damage}; copy it again")
    start = number(about.get("StartTime"))
    clocked = clock(rows.index, rows.stamps, None, rate_hz, start, eeg)
    for note in clocked.notes:
        account.note(f"{path.name}: {note}")
    left_out = rows.skipped + clocked.left_out
    for why, n in left_out.items():
        account.omit("gaze", path.name, f"{n} of {rows.read} rows: {why}")
    account.count("gaze", rows.read if GAZE in gazepoint_parts(about) else 0, 0, 0)
    values = rows.values[clocked.kept]
    fields = {name: values[:, k] for k, name in enumerate(wanted)}
    return _File(
        path, fields, clocked.times_s, clocked.rate_hz, clocked.by_rows, _first(rows, clocked), start is not None
    )


_FIELDS = frozenset({"POGX", "POGY", "POGV", "PUPILD", "PUPILV", "PD", "PV"})


def _first(rows: PhysioRows, clocked: Clocked) -> float | None:
    return None if rows.stamps is None or clocked.by_rows else float(rows.stamps[clocked.kept[0]])


def _eye(gaze: _File, pupil: _File | None, side: str, letter: str, account: Account) -> EyeSamples | None:
    """One eye, None where no row has its gaze."""
    x, y = (gaze.of(f"{letter}POG{axis}", f"{letter}POGV") for axis in "XY")
    if x is None or y is None or not (np.isfinite(x) & np.isfinite(y)).any():
        return None
    eye = "both" if side == "cyclopean" else side
    channels = [Channel(f"gaze_{axis}_{eye}", f"Screen{axis.upper()}", "normalized", eye) for axis in "xy"]
    columns = [x, y]
    size, unit = (None, "") if pupil is None else _pupil(pupil, "LR" if letter == "B" else letter)
    if pupil is not None and size is not None:
        columns.append(_beside(gaze, pupil, size, account))
        channels.append(Channel(f"pupil_{eye}", "pupilsize", unit, eye))
    values = np.column_stack(columns).astype(np.float32)
    return EyeSamples(gaze.path, side, gaze.rate_hz, tuple(channels), gaze.times_s, values, gaze.by_rows)


def _pupil(pupil: _File, letters: Sequence[str]) -> tuple[NDArray[np.float32] | None, str]:
    """The diameter, the mean of the eyes where there are two, and its unit."""
    for diameter, valid, unit in (("PUPILD", "PUPILV", "m"), ("PD", "PV", "pixel")):
        found = [pupil.of(f"{letter}{diameter}", f"{letter}{valid}") for letter in letters]
        sizes = [np.where(one > 0, one, np.float32(np.nan)) for one in found if one is not None]
        if any(np.isfinite(one).any() for one in sizes):
            there = np.isfinite(sizes)
            total = np.where(there, sizes, 0.0).sum(axis=0)
            n = there.sum(axis=0)
            return np.where(n > 0, total / np.maximum(n, 1), np.nan).astype(np.float32), unit
    return None, ""


def _beside(gaze: _File, pupil: _File, size: NDArray[np.float32], account: Account) -> NDArray[np.float32]:
    """The size at each gaze row: that of the nearest row of pupils, no farther off than half a row of these."""
    if pupil is gaze:
        return size
    times_s = pupil.times_s
    if not (gaze.stated or pupil.stated) and gaze.first is not None and pupil.first is not None:
        apart_s = pupil.first - gaze.first
        if abs(apart_s) <= _SAME_CLOCK_S:  # by their own clock, which both files count by
            times_s = times_s + (gaze.times_s[0] + apart_s - times_s[0])
    at = nearest(times_s, gaze.times_s)
    close = np.abs(times_s[at] - gaze.times_s) <= _NEAR_ROWS / pupil.rate_hz
    if not close.all():
        account.note(f"{gaze.path.name}: {int((~close).sum())} of {len(close)} rows have no pupil at their time")
    return np.where(close, size[at], np.float32(np.nan))
