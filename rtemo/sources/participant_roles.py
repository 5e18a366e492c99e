"""Whose stream is which, in a session of several participants: the roles of each, and markers for everybody.

A stream of one participant has no role for the others. A role is called "ID:eeg" then; "eeg" where there is nobody to
be told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, Modality, StreamInfo, StreamUp
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles


class ParticipantRoles:
    """The roles of every participant's streams, by id; "" where participants are not told apart."""

    def __init__(self, profiles: Sequence[DeviceProfile], settings: SessionSettings) -> None:
        self.settings = settings
        self.each: Mapping[str, StreamRoles] = {one.alone: StreamRoles(profiles, one) for one in settings.each}

    def choose_for(self, participant: str, part: Modality, infos: Sequence[StreamInfo]) -> StreamInfo | None:
        """Assign a participant's role to one of these streams; None where none fits.

        Raises RtemoError where several do, or where the one that does is another participant's.
        """
        roles = self.each[participant]
        chosen = roles.choose_for(part, infos)
        others = (who for who, other in self.each.items() if other is not roles and chosen is not None)
        owner = next((who for who in others if chosen and self.each[who].role_of(chosen) in OWN_ROLES), None)
        if chosen is not None and owner is not None:
            roles.take_back(part)
            found = f"{chosen.describe()} is {owner}'s and {participant}'s"
            raise RtemoError("one stream would be two participants'", found, "name the streams of each")
        return chosen

    def give(self, role: str, info: StreamInfo) -> None:
        """Assign a role, by its name, to the stream that was chosen for it; "": none."""
        participant, _, part = role.rpartition(":")
        if part == Modality.MARKERS:
            self.take_marker(info)
        elif part:
            self.choose_for(participant, Modality(part), [info])

    def take_marker(self, info: StreamInfo) -> bool:
        """Whether this is a marker stream that is wanted; it is for all participants."""
        taken = [roles.take_marker(info) for roles in self.each.values()]
        return any(taken)

    def is_recorded_too(self, info: StreamInfo) -> bool:
        """Whether a stream without a role is recorded all the same, as the settings ask for."""
        return not self.role_of(info) and any(roles.is_recorded_too(info) for roles in self.each.values())

    def role_of(self, info: StreamInfo) -> str:
        """The name of a stream's role, "" where it has none."""
        found = ((who, roles.role_of(info)) for who, roles in self.each.items())
        return next((role_name(who, part) for who, part in found if part is not None), "")

    def missing(self) -> tuple[str, ...]:
        """The roles that a query asks a stream for and that none has yet, with their queries."""
        return tuple(
            f"{role_name(who, part)} ({roles.queries[part]})"
            for who, roles in self.each.items()
            for part in roles.missing()
        )

    @property
    def filled(self) -> frozenset[Modality]:
        """The roles that a stream has, whosever."""
        return frozenset(part for roles in self.each.values() for part in roles.filled)


def role_name(participant: str, part: Modality) -> str:
    """What a participant's role is called. Markers are nobody's own."""
    return f"{participant}:{part.value}" if participant and part in OWN_ROLES else part.value


class ItemsOfEach:
    """Splits a session's items by whom they concern: each participant's own streams, and markers for all. A stream that
    is nobody's goes to the first participant, so that what happens to it is stated once.
    """

    def __init__(self, roles: Mapping[str, StreamRoles]) -> None:
        """roles: by participant; one alone has everything."""
        self._roles = dict(roles)
        self._whose: dict[str, tuple[str, ...]] = {}

    def split(self, items: Sequence[Item]) -> dict[str, list[Item]]:
        """The items of each participant, in their order."""
        found: dict[str, list[Item]] = {participant: [] for participant in self._roles}
        for item in items:
            for participant in self._concerned(item):
                found[participant].append(item)
        return found

    def _concerned(self, item: Item) -> tuple[str, ...]:
        first = next(iter(self._roles))
        if not isinstance(item, StreamUp):
            return self._whose.get(item.stream_id, (first,))
        known = self._whose.get(item.replaces, ()) if item.replaces else ()
        whose = tuple(who for who, roles in self._roles.items() if roles.role_of(item.info) is not None or who in known)
        self._whose[item.info.stream_id] = whose or (first,)
        return self._whose[item.info.stream_id]
