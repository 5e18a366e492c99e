"""`rtemo streams`: what is on the network."""

from __future__ import annotations

import argparse

from rtemo.commands.arguments import seconds
from rtemo.commands.console import say, warn
from rtemo.core.types import StreamInfo
from rtemo.live.diagnostics.stream_list import as_json, as_table, list_streams
from rtemo.sources.devices.profile import known_profiles, match


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    p.add_argument("--timeout", type=seconds, default=3.0, metavar="S", help="how long to look (default: 3)")


def run(args: argparse.Namespace) -> int:
    """List the streams with what they deliver and the device profile that fits."""
    profiles = known_profiles()

    def profile_of(info: StreamInfo) -> str:
        found = match(info, profiles)
        return found.profile.id if found else ""

    found = list_streams(args.timeout, profile_of)
    if args.json:
        print(as_json(found))
        return 0
    if found.streams:
        print(as_table(found))
    else:
        say("no stream on the network; is the device's LSL output on? `rtemo doctor` checks this computer")
    for warning in found.warnings:
        warn(f"{warning}")
    return 0
