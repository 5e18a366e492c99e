"""Which stream plays which part: EEG, gaze, markers. Ambiguity is refused with the list of what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from rtemo.core.channel_map import EegChannelMap, GazeChannelMap
from rtemo.core.types import Modality, StreamInfo
from rtemo.sources.devices.profile import DeviceProfile, eeg_channel_map, gaze_channel_map
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_choice import StreamQuery, choose, choose_markers


class StreamRoles:
    """The parts and who plays them. A stream is known again by its key, whatever its id is."""

    def __init__(self, profiles: Sequence[DeviceProfile], settings: SessionSettings | None = None) -> None:
        self.profiles = profiles
        self.settings = settings or SessionSettings()
        self._pinned: dict[Modality, StreamQuery | None] = {}  # what the settings asked for before a pin
        self._parts: dict[tuple[str, str, str, str], Modality] = {}
        self._played_by: dict[Modality, tuple[StreamInfo, DeviceProfile]] = {}
        self._excluded: dict[str, str] = {}  # electrode -> the key in the map by which it is left out

    @property
    def queries(self) -> Mapping[Modality, StreamQuery]:
        """The streams that are asked for."""
        return self.settings.queries

    @property
    def parts(self) -> frozenset[Modality]:
        """The parts that somebody plays."""
        return frozenset(self._parts.values())

    def choose(self, infos: Iterable[StreamInfo]) -> None:
        """Give out all parts among these streams. Raises RtemoError where several streams fit one part."""
        seen = list(infos)
        for part in (Modality.EEG, Modality.GAZE):
            self.choose_for(part, seen)
        for info in seen:
            self.take_marker(info)

    def choose_for(self, part: Modality, infos: Sequence[StreamInfo]) -> StreamInfo | None:
        """Give a part to one of these streams, None where none fits. Raises RtemoError where several do."""
        choice = choose(infos, part, self.queries.get(part), self.profiles)
        if choice is None:
            return None
        self._parts = {who: other for who, other in self._parts.items() if other != part}
        self._parts[_who(choice.info)] = part
        self._played_by[part] = (choice.info, choice.match.profile)
        return choice.info

    def take_marker(self, info: StreamInfo) -> bool:
        """Whether this is a marker stream that is wanted. All of them are taken."""
        fits = bool(choose_markers([info], self.queries.get(Modality.MARKERS), self.profiles))
        if fits:
            self._parts.setdefault(_who(info), Modality.MARKERS)
        return fits

    def pin(self, part: Modality, query: StreamQuery | None) -> None:
        """Ask for a stream, None for whichever fits. Counts when the parts are given out the next time."""
        self._pinned.setdefault(part, self.queries.get(part))
        queries = {other: asked for other, asked in self.queries.items() if other != part}
        if query is not None:
            queries[part] = query
        self.settings = replace(self.settings, queries=queries)

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
        """Go on with other settings; the parts are given out anew.

        Raises RtemoError, and changes nothing, where a stream that plays a part now could not be read by them.
        """
        for part, (info, profile) in self._played_by.items():
            if part in self._parts.values():
                _layout(info, profile, part, settings)
        self.settings = settings
        self._excluded.clear()
        self._pinned.clear()
        self.give_back()

    def give_back(self) -> None:
        """Nobody plays any part any more: they are given out anew."""
        self._parts.clear()

    def anew(self) -> StreamRoles:
        """The same for other streams, a recording's: nobody plays a part yet, and no stream is pinned."""
        kept = {part: query for part, query in self.queries.items() if part not in self._pinned}
        asked = {part: query for part, query in self._pinned.items() if query is not None}
        return StreamRoles(self.profiles, replace(self.settings, queries={**kept, **asked}))

    def missing(self) -> tuple[Modality, ...]:
        """The parts that were asked for by a query and have nobody yet."""
        return tuple(part for part in self.queries if part not in self._parts.values())

    def role_of(self, info: StreamInfo) -> Modality | None:
        """The part of a stream, None where it has none. A restarted stream keeps its part, also with other channels."""
        return self._parts.get(_who(info))

    def layout(self, info: StreamInfo, part: Modality) -> EegChannelMap | GazeChannelMap:
        """How the stream's channels are read. Raises RtemoError with the reason where they cannot be."""
        return _layout(info, self.profile_of(part), part, self.settings)

    def profile_of(self, part: Modality) -> DeviceProfile:
        """The device profile that a part is read with. The part was given to somebody."""
        return self._played_by[part][1]


def _layout(
    info: StreamInfo, profile: DeviceProfile, part: Modality, settings: SessionSettings
) -> EegChannelMap | GazeChannelMap:
    unit = settings.units.get(part, "")
    if part == Modality.EEG:
        return eeg_channel_map(info, profile, settings.eeg_map, unit)
    return gaze_channel_map(info, profile, settings.screen, settings.gaze_map, settings.scene, unit)


def _who(info: StreamInfo) -> tuple[str, str, str, str]:
    """What identifies a stream's sender across restarts. The channel count may change."""
    return (info.name, info.type, info.source_id, info.hostname)
