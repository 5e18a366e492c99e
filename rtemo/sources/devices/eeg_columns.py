"""EEG channel map from a stream's description, its device profile and the session's own names.

Columns that are no EEG, or cannot be placed on the head, are left out and reported; too few left is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.channel_map import EegChannelMap
from rtemo.core.eeg.montage import TEN_FIVE, Placement, describe_column, place
from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo
from rtemo.core.units import UNKNOWN, microvolts_per
from rtemo.sources.devices.auxiliary_columns import auxiliary_columns, auxiliary_reasons
from rtemo.sources.devices.column_names import renamed_columns
from rtemo.sources.devices.profile_schema import DeviceProfile
from rtemo.sources.stream_xml import channel_numbers, n_described

MIN_CHANNELS = 4  # a Muse has four; below that there is no average reference worth the name
ENOUGH = 0.5  # a smaller share of the channels placed is a cap that was not recognised
_EEG_TYPES = ("eeg", "exg")
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class EegColumns:
    """What each column of a stream is taken for. labels: with the session's names put in. reasons: why a column (from
    0) is not used. notes: what was assumed. assumed: whether the labels are the profile's, as the stream has none.
    """

    labels: tuple[str, ...]
    placement: Placement
    reasons: Mapping[int, str]
    notes: tuple[str, ...]
    assumed: bool = False


def eeg_columns(info: StreamInfo, profile: DeviceProfile, rename: Mapping[str, str] | None = None) -> EegColumns:
    """Which columns are EEG and where they lie, however few they are. rename: as in eeg_channel_map.

    Raises RtemoError where a name of the session cannot be right.
    """
    notes: list[str] = []
    given = renamed_columns(info, rename or {}, "eeg")
    labels = _labels(info, profile, given, notes)
    left_out = _not_eeg(info, profile, labels, given)
    placement = place(
        ["" if column in left_out else label for column, label in enumerate(labels)],
        [None if column in left_out else channel.location_mm for column, channel in enumerate(info.channels)],
    )
    _check_names(info, given, placement)
    return EegColumns(tuple(labels), placement, {**placement.reasons, **left_out}, tuple(notes), bool(notes))


def eeg_channel_map(
    info: StreamInfo, profile: DeviceProfile, rename: Mapping[str, str] | None = None, unit: str = ""
) -> EegChannelMap:
    """Which columns of this stream are EEG, where they lie and in what unit they are.

    rename: the session's own names, label or column number (from 1) -> electrode name, "" to leave the column out.
    unit: what the values are, whatever stream and profile give. RtemoError where fewer than four columns can be placed.
    """
    described = n_described(info.xml, info.n_channels) if info.xml else 0
    if described > info.n_channels and not rename:
        raise RtemoError(
            f"the EEG stream {info.name!r} describes more channels than it sends",
            f"{described} are described and {info.n_channels} are sent, so the labels may stand in another order",
            'name the electrodes in the session\'s settings under [eeg.map], for example 1 = "Fp1"',
        )
    found = eeg_columns(info, profile, rename)
    placement, notes = found.placement, list(found.notes)
    reasons = {describe_column(found.labels, column): found.reasons[column] for column in sorted(found.reasons)}
    if len(placement.columns) < MIN_CHANNELS:
        raise _too_few(info, placement, reasons)
    unplaced = [column for column, why in placement.reasons.items() if found.reasons[column] == why]
    n_eeg = len(placement.columns) + len(unplaced)
    if len(placement.columns) < ENOUGH * n_eeg:
        notes.append(
            f"only {len(placement.columns)} of {n_eeg} channels have a place on the head: are these the cap's labels?"
        )
    if placement.source != TEN_FIVE:
        notes.append(f"channels placed by: {placement.source}")
    return EegChannelMap(
        columns=placement.columns,
        labels=placement.labels,
        positions=placement.positions,
        scale=_scale(info, profile, placement.columns, unit),
        left_out=reasons,
        latency_s=profile.latency_s,
        notes=tuple(notes),
        unplaced=tuple(describe_column(found.labels, column) for column in unplaced),
        doubtful=_doubtful(placement, assumed=found.assumed),
        auxiliary=auxiliary_columns(info, profile),
    )


def _doubtful(placement: Placement, *, assumed: bool) -> tuple[str, ...]:
    """The electrodes whose place nobody stated, or that two columns claim."""
    if assumed:
        return placement.labels
    names = dict(zip(placement.columns, placement.labels, strict=True))
    return tuple(dict.fromkeys(names[first] for first in placement.twins.values() if first in names))


def _labels(info: StreamInfo, profile: DeviceProfile, given: Mapping[int, str], notes: list[str]) -> list[str]:
    """The labels with the session's names put in, or the profile's for a stream that has none at all."""
    labels = list(info.labels)
    if not given and not any(label.strip() for label in labels) and profile.eeg.labels:
        labels = [*profile.eeg.labels, *labels][: len(labels)]
        notes.append(f"the columns have no labels; assumed: {profile.eeg.assumption}")
    for column, name in given.items():
        labels[column] = name or labels[column]
    return labels


def _not_eeg(
    info: StreamInfo, profile: DeviceProfile, labels: Sequence[str], given: Mapping[int, str]
) -> dict[int, str]:
    """Columns that their type, the profile or the session rules out, with the reason."""
    types = [channel.type.strip() for channel in info.channels]
    auxiliary = auxiliary_reasons(auxiliary_columns(info, profile))
    typed = any(kind.casefold() in _EEG_TYPES for kind in types)  # else the types decide nothing
    reasons: dict[int, str] = {}
    for column, kind in enumerate(types):
        if column in given:
            if not given[column]:
                reasons[column] = "left out by the session's settings"
        elif any(pattern.search(labels[column]) for pattern in profile.eeg.drop):
            reasons[column] = f"no EEG channel of {profile.name}"
        elif typed and kind and kind.casefold() not in _EEG_TYPES:
            reasons[column] = f"a channel of type {kind}"
        elif column in auxiliary:
            reasons[column] = auxiliary[column]
    return reasons


def _check_names(info: StreamInfo, given: Mapping[int, str], placement: Placement) -> None:
    """Refuses a name of the session that is no electrode, or that of an electrode which another column has."""
    for column, name in given.items():
        twin = {**{b: a for a, b in placement.twins.items()}, **placement.twins}.get(column)
        if twin is not None:
            raise RtemoError(
                f"[eeg.map] gives column {column + 1} of {info.name!r} the electrode of another column",
                f"{name!r} is column {twin + 1} as well",
                f'give column {twin + 1} another name, or leave it out: {twin + 1} = ""',
            )
        if name and column in placement.reasons:
            raise RtemoError(
                f"[eeg.map] gives column {column + 1} of {info.name!r} a name that cannot be placed",
                f"{name!r}: {placement.reasons[column]}",
                "use a 10-05 name such as Fp1, or an empty name to leave the column out",
            )


def _scale(info: StreamInfo, profile: DeviceProfile, columns: Sequence[int], unit: str) -> NDArray[np.float64]:
    """Factor to microvolts per column; NaN where neither session, profile nor stream states a unit of voltage."""
    if unit:
        return np.full(len(columns), microvolts_per(unit), np.float64)
    rules = profile.eeg
    factors = np.array([microvolts_per(rules.unit or info.channels[column].unit) for column in columns], np.float64)
    if not rules.scale_from:
        return factors
    stated = channel_numbers(info.xml, rules.scale_from)
    own = np.array([stated.get(column, UNKNOWN) for column in columns], np.float64)
    # A factor beside "counts" leads to microvolts; one beside a unit multiplies it.
    return np.where(np.isnan(own), factors, own * np.where(np.isnan(factors), 1.0, factors))


def _too_few(info: StreamInfo, placement: Placement, reasons: Mapping[str, str]) -> RtemoError:
    shown = [f"{label}: {reason}" for label, reason in list(reasons.items())[:_SHOWN]]
    more = [f"and {len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else []
    placed = ", ".join(placement.labels) or "none"
    return RtemoError(
        f"the EEG stream {info.name!r} has {len(placement.labels)} channels with a place on the head, "
        f"and {MIN_CHANNELS} are needed",
        f"placed: {placed}; left out: {', '.join(shown + more) or 'none'}",
        'name the electrodes in the session\'s settings under [eeg.map], for example 1 = "Fp1"',
    )
