"""From a command's arguments to what a session or a replay works with: roles, model, live source."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from rtemo import resources
from rtemo.commands.asked_settings import settings_of, token
from rtemo.commands.console import warn
from rtemo.live.output.receivers import Receivers
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.predictor import Predictor, new_pipeline
from rtemo.model.runtime import Runtime
from rtemo.recorder.client import RemoteSource
from rtemo.recorder.endpoint import Endpoint
from rtemo.recordings.calibrations import load_persons
from rtemo.recordings.open_recording import OpenRecording, SeveralParticipants
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

DEMO_MODEL = "models/demo"


def roles_of(settings: SessionSettings) -> StreamRoles:
    """The roles of a session's streams, with every device profile."""
    return StreamRoles(load_profiles(resources.devices()), settings)


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
    profiles = load_profiles(resources.devices())
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


def live_setup(
    settings: SessionSettings,
    model: Path | None,
    hop_s: float | None,
    persons: Sequence[Path],
    recorder: Endpoint,
    *,
    publish: bool = True,
    report: Callable[[Path], Sequence[str]] | None = None,
    root: Path | None = None,
    engine: Endpoint | None = None,
) -> EngineSetup:
    """What live sessions work with. Loads liblsl. recorder: where the recorder's process can be reached.
    root: of sessions that remote control starts. engine: where this one can be.

    Raises RtemoError where model or calibrations cannot be used.
    """
    from rtemo.sources.lsl.liblsl import local_clock  # after `configure`

    bundle, first = load_model(model, hop_s)
    runtime, pipeline = Runtime(bundle), first.pipeline.settings
    return EngineSetup(
        roles=roles_of(settings),
        open_source=lambda roles, ambiguous: RemoteSource(recorder, roles, ambiguous),
        new_predictor=lambda: Predictor(new_pipeline(bundle.spec, hop_s), runtime, Decoder(bundle)),
        bundle=bundle,
        hop_s=pipeline.window.hop_s,
        clock=local_clock,
        publish=publish,
        report=report,
        persons=load_persons(persons, bundle),
        receivers=Receivers(token()),
        root=root or Path.home() / "rtemo",
        token=token(),
        engine=engine,
    )
