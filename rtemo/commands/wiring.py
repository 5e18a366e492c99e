"""What several commands need: queries, the model, an event log that is heard, a summary at the end."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rtemo import resources
from rtemo.commands.console import say
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import Modality
from rtemo.live.engine.engine import Engine
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.predictor import Predictor
from rtemo.model.runtime import Runtime
from rtemo.recordings.events import EventKind, EventLog
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.session_settings import SessionSettings, read_settings
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles

DEMO_MODEL = "models/demo"
SAID = (EventKind.NOTE, EventKind.LOSS, EventKind.FAILURE, EventKind.STREAM_DOWN)


def settings_of(args: argparse.Namespace) -> SessionSettings:
    """The settings file, if one is given, with what the command line says instead."""
    settings = read_settings(args.settings) if args.settings is not None else SessionSettings()
    given = {part: getattr(args, part.value, None) for part in Modality}
    queries = {part: StreamQuery.parse(text) for part, text in given.items() if text is not None}
    subject = getattr(args, "subject", None) or settings.subject
    baseline = getattr(args, "baseline", None) or settings.baseline
    return replace(settings, subject=subject, baseline=baseline, queries={**settings.queries, **queries})


def cast_of(settings: SessionSettings) -> StreamRoles:
    """The cast of a session, with every device profile."""
    profiles = load_profiles(resources.devices())
    return StreamRoles(profiles, settings)


def load_model(path: Path | None, hop_s: float | None) -> tuple[Bundle, Predictor]:
    """The bundle and a predictor on it; the demonstration model where no path is given."""
    bundle = load_bundle(path or resources.assets() / DEMO_MODEL)
    settings = bundle.spec.pipeline
    if hop_s is not None:
        settings = settings.with_hop(hop_s)
    return bundle, Predictor(Pipeline(settings), Runtime(bundle), Decoder(bundle))


def told_events(path: Path | None = None) -> EventLog:
    """An event log whose notes, losses and failures are also said on stderr."""
    events = EventLog(path)
    events.listen(lambda event: say(f"{event.kind.value}: {event.text}") if event.kind in SAID else None)
    return events


def tell_summary(engine: Engine, predictor: Predictor) -> None:
    """What the session ran on and what was missing, in a few lines on stderr."""
    used = ", ".join(f"{role.value} from {info.name!r}" for role, info in sorted(engine.roles.items())) or "nothing"
    say(f"{engine.n_predictions} predictions; {used}")
    for reason, n in engine.abstained.most_common():
        bad = f" ({', '.join(engine.latest.bad_channels)})" if engine.latest and engine.latest.bad_channels else ""
        say(f"no emotion is named in {n} of {engine.n_predictions}: {reason}{bad}")
    for role in engine.roles:
        branch = predictor.pipeline.branch(role)
        if branch is None or branch.dejitter.rate is None:
            continue
        line = f"{role.value}: {branch.dejitter.rate.hz:.6g} Hz, {branch.dejitter.n_gaps} gaps"
        if branch.dejitter.n_dropped:
            line += f", {branch.dejitter.n_dropped} samples without a usable time"
        say(line)
    if predictor.pipeline.n_skipped:
        say(f"{predictor.pipeline.n_skipped} holes without any usable signal were skipped")


def why_none(predictor: Predictor) -> str:
    """Why there was no window."""
    found = []
    for role in sorted(predictor.pipeline.modalities):
        branch = predictor.pipeline.branch(role)
        rate = branch.dejitter.rate if branch is not None else None
        found.append(f"{role.value} has too few samples" if rate is None else f"{role.value} at {rate.hz:.4g} Hz")
    return ", ".join(found) or "no usable stream"
