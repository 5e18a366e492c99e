"""What live sessions work with, from a command's settings. Apart from what replays need, as it imports far more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rtemo.commands.asked_settings import token
from rtemo.commands.from_arguments import load_model, roles_of
from rtemo.live.output.receivers import Receivers
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.model.decoder import Decoder
from rtemo.model.predictor import Predictor, new_pipeline
from rtemo.model.runtime import Runtime
from rtemo.recorder.client import RemoteSource
from rtemo.recorder.endpoint import Endpoint
from rtemo.recordings.calibrations import load_persons
from rtemo.sources.session_settings import SessionSettings


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
