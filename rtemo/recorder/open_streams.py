"""Opens the LSL streams that a session's settings ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality, StreamInfo
from rtemo.recorder.recording_source import ListenedSource
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.lsl.stream_requests import StreamRequest
from rtemo.sources.session_settings import parse_settings
from rtemo.sources.stream_choice import is_own
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.recording_log import is_log


def open_streams(
    settings: str, profiles: Sequence[DeviceProfile], ambiguous: dict[Modality, str] | None
) -> tuple[ListenedSource, StreamRoles]:
    """A source that has not started, and the roles that it gives out. settings: as TOML.

    ambiguous: takes why several streams that fit leave a role empty; None: that is an error.
    """
    from rtemo.sources.lsl.source import LOOK_S, EveryStream, LslSource, OneStream  # after `configure`

    roles = StreamRoles(profiles, parse_settings(settings))
    wants: list[StreamRequest] = [
        OneStream(part.value, _chooser(roles, part, ambiguous)) for part in (Modality.EEG, Modality.GAZE)
    ]
    wants = [*wants, EveryStream("markers", roles.take_marker)]
    if roles.settings.record_all:
        wants.append(EveryStream("further", lambda info: not is_own(info) and not is_log(info)))
    look_s = LOOK_S if ambiguous is None else 0.0  # a command waits for streams, a window shows what comes
    return LslSource(wants, look_s), roles


def _chooser(
    roles: StreamRoles, part: Modality, ambiguous: dict[Modality, str] | None
) -> Callable[[Sequence[StreamInfo]], StreamInfo | None]:
    """Chooses, or notes why not: in the window several streams that fit are a question, no error."""

    def choose(infos: Sequence[StreamInfo]) -> StreamInfo | None:
        try:
            chosen = roles.choose_for(part, infos)
        except RtemoError as error:
            if ambiguous is None:
                raise
            ambiguous[part] = str(error)
            return None
        if ambiguous is not None:
            ambiguous.pop(part, None)
        return chosen

    return choose
