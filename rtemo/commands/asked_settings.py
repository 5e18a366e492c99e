"""The session settings that a command line asks for. Loads nothing that computes."""

from __future__ import annotations

import argparse
from dataclasses import replace

from rtemo.core.types import Modality
from rtemo.sources.session_settings import SessionSettings, read_settings
from rtemo.sources.stream_choice import StreamQuery


def settings_of(args: argparse.Namespace, recorded: SessionSettings | None = None) -> SessionSettings:
    """The settings file, if one is given, else what a recording's session had, with what the command line asks for."""
    settings = read_settings(args.settings) if args.settings is not None else recorded or SessionSettings()
    given = {part: getattr(args, part.value, None) for part in Modality}
    queries = {part: StreamQuery.parse(text) for part, text in given.items() if text is not None}
    subject = getattr(args, "subject", None) or settings.subject
    baseline = getattr(args, "baseline", None) or settings.baseline
    return replace(settings, subject=subject, baseline=baseline, queries={**settings.queries, **queries})
