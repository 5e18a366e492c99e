"""The session settings that a command line asks for. Loads nothing that computes."""

from __future__ import annotations

import argparse
import os
import secrets
from dataclasses import replace

from rtemo.core.types import Modality
from rtemo.sources.output_settings import NetworkAddress, OutputSettings
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, read_settings, with_participants
from rtemo.sources.stream_choice import StreamQuery

TOKEN = "RTEMO_TOKEN"  # the variable of the environment with the token that others on the network need


def token() -> str:
    """What others on the network need to connect: RTEMO_TOKEN, or one that is made up for this program."""
    return os.environ.setdefault(TOKEN, secrets.token_urlsafe(12))


def settings_of(args: argparse.Namespace, recorded: SessionSettings | None = None) -> SessionSettings:
    """The settings file, if one is given, else what a recording's session had, with what the command line asks for."""
    settings = read_settings(args.settings) if args.settings is not None else recorded or SessionSettings()
    given = {part: getattr(args, part.value, None) for part in Modality}
    queries = {part: StreamQuery.parse(text) for part, text in given.items() if text is not None}
    outputs = _outputs_of(args, settings.outputs)
    subject = getattr(args, "subject", None) or settings.subject
    baseline = getattr(args, "baseline", None) or settings.baseline
    asked = replace(
        settings,
        subject=subject,
        baseline=baseline,
        queries={**settings.queries, **queries},
        outputs=outputs,
        record_all=getattr(args, "record_all", False) or settings.record_all,
    )
    return with_participants(asked, [parse_participant(text) for text in getattr(args, "participant", ())])


def _outputs_of(args: argparse.Namespace, settings: OutputSettings) -> OutputSettings:
    """The receivers that the command line asks for, beside those of the settings."""
    texts = {name: getattr(args, name, None) for name in ("osc", "websocket", "remote")}
    given = {name: NetworkAddress.parse(text) for name, text in texts.items() if text is not None}
    allowed = getattr(args, "allow_network", False) or settings.allow_network
    name = getattr(args, "outlet_name", None) or settings.outlet_name
    script = str(asked) if (asked := getattr(args, "script", None)) is not None else settings.script
    screen = getattr(args, "screen", False) or settings.screen
    outputs = replace(settings, **given, script=script, screen=screen, outlet_name=name, allow_network=allowed)
    outputs.check()
    return outputs
