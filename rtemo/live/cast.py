"""Which stream plays which part: EEG, gaze, markers. Ambiguity is refused with the list of what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rtemo.core.layout import EegLayout, GazeLayout, Screen
from rtemo.core.types import Modality, StreamInfo
from rtemo.sources.profile import DeviceProfile, eeg_layout, gaze_layout
from rtemo.sources.select import StreamQuery, choose, choose_markers


class Cast:
    """The parts and who plays them. A stream is known again by its key, whatever its id is."""

    def __init__(
        self,
        profiles: Sequence[DeviceProfile],
        queries: Mapping[Modality, StreamQuery] | None = None,
        screen: Screen | None = None,
        eeg_map: Mapping[str, str] | None = None,
        gaze_map: Mapping[str, str] | None = None,
    ) -> None:
        """eeg_map, gaze_map: what the session's settings say a channel is, by its label or its column from 1."""
        self.profiles = profiles
        self.queries = dict(queries or {})
        self._asked = dict(self.queries)  # by the settings; a pin is for one stream on the network
        self._screen = screen or Screen()
        self._maps = {Modality.EEG: dict(eeg_map or {}), Modality.GAZE: dict(gaze_map or {})}
        self._parts: dict[tuple[str, str, str, str], Modality] = {}
        self._played_by: dict[Modality, DeviceProfile] = {}

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
        self._played_by[part] = choice.match.profile
        return choice.info

    def take_marker(self, info: StreamInfo) -> bool:
        """Whether this is a marker stream that is wanted. All of them are taken."""
        fits = bool(choose_markers([info], self.queries.get(Modality.MARKERS), self.profiles))
        if fits:
            self._parts.setdefault(_who(info), Modality.MARKERS)
        return fits

    def leave_out(self, label: str, *, out: bool) -> None:
        """Whether to leave out the EEG channel of this label, from the next layout on."""
        if out:
            self._maps[Modality.EEG][label] = ""
        elif self._maps[Modality.EEG].get(label) == "":
            del self._maps[Modality.EEG][label]

    def give_back(self) -> None:
        """Nobody plays any part any more: they are given out anew."""
        self._parts.clear()

    @property
    def left_out(self) -> tuple[str, ...]:
        """The EEG channels that are left out by their label or column."""
        return tuple(label for label, name in self._maps[Modality.EEG].items() if not name)

    def anew(self) -> Cast:
        """The same for other streams, a recording's: nobody plays a part yet, and no stream is pinned."""
        return Cast(self.profiles, self._asked, self._screen, self._maps[Modality.EEG], self._maps[Modality.GAZE])

    def missing(self) -> tuple[Modality, ...]:
        """The parts that were asked for by a query and have nobody yet."""
        return tuple(part for part in self.queries if part not in self._parts.values())

    def role_of(self, info: StreamInfo) -> Modality | None:
        """The part of a stream, None where it has none. A restarted stream keeps its part, also with other channels."""
        return self._parts.get(_who(info))

    def layout(self, info: StreamInfo, part: Modality) -> EegLayout | GazeLayout:
        """How the stream's channels are read. Raises RtemoError with the reason where they cannot be."""
        profile = self._played_by[part]
        if part == Modality.EEG:
            return eeg_layout(info, profile, self._maps[part])
        return gaze_layout(info, profile, self._screen, self._maps[part])


def _who(info: StreamInfo) -> tuple[str, str, str, str]:
    """What identifies a stream's sender across restarts. The channel count may change."""
    return (info.name, info.type, info.source_id, info.hostname)
