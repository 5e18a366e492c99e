"""Device profiles: loads them all, and finds the one that matches a stream.

Two generic profiles, generic-eeg and generic-gaze, stand for every device without a profile of its own: they work from
labels, types and units alone. The channel maps that follow from a match are made by eeg_channel_map and
gaze_channel_map.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtemo import resources
from rtemo.core.eeg.montage import is_electrode
from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Modality, StreamInfo
from rtemo.sources.devices.eeg_columns import MIN_CHANNELS, eeg_channel_map
from rtemo.sources.devices.gaze_column_roles import role_of
from rtemo.sources.devices.gaze_columns import gaze_channel_map
from rtemo.sources.devices.profile_file import read_own_profile, read_profile
from rtemo.sources.devices.profile_schema import DeviceProfile, Ignored, MatchRule

__all__ = [
    "DeviceProfile",
    "Match",
    "check_profiles",
    "eeg_channel_map",
    "gaze_channel_map",
    "generic",
    "known_profiles",
    "load_profiles",
    "match",
]

GENERIC = {Modality.EEG: "generic-eeg", Modality.GAZE: "generic-gaze"}

_TYPE, _COUNT, _LABELS, _NAME, _SOURCE = 1.0, 1.0, 3.0, 4.0, 4.0  # how specific each fitting condition is
_BY_LABELS = 0.5  # a stream that states no type but has the right labels
_VAGUE_TYPES = ("", "data", "signal", "timeseries", "biosignal", "biosignals")


@dataclass(frozen=True, slots=True)
class Match:
    """The profile that fits a stream best, how well, and by what. A higher score is a more specific fit."""

    profile: DeviceProfile
    score: float
    why: str


def known_profiles() -> tuple[DeviceProfile, ...]:
    """The profiles that rtemo brings and the user's own; one of the user's takes the place of ours with its id."""
    own = {path.parent.name: read_own_profile(path) for path in sorted(resources.own_devices().glob("*/profile.toml"))}
    return (*(p for p in load_profiles(resources.devices()) if p.id not in own), *own.values())


def load_profiles(folder: Path) -> tuple[DeviceProfile, ...]:
    """Every profile of a folder (<id>/profile.toml), by id.

    RtemoError with file and key for the first that does not follow the schema, and where a generic profile is missing.
    """
    profiles = tuple(read_profile(path) for path in sorted(folder.glob("*/profile.toml")))
    missing = sorted(set(GENERIC.values()) - {profile.id for profile in profiles})
    if missing:
        raise RtemoError(
            "device profiles are missing", f"{folder} has no {' and no '.join(missing)}", "install rtemo again"
        )
    return profiles


def check_profiles(folder: Path, *, own: bool = False) -> list[str]:
    """Everything that is wrong with the profiles of a folder, one line each; empty when all is well.

    own: the user's, which need neither generic ones nor a README.md each.
    """
    problems: list[str] = []
    for device in sorted(path for path in folder.iterdir() if path.is_dir()):
        if not (device / "profile.toml").is_file():
            problems.append(f"{device}: there is no profile.toml")
            continue
        if not own and not (device / "README.md").is_file():
            problems.append(f"{device}: there is no README.md")
        try:
            read_profile(device / "profile.toml")
        except RtemoError as error:
            problems.append(str(error))
    if not own:
        problems += [f"{folder}: there is no {name}" for name in GENERIC.values() if not (folder / name).is_dir()]
    return problems


def generic(profiles: Iterable[DeviceProfile], modality: Modality) -> DeviceProfile:
    """The profile for a device of this modality that has none of its own."""
    return next(profile for profile in profiles if profile.id == GENERIC[modality])


def match(info: StreamInfo, profiles: Sequence[DeviceProfile]) -> Match | None:
    """The profile that fits this stream most specifically; None where it is neither EEG nor gaze.

    Strings are never EEG or gaze, nor is what a profile ignores.
    """
    if info.channel_format == STRING_FORMAT or ignored(info, profiles):
        return None
    found = [fit for profile in profiles for rule in profile.match if (fit := _fit(info, profile, rule)) is not None]
    if not found:
        found = _by_labels(info, profiles)
    return max(found, key=lambda fit: (fit.score, fit.profile.id), default=None)


def ignored(info: StreamInfo, profiles: Sequence[DeviceProfile]) -> Ignored | None:
    """The rule by which a stream is neither EEG nor gaze although its type suggests it."""
    rules = (rule for profile in profiles for rule in profile.ignore)
    return next((rule for rule in rules if _fitting_conditions(info, rule) is not None), None)


def _fit(info: StreamInfo, profile: DeviceProfile, rule: MatchRule) -> Match | None:
    conditions = _fitting_conditions(info, rule)
    if conditions is None:
        return None
    return Match(profile, sum(weight for _, weight in conditions), ", ".join(what for what, _ in conditions))


def _fitting_conditions(info: StreamInfo, rule: MatchRule) -> list[tuple[str, float]] | None:
    """What fits and how specific it is; None where any condition of the rule does not fit."""
    fitting = []
    for fits, what, weight in _conditions(info, rule):
        if not fits:
            return None  # of a stream that is looked at ten times a second nearly every rule's first one does not
        fitting.append((what, weight))
    return fitting


def _conditions(info: StreamInfo, rule: MatchRule) -> Iterator[tuple[bool, str, float]]:
    """Each condition of a rule: whether the stream fits it, what it is about, how specific it is."""
    if rule.type is not None:
        yield _found(rule.type, info.type), f"type {info.type}", _TYPE
    if rule.name is not None:
        yield _found(rule.name, info.name), f"name {info.name}", _NAME
    if rule.source_id is not None:
        yield _found(rule.source_id, info.source_id), f"source_id {info.source_id}", _SOURCE
    if rule.labels:
        labels = {label.strip().casefold() for label in info.labels}
        wanted = {label.casefold() for label in rule.labels}
        yield wanted <= labels, f"{len(rule.labels)} labels", _LABELS
    if rule.n_channels:
        yield info.n_channels in rule.n_channels, f"{info.n_channels} channels", _COUNT
    if rule.description is not None:
        yield _found(rule.description, info.xml), "its description", _LABELS


def _found(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.search(text.strip()) is not None


def _by_labels(info: StreamInfo, profiles: Sequence[DeviceProfile]) -> list[Match]:
    """For streams that state no useful type: gaze points or electrode names among the labels."""
    if info.type.strip().casefold() not in _VAGUE_TYPES:
        return []
    found: list[Match] = []
    roles = [role for channel in info.channels if (role := role_of(channel)) is not None and channel.label.strip()]
    if {"x", "y"} <= {role.kind for role in roles}:
        found.append(Match(generic(profiles, Modality.GAZE), _BY_LABELS, "its labels are those of gaze"))
    electrodes = sum(is_electrode(label) for label in info.labels)
    if electrodes >= MIN_CHANNELS and 2 * electrodes >= info.n_channels:
        found.append(Match(generic(profiles, Modality.EEG), _BY_LABELS, f"{electrodes} labels are electrode names"))
    return found
