"""From a command's arguments to what a session or a replay works with: the streams' roles, a recording, the model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rtemo import resources
from rtemo.commands.asked_settings import settings_of
from rtemo.commands.console import warn
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.predictor import Predictor, new_pipeline
from rtemo.model.runtime import Runtime
from rtemo.recordings.open_recording import OpenRecording, SeveralParticipants
from rtemo.sources.devices.profile import known_profiles
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

DEMO_MODEL = "models/demo"


def roles_of(settings: SessionSettings) -> StreamRoles:
    """The roles of a session's streams, with every device profile."""
    return StreamRoles(known_profiles(), settings)


def open_recording(
    args: argparse.Namespace, path: Path, part: tuple[float | None, float | None] = (None, None)
) -> OpenRecording:
    """A recording with the settings that the command line asks for. part: seconds from its first sample.

    What is odd about it is printed.
    """
    (recording,) = _opened(args, path, part, ("",))
    return recording


def open_recordings(
    args: argparse.Namespace, path: Path, part: tuple[float | None, float | None] = (None, None)
) -> list[OpenRecording]:
    """The same for each of its participants; one where they are not told apart."""
    try:
        return _opened(args, path, part, ("",))
    except SeveralParticipants as several:
        return _opened(args, path, part, several.participants)


def _opened(
    args: argparse.Namespace, path: Path, part: tuple[float | None, float | None], participants: Sequence[str]
) -> list[OpenRecording]:
    profiles = known_profiles()
    found = [
        OpenRecording(path, profiles, lambda recorded: settings_of(args, recorded), part=part, participant=participant)
        for participant in participants
    ]
    for notice in dict.fromkeys(notice for recording in found for notice in recording.notices):
        warn(notice)
    return found


def load_model(path: Path | None, hop_s: float | None) -> tuple[Bundle, Predictor]:
    """The bundle and a predictor on it; the demonstration model where no path is given."""
    bundle = load_bundle(path or resources.assets() / DEMO_MODEL)
    return bundle, Predictor(new_pipeline(bundle.spec, hop_s), Runtime(bundle), Decoder(bundle))
