"""Whose stream is which, in a session of several participants: the roles of each, and markers for everybody.

A stream of one participant has no role for the others. A role is called "ID:eeg" then; "eeg" where there is nobody to
be told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item, Modality, StreamInfo, StreamUp
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.participants import OWN_ROLES, Participant, new_participant
from rtemo.sources.session_settings import ANONYMOUS, SessionSettings, with_participants
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles


class ParticipantRoles:
    """The roles of every participant's streams, by id; "" where participants are not told apart."""

    def __init__(self, profiles: Sequence[DeviceProfile], settings: SessionSettings) -> None:
        self._profiles, self._settings = profiles, settings
        self._alone = StreamRoles(profiles, settings)  # of somebody who is not told apart from others
        self.each: Mapping[str, StreamRoles] = {one.alone: StreamRoles(profiles, one) for one in settings.each}

    @classmethod
    def around(cls, roles: StreamRoles) -> ParticipantRoles:
        """The roles of somebody alone, as they are; or new ones for each participant of their settings."""
        found = cls(roles.profiles, roles.settings)
        found._alone = roles
        if not roles.settings.participants:
            found.each = {"": roles}
        return found

    @property
    def settings(self) -> SessionSettings:
        """Of the session, with what was chosen by hand."""
        alone = self.each.get("")
        return self._settings if alone is None else alone.settings

    @property
    def queries(self) -> Mapping[str, StreamQuery]:
        """The streams that are asked for, by the names of their roles."""
        return {role_name(who, part): query for who, own in self.each.items() for part, query in own.queries.items()}

    def owner_of(self, info: StreamInfo) -> str:
        """Whose a stream is; "" where it is nobody's own, or participants are not told apart."""
        return next((who for who, roles in self.each.items() if roles.role_of(info) in OWN_ROLES), "")

    def of(self, participant: str) -> StreamRoles:
        """The roles of one participant. "": of the only one, or the first. Raises RtemoError for another id."""
        found = self.each.get(participant) if participant else next(iter(self.each.values()))
        if found is None:
            known = ", ".join(who for who in self.each if who) or "nobody is told apart from others"
            raise RtemoError(f"there is no participant {participant!r}", f"found {known}", "name one of them")
        return found

    def adopt(self, settings: SessionSettings) -> None:
        """Go on with other settings, and maybe other participants; the roles are assigned anew.

        Raises RtemoError, and changes nothing, where a stream that has a role now could not be read by them.
        """
        after = {own.alone: own for own in settings.each}
        for who, own in after.items():
            if who in self.each:
                self.each[who].check(own)
        self._settings = settings
        known = {**self.each, "": self._alone}
        each = {who: known.get(who) or StreamRoles(self._profiles, own) for who, own in after.items()}
        self._alone.settings = settings
        for who, own in after.items():
            each[who].adopt(own)
        self.each = each

    def describe(self, **fields: Any) -> None:
        """Take over other settings that are about no stream."""
        self._settings = replace(self._settings, **fields)
        for roles in self.each.values():
            roles.settings = replace(roles.settings, **fields)

    def record(self, info: StreamInfo, *, recorded: bool) -> None:
        """Whether to record a stream that is nobody's own. Counts when streams are opened again."""
        for roles in self.each.values():
            roles.record(info, recorded=recorded)
        one = next(iter(self.each.values())).settings
        self._settings = replace(self._settings, also_recorded=one.also_recorded, not_recorded=one.not_recorded)

    def pin(self, participant: str, role: Modality, query: StreamQuery | None) -> None:
        """Ask for a stream, None for whichever fits; of several participants, for the one that is named, None for none.

        Counts when roles are assigned the next time. Raises RtemoError, and changes nothing, where participants could
        not be told apart.
        """
        if role in OWN_ROLES and (participant or "" not in self.each):
            self.adopt(with_stream(self.settings, participant, role, query))
            return
        for roles in self.each.values():
            roles.pin(role, query)
        queries = {**self._settings.queries, role: query}
        self._settings = replace(self._settings, queries={k: one for k, one in queries.items() if one is not None})

    def leave_out(self, participant: str, label: str, *, out: bool) -> None:
        """Whether to leave out the EEG channel of this label, from the next layout on."""
        roles = self.of(participant)
        roles.leave_out(label, out=out)
        who, named = roles.settings.alone, roles.settings.eeg_map
        each = [replace(p, eeg=replace(p.eeg, map=named)) if p.id == who else p for p in self._settings.participants]
        self._settings = replace(self._settings, participants=tuple(each))

    def give_back(self) -> None:
        """Take all roles back, so that they are assigned anew."""
        for roles in self.each.values():
            roles.give_back()

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
        """Assign a role, by its name, to the stream that was chosen for it; "", and one of nobody who is here: none."""
        participant, _, part = role.rpartition(":")
        if part == Modality.MARKERS:
            self.take_marker(info)
        elif part in OWN_ROLES and participant in self.each:
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
        each = ((who, roles, part) for who, roles in self.each.items() for part in roles.missing())
        return tuple(dict.fromkeys(f"{role_name(who, part)} ({roles.queries[part]})" for who, roles, part in each))

    def missing_ratings(self, open_: Iterable[StreamInfo], visible: Iterable[StreamInfo]) -> tuple[str, ...]:
        """What is named for a participant to rate by and is not there, with its query. open_: the streams that are
        connected. visible: those on the network, among which one that is not to be recorded is enough.
        """
        left_out = self.settings.not_recorded
        there = [*open_, *(info for info in visible if any(query.fits(info) for query in left_out))]
        return tuple(
            f"{one.id}:ratings ({one.ratings.query})"
            for one in self.settings.participants
            if one.ratings.query is not None and not any(one.ratings.fits(info) for info in there)
        )

    @property
    def filled(self) -> frozenset[Modality]:
        """The roles that a stream has, whosever."""
        return frozenset(part for roles in self.each.values() for part in roles.filled)


def role_name(participant: str, part: Modality) -> str:
    """What a participant's role is called. Markers are nobody's own."""
    return f"{participant}:{part.value}" if participant and part in OWN_ROLES else part.value


def with_stream(
    settings: SessionSettings, participant: str, part: Modality, query: StreamQuery | None
) -> SessionSettings:
    """The settings of several participants with another stream of one of them; None: that one has none.

    The stream is taken from whoever had it, and who is left without any is no participant any more. A participant who
    is not there yet is added. Raises RtemoError where they cannot be told apart.
    """
    known = settings.participants
    if participant not in [one.id for one in known]:
        known = (*known, new_participant(participant))
    if query is not None:
        known = tuple(one.without(query) for one in known)
    each = [one.with_query(part, query) if one.id == participant else one for one in known]
    return told_apart(settings, [one for one in each if one.queries])


def told_apart(settings: SessionSettings, participants: Sequence[Participant]) -> SessionSettings:
    """The settings for these participants instead of those that they name; a subject that only lists these goes with
    them. Raises RtemoError where they cannot be told apart.
    """
    listed = settings.subject == "+".join(one.id for one in settings.participants)
    for_all = {part: query for part, query in settings.queries.items() if part not in OWN_ROLES}
    subject = ANONYMOUS if listed else settings.subject
    return with_participants(replace(settings, subject=subject, queries=for_all, participants=()), participants)


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
