"""Replays a recording by the real command and writes down which samples the pipeline used, and at which times.

`python -m tests.faults.placement OUT.npz replay FILE.xdf …`: a process of its own that runs `rtemo replay …` after it
has put a spy around the one place where raw stamps become times (Dejitter.push and flush). The spy changes nothing.
This is the only place in which the bench knows the program from inside.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_given: list[tuple[int, Any, Any]] = []  # which dejitterer, times, values
_numbers: dict[int, int] = {}
_alive: list[object] = []  # so that no two of them have the same id


def _watched(real: Callable[..., Any]) -> Callable[..., Any]:
    def spy(self: object, *args: Any, **more: Any) -> Any:
        runs = real(self, *args, **more)
        if id(self) not in _numbers:
            _numbers[id(self)] = len(_numbers)
            _alive.append(self)
        number = _numbers[id(self)]
        _given.extend((number, np.array(run.times), np.array(run.values, dtype=np.float64)) for run in runs)
        return runs

    return spy


def main() -> None:
    from rtemo.cli import main as rtemo
    from rtemo.core.timing.dejitter import Dejitter

    for name in ("push", "flush"):
        setattr(Dejitter, name, _watched(getattr(Dejitter, name)))
    code = 1
    try:
        code = rtemo(sys.argv[2:])
    finally:
        found = {}
        for number in sorted({number for number, _, _ in _given}):
            parts = [(times, values) for one, times, values in _given if one == number]
            found[f"times_{number}"] = np.concatenate([times for times, _ in parts])
            found[f"values_{number}"] = np.concatenate([values for _, values in parts])
        np.savez(Path(sys.argv[1]), **found)
    sys.stdout.flush()
    os._exit(int(code or 0))


if __name__ == "__main__":
    main()
