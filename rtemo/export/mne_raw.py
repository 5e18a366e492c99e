"""A recording as an mne.io.RawArray, and as a FIF file. MNE is loaded when one is made.

One regular grid from the first sample on. Where the EEG has a gap it is 0 and annotated BAD_ACQ_SKIP, which MNE's
filters skip; gaze and pupils are NaN where there are none. Beside EEG they take the nearest of the tracker's samples
that is no further off than one of its periods. Events are annotations, with onsets from the first sample on.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.channel_map import EegChannelMap, Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.export.extras import needed
from rtemo.export.signals import RecordedSignal, SignalStretch, regular
from rtemo.recordings.events import Event, is_discovery
from rtemo.recordings.session_facts import is_plan

SKIP = "BAD_ACQ_SKIP"
NEAR_PERIODS = 1.0
_EYE_PLACES = {"left": -1.0, "right": 1.0}
Doubles = NDArray[np.float64]


def raw_of(signals: Mapping[Modality, RecordedSignal], events: Sequence[Event], screen: Screen) -> Any:
    """The mne.io.RawArray. screen: what pixels of gaze refer to. Raises RtemoError where MNE is not installed."""
    mne = needed("mne", "mne")
    if not signals:
        raise RtemoError("there is no signal to export", "neither EEG nor gaze has a sample", "give another recording")
    eeg, gaze = signals.get(Modality.EEG), signals.get(Modality.GAZE)
    lead = eeg or gaze
    assert lead is not None
    on_grid = list(regular(lead))
    n = on_grid[-1][0] + len(on_grid[-1][1].times)
    times = _grid_times(on_grid, n, lead)
    data: list[Doubles] = []
    names: list[str] = []
    kinds: list[str] = []
    if eeg is not None:
        microvolts = np.zeros((n, len(eeg.labels)))
        for first, stretch in on_grid:
            microvolts[first : first + len(stretch.times)] = np.nan_to_num(stretch.values)
        data.append(1e-6 * microvolts.T)
        names += eeg.labels
        kinds += ["eeg"] * len(eeg.labels)
    eyes: list[tuple[str, str]] = []
    if gaze is not None:
        eyes, columns = _eyes(gaze, screen)
        data.append(_at(times, gaze, columns).T)
        names += [_name(eye, axis) for eye, axis in eyes]
        kinds += ["pupil" if axis == "pupil" else "eyegaze" for _, axis in eyes]
    info = mne.create_info(list(names), lead.rate_hz, kinds, verbose="ERROR")
    _place_electrodes(mne, info, eeg)
    _describe_eyes(mne, info, eyes, gaze)
    raw = mne.io.RawArray(np.concatenate(data), info, verbose="ERROR")
    raw.set_annotations(_annotations(mne, on_grid, lead, events), verbose="ERROR")
    return raw


def write_fif(path: Path, raw: Any) -> None:
    """Write a FIF file. Its name should end in _raw.fif, _eeg.fif or the like, as MNE asks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of other names
        raw.save(path, overwrite=False, verbose="ERROR")


def _grid_times(on_grid: Sequence[tuple[int, SignalStretch]], n: int, lead: RecordedSignal) -> Doubles:
    """LSL times of the grid: the samples' own where there are any."""
    times = lead.first_s + np.arange(n) / lead.rate_hz
    for first, stretch in on_grid:
        times[first : first + len(stretch.times)] = stretch.times
    return times


def _eyes(gaze: RecordedSignal, screen: Screen) -> tuple[list[tuple[str, str]], Doubles]:
    """(eye, axis) of the columns that hold anything, and their values: gaze in pixels of the screen, pupils as sent."""
    values, found, columns = gaze.values, [], []
    for index, label in enumerate(gaze.labels):
        axis, eye = label.split("_")
        column = values[:, index]
        if np.isfinite(column).any():
            factor = {"x": screen.width_px, "y": screen.height_px}.get(axis, 1.0)
            found.append((eye, axis))
            columns.append(factor * column)
    return found, np.array(columns).T.reshape(len(values), len(columns))


def _at(times: Doubles, gaze: RecordedSignal, columns: Doubles) -> Doubles:
    """The tracker's nearest samples at these times; NaN where there is none near."""
    own = gaze.times
    right = np.clip(np.searchsorted(own, times), 1, max(len(own) - 1, 1))
    right = np.minimum(right, len(own) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(times - own[left] <= own[right] - times, left, right)
    found = columns[nearest].copy()
    found[np.abs(own[nearest] - times) > NEAR_PERIODS / gaze.rate_hz] = np.nan
    return found


def _name(eye: str, axis: str) -> str:
    return f"pupil_{eye}" if axis == "pupil" else f"{axis}pos_{eye}"


def _place_electrodes(mne: Any, info: Any, eeg: RecordedSignal | None) -> None:
    """Positions on a sphere of a usual head's radius, as the recording's channel map has them."""
    if eeg is None:
        return
    radius_m = 0.095
    assert isinstance(eeg.channel_map, EegChannelMap)
    positions = np.asarray(eeg.channel_map.positions, np.float64)
    placed = {label: radius_m * place for label, place in zip(eeg.labels, positions, strict=True)}
    info.set_montage(mne.channels.make_dig_montage(placed, coord_frame="head"), verbose="ERROR")


def _describe_eyes(mne: Any, info: Any, eyes: Sequence[tuple[str, str]], gaze: RecordedSignal | None) -> None:
    """Which eye and axis a channel is, where MNE keeps it."""
    if gaze is None:
        return
    described = {_name(eye, axis): (eye, axis) for eye, axis in eyes}
    for channel in info["chs"]:
        eye, axis = described.get(channel["ch_name"], ("", ""))
        if eye:
            channel["loc"][3] = _EYE_PLACES[eye]
        if axis in ("x", "y"):
            channel["loc"][4] = -1.0 if axis == "x" else 1.0
            channel["unit"] = mne._fiff.constants.FIFF.FIFF_UNIT_PX


def _annotations(
    mne: Any, on_grid: Sequence[tuple[int, SignalStretch]], lead: RecordedSignal, events: Sequence[Event]
) -> Any:
    """Gaps and events. Onsets count in grid samples, where a sample stands, not where a perfect clock would have it."""
    onsets, durations, texts = [], [], []
    free = 0
    for first, stretch in on_grid:
        if first > free:
            onsets.append(free / lead.rate_hz)
            durations.append((first - free) / lead.rate_hz)
            texts.append(SKIP)
        free = first + len(stretch.times)
    for event in sorted(events, key=lambda one: one.time_s):
        onset_s = on_grid_s(event.time_s, on_grid, lead)
        if 0.0 <= onset_s <= free / lead.rate_hz and not is_plan(event) and not is_discovery(event):
            onsets.append(onset_s)
            durations.append(0.0)
            texts.append(" ".join(event.text.split()))
    return mne.Annotations(onsets, durations, texts)


def on_grid_s(time_s: float, on_grid: Sequence[tuple[int, SignalStretch]], lead: RecordedSignal) -> float:
    """Where an LSL time lies on the grid, in seconds from its first sample."""
    before = [one for one in on_grid if float(one[1].times[0]) <= time_s] or list(on_grid[:1])
    first, stretch = before[-1]
    return first / lead.rate_hz + time_s - float(stretch.times[0])
