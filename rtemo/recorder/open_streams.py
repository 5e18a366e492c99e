"""Opens the LSL streams that a session's settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality, StreamInfo
from rtemo.recorder.recording_source import ListenedSource
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.participant_roles import ParticipantRoles, role_name
from rtemo.sources.participants import OWN_ROLES
from rtemo.sources.session_settings import parse_settings


def open_streams(
    settings: str, profiles: Sequence[DeviceProfile], ambiguous: dict[str, str] | None
) -> tuple[ListenedSource, ParticipantRoles]:
    """A source that has not started, and the roles that it gives out. settings: as TOML.

    ambiguous: takes why several streams that fit leave a role empty, by its name; None: that is an error.
    """
    from rtemo.sources.lsl.source import LOOK_S, EveryStream, LslSource, OneStream  # after `configure`

    roles = ParticipantRoles(profiles, parse_settings(settings))
    wants = [
        OneStream(role_name(participant, part), _chooser(roles, participant, part, ambiguous))
        for participant, own in roles.each.items()
        for part in OWN_ROLES
        if part in own.queries or (not participant and own.may_have(part))
    ]
    look_s = LOOK_S if ambiguous is None else 0.0  # a command waits for streams, a window shows what comes
    others = [EveryStream("markers", roles.take_marker), EveryStream("others", roles.is_recorded_too)]
    return LslSource([*wants, *others], look_s), roles


def _chooser(
    roles: ParticipantRoles, participant: str, part: Modality, ambiguous: dict[str, str] | None
) -> Callable[[Sequence[StreamInfo]], StreamInfo | None]:
    """Chooses, or notes why not: in the window several streams that fit are a question, no error."""

    def choose(infos: Sequence[StreamInfo]) -> StreamInfo | None:
        try:
            chosen = roles.choose_for(participant, part, infos)
        except RtemoError as error:
            if ambiguous is None:
                raise
            ambiguous[role_name(participant, part)] = str(error)
            return None
        if ambiguous is not None:
            ambiguous.pop(role_name(participant, part), None)
        return chosen

    return choose
