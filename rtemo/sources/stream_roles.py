"""Stream roles: which stream is the EEG, which the gaze, which are markers. Ambiguity is an error with a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rtemo.core.channel_map import EegChannelMap, GazeChannelMap
from rtemo.core.types import Modality, StreamInfo
from rtemo.sources.devices.auxiliary_columns import is_impedance_stream
from rtemo.sources.devices.profile import DeviceProfile, eeg_channel_map, gaze_channel_map
from rtemo.sources.devices.profile_schema import OwnProfile
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_choice import StreamQuery, choose, choose_markers, is_own, is_rating, is_screen


class StreamRoles:
    """Which stream has which role. A stream is recognised by its key, whatever its id is."""

    def __init__(self, profiles: Sequence[DeviceProfile], settings: SessionSettings | None = None) -> None:
        self.profiles = profiles
        self.settings = settings or SessionSettings()
        self._pinned: dict[Modality, StreamQuery | None] = {}  # what the settings asked for before a pin
        self._roles: dict[tuple[str, str, str, str], Modality] = {}
        self._assigned: dict[Modality, tuple[StreamInfo, DeviceProfile]] = {}
        self._excluded: dict[str, str] = {}  # electrode -> the key in the map by which it is left out

    @property
    def queries(self) -> Mapping[Modality, StreamQuery]:
        """The streams that are asked for."""
        return self.settings.queries

    @property
    def filled(self) -> frozenset[Modality]:
        """The roles that a stream has."""
        return frozenset(self._roles.values())

    def may_have(self, role: Modality) -> bool:
        """Whether a stream may be found for a role; the second eye's is looked for where there can be one."""
        return role is not Modality.SECOND_EYE or role in self.queries or any(p.gaze.eye for p in self.profiles)

    def choose(self, infos: Iterable[StreamInfo]) -> None:
        """Assign all roles among these streams. Raises RtemoError where several streams fit one role."""
        seen = list(infos)
        for role in OWN_ROLES:
            self.choose_for(role, seen)
        for info in seen:
            self.take_marker(info)

    def choose_for(self, role: Modality, infos: Sequence[StreamInfo]) -> StreamInfo | None:
        """Assign a role to one of these streams; None where none fits. Raises RtemoError where several do.

        Of several participants each has the streams that are named for that one, and no others.
        """
        if self.settings.participants and role not in self.queries:
            return None
        choice = choose(self._open_to(role, infos), role, self.queries.get(role), self.profiles)
        if choice is None:
            return None
        self.take_back(role)
        self._roles[_who(choice.info)] = role
        self._assigned[role] = (choice.info, choice.match.profile)
        return choice.info

    def _open_to(self, role: Modality, infos: Sequence[StreamInfo]) -> Sequence[StreamInfo]:
        """Without the streams that are named for the other eye."""
        others = {Modality.GAZE: Modality.SECOND_EYE, Modality.SECOND_EYE: Modality.GAZE}
        query = self.queries.get(others[role]) if role in others else None
        return infos if query is None else [info for info in infos if not query.fits(info)]

    def give(self, role: str, info: StreamInfo) -> None:
        """Assign a role, by its name, to the stream that was chosen for it; "": none."""
        if role == Modality.MARKERS:
            self.take_marker(info)
        elif role:
            self.choose_for(Modality(role), [info])

    def take_back(self, role: Modality) -> None:
        """Take one role back."""
        self._roles = {who: other for who, other in self._roles.items() if other != role}

    def take_marker(self, info: StreamInfo) -> bool:
        """Whether this is a marker stream that is wanted; every one of them gets that role."""
        wanted = not any(query.fits(info) for query in self.settings.not_recorded)
        fits = wanted and bool(choose_markers([info], self.queries.get(Modality.MARKERS), self.profiles))
        if fits:
            self._roles.setdefault(_who(info), Modality.MARKERS)
        return fits

    def is_recorded_too(self, info: StreamInfo) -> bool:
        """Whether a stream without a role is recorded all the same: the settings ask for it, or it holds ratings or
        impedances.
        """
        asked = self.settings.record_all or any(query.fits(info) for query in self.settings.also_recorded)
        if self._is_unasked(info) or is_impedance_stream(info):
            asked = asked or not any(query.fits(info) for query in self.settings.not_recorded)
        return asked and self.role_of(info) is None and not is_own(info)

    def _is_unasked(self, info: StreamInfo) -> bool:
        """Whether a stream is recorded without being asked for: ratings, by their type or by being named for somebody,
        and the frame numbers of this computer's screen where that is recorded.
        """
        screen = self.settings.outputs.screen and is_screen(info)
        return screen or is_rating(info) or any(one.ratings.fits(info) for one in self.settings.participants)

    def record(self, info: StreamInfo, *, recorded: bool) -> None:
        """Whether to record a stream that is neither the EEG nor the gaze. Counts when streams are opened again."""
        query = StreamQuery(info.name, info.type, info.source_id, info.hostname)
        also = tuple(one for one in self.settings.also_recorded if not one.fits(info))
        left_out = tuple(one for one in self.settings.not_recorded if not one.fits(info))
        unasked = self.take_marker(info) or self._is_unasked(info)
        if not unasked and not any(one.fits(info) for one in self.settings.not_recorded):
            also += (query,) if recorded else ()
        else:
            left_out += () if recorded else (query,)
        self.settings = replace(self.settings, also_recorded=also, not_recorded=left_out)

    def pin(self, role: Modality, query: StreamQuery | None) -> None:
        """Ask for a stream, None for whichever fits. Counts when roles are assigned the next time."""
        self._pinned.setdefault(role, self.queries.get(role))
        queries = {other: asked for other, asked in self.queries.items() if other != role}
        if query is not None:
            queries[role] = query
        also = tuple(one for one in self.settings.also_recorded if one != query)  # it has a role now
        self.settings = replace(self.settings, queries=queries, also_recorded=also)

    def leave_out(self, label: str, *, out: bool) -> None:
        """Whether to leave out the EEG channel of this label, from the next layout on."""
        names = dict(self.settings.eeg_map)
        if out:
            key = next((key for key, name in names.items() if name == label), label)
            names[key], self._excluded[label] = "", key
        else:
            key = self._excluded.pop(label, label)
            names.pop(key, None)
            if key != label:  # the session's own name for that column
                names[key] = label
        self.settings = replace(self.settings, eeg_map=names)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The EEG channels that are left out, by their label or column."""
        electrodes = {key: label for label, key in self._excluded.items()}
        return tuple(electrodes.get(key, key) for key, name in self.settings.eeg_map.items() if not name)

    def adopt(self, settings: SessionSettings) -> None:
        """Go on with other settings; the roles are assigned anew.

        Raises RtemoError, and changes nothing, where a stream that has a role now could not be read by them.
        """
        self.check(settings)
        self.settings = settings
        self._excluded.clear()
        self._pinned.clear()
        self.give_back()

    def check(self, settings: SessionSettings) -> None:
        """Raises RtemoError where a stream that has a role now could not be read by these settings."""
        for role, (info, profile) in self._assigned.items():
            asked = settings.queries.get(role)
            if role in self._roles.values() and (asked is None or asked.fits(info)):
                _layout(info, profile, role, settings)

    def give_back(self) -> None:
        """Take all roles back, so that they are assigned anew."""
        self._roles.clear()

    def anew(self) -> StreamRoles:
        """The same for other streams, a recording's: no role is assigned and no stream is pinned."""
        kept = {role: query for role, query in self.queries.items() if role not in self._pinned}
        asked = {role: query for role, query in self._pinned.items() if query is not None}
        return StreamRoles(self.profiles, replace(self.settings, queries={**kept, **asked}))

    def missing(self) -> tuple[Modality, ...]:
        """The roles that a query asks a stream for and that none has yet."""
        return tuple(role for role in self.queries if role not in self._roles.values())

    def role_of(self, info: StreamInfo) -> Modality | None:
        """The role of a stream, None where it has none. A restarted stream keeps its role, also with other channels."""
        return self._roles.get(_who(info))

    def succeed(self, lost: StreamInfo, info: StreamInfo) -> None:
        """Give a stream the role of the lost one whose place it takes, whatever it is called."""
        role = self.role_of(lost)
        if role is None or self.role_of(info) is not None:
            return
        self._roles[_who(info)] = role
        if role in self._assigned:
            self._assigned[role] = (info, self._assigned[role][1])

    def had(self, info: StreamInfo, role: Modality) -> None:
        """Let a stream count as one that had this role before another one took its place."""
        self._roles.setdefault(_who(info), role)

    def layout(self, info: StreamInfo, role: Modality) -> EegChannelMap | GazeChannelMap:
        """How the stream's channels are read. Raises RtemoError with the reason where they cannot be."""
        layout = _layout(info, self.profile_of(role), role, self.settings)
        latency = self.settings.latencies.get(Modality.GAZE if role == Modality.SECOND_EYE else role)
        return layout if latency is None else replace(layout, latency_s=latency.ms / 1000.0)

    def profile_of(self, role: Modality) -> DeviceProfile:
        """The device profile that a role's stream is read with. The role was assigned."""
        return self._assigned[role][1]

    @property
    def own_profiles(self) -> tuple[OwnProfile, ...]:
        """Those of the user's own profiles that streams are read with."""
        used = {profile.id: profile for _, profile in self._assigned.values() if isinstance(profile, OwnProfile)}
        return tuple(used[name] for name in sorted(used))


def _layout(
    info: StreamInfo, profile: DeviceProfile, role: Modality, settings: SessionSettings
) -> EegChannelMap | GazeChannelMap:
    if role == Modality.EEG:
        return eeg_channel_map(info, profile, settings.eeg_map, settings.units.get(role, ""))
    unit = settings.units.get(Modality.GAZE, "")
    found = gaze_channel_map(info, profile, settings.screen, settings.gaze_map, settings.scene, unit)
    second = settings.second or ("right" if profile.gaze.eye else None)
    if second is None:
        return found
    if role == Modality.SECOND_EYE:
        return found.of_one_eye(second, "second")
    return found.of_one_eye("left" if second == "right" else "right", "first")


def _who(info: StreamInfo) -> tuple[str, str, str, str]:
    """What identifies a stream's sender across restarts. The channel count may change."""
    return (info.name, info.type, info.source_id, info.hostname)
