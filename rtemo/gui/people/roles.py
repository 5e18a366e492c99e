"""Which roles a stream can be given in the window: the usual ones, or each participant's where several are told apart.

A role has a key, "P01:eeg" or "markers", as rtemo.sources.participant_roles names it. No Qt.
"""

from __future__ import annotations

from collections.abc import Callable

from rtemo.core.types import Modality
from rtemo.gui import texts
from rtemo.gui.people import words
from rtemo.live.service.snapshot import StreamStatus
from rtemo.sources.participant_roles import role_name
from rtemo.sources.participants import MOST, OWN_ROLES
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.study_settings import next_participant

FIRST = "P01"
ROLE_ORDER = (*OWN_ROLES, Modality.MARKERS, "")
FIRST_ROLES = (Modality.EEG, Modality.GAZE)  # that somebody new is given


def key_of(stream: StreamStatus) -> str:
    """The key of a stream's role; empty where it has none."""
    return role_name(stream.participant, Modality(stream.role)) if stream.role else ""


def place_of(stream: StreamStatus) -> tuple[bool, bool, str, int]:
    """Where a stream stands in a list, whatever the order in which streams were found: by participant and role."""
    return not stream.role, not stream.participant, stream.participant, ROLE_ORDER.index(stream.role)


def role_words(stream: StreamStatus) -> str:
    """A stream's role, with whose it is."""
    return f"{stream.participant} {texts.ROLES.get(stream.role, stream.role)}".strip()


def choices(settings: SessionSettings) -> dict[str, str]:
    """The roles that a stream can be given, key -> name; of several participants also those of one more."""
    known = [one.id for one in settings.participants]
    if not known:
        return {part.value: texts.ROLES[part.value] for part in (*OWN_ROLES, Modality.MARKERS)}
    found = {role_name(who, part): f"{who} {texts.ROLES[part.value]}" for who in known for part in OWN_ROLES}
    found[Modality.MARKERS.value] = texts.ROLES["markers"]
    if len(known) < MOST:
        new = next_id(known)
        found |= {
            role_name(new, part): words.NEW_PERSON.format(id=new, role=texts.ROLES[part.value]) for part in FIRST_ROLES
        }
    return found


def next_id(known: list[str]) -> str:
    """An id for one more participant."""
    if not known:
        return FIRST
    found = next_participant(known[-1], known)
    return found if found and found not in known else f"P{len(known) + 1:02d}"


def asked_roles(settings: SessionSettings) -> dict[str, str]:
    """The roles whose stream is chosen, key -> the query for it."""
    own = {(one.id, part): query for one in settings.participants for part, query in one.queries.items()}
    for_all = {("", part): query for part, query in settings.queries.items()}
    return {role_name(who, part): str(query) for (who, part), query in {**for_all, **own}.items()}


def words_of(key: str) -> str:
    """The name of a role by its key."""
    who, _, part = key.rpartition(":")
    return f"{who} {texts.ROLES[part]}".strip()


def chooser(send: Callable[..., None]) -> Callable[[str, str], None]:
    """What gives a role, by its key, to a stream; an empty stream_id takes it back."""

    def choose(key: str, stream_id: str) -> None:
        who, _, part = key.rpartition(":")
        send("choose", role=part, stream_id=stream_id, **({"participant": who} if who else {}))

    return choose
