"""`rtemo doctor`: what is wrong with this computer, and what to do."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rtemo import resources
from rtemo.commands.wiring import DEMO_MODEL
from rtemo.core.errors import RtemoError
from rtemo.live.doctor import Lsl, Setup, as_json, as_text, examine, worst
from rtemo.live.finding import State


def run(args: argparse.Namespace) -> int:
    """Look at everything; exit 2 where something has failed."""
    findings = examine(Setup(_lsl, resources.assets() / DEMO_MODEL, Path.home()))
    print(as_json(findings) if args.json else as_text(findings))
    sys.stdout.flush()
    return 2 if worst(findings) is State.FAIL else 0


def _lsl() -> Lsl:
    return _Lsl()


class _Lsl:
    """liblsl, asked by the doctor. Making one raises RtemoError where liblsl cannot be loaded."""

    def __init__(self) -> None:
        from rtemo.sources import lsl, lsl_config, lsl_selftest

        self._clock, self._version, self._self_test = lsl.local_clock, lsl_config.lsl_version, lsl_selftest.self_test

    def lsl_version(self) -> str:
        found = self._version()
        return f"liblsl {found.liblsl}, pylsl {found.pylsl}"

    def lsl_clock(self) -> float:
        return self._clock()

    def self_test(self, timeout_s: float) -> float:
        result = self._self_test(timeout_s)
        if not result.works:
            raise RtemoError("an outlet of this computer cannot be received", "", result.advice)
        return sum(part for part in (result.found_s, result.opened_s, result.sample_s) if part is not None)
