"""`rtemo doctor`: what is wrong with this computer, and what to do."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rtemo import resources
from rtemo.commands.from_arguments import DEMO_MODEL
from rtemo.live.diagnostics.doctor import DoctorSetup, Lsl, as_json, as_text, examine, worst
from rtemo.live.diagnostics.finding import FindingState
from rtemo.sources.session_settings import read_settings


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("--json", action="store_true", help="one JSON document instead of text")
    p.add_argument(
        "--settings", type=Path, metavar="FILE.toml", help="session settings: what devices' stamps are late by"
    )


def run(args: argparse.Namespace) -> int:
    """Look at everything; exit 2 where something has failed."""
    latencies = read_settings(args.settings).latencies if args.settings is not None else {}
    device_ms = {modality.value: latency.ms for modality, latency in latencies.items()}
    findings = examine(DoctorSetup(_lsl, resources.assets() / DEMO_MODEL, Path.home(), device_ms))
    print(as_json(findings) if args.json else as_text(findings))
    sys.stdout.flush()
    return 2 if worst(findings) is FindingState.FAIL else 0


def _lsl() -> Lsl:
    """LSL, imported late: a liblsl that cannot be loaded is something to report."""
    from rtemo.sources.lsl import source as lsl

    return lsl
