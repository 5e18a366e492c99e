"""What speaks against beginning a session now, though nothing forbids it: disk, clocks, latency, power, model."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import psutil

from rtemo.gui import texts
from rtemo.gui.window_state import WindowState
from rtemo.presentation.numbers import clock
from rtemo.sources.recording_places import free_bytes

PLANNED_S = 3600.0  # where no protocol says how long it takes
SPARE = 1.2  # XDF's headers, predictions and events
SAMPLE_BYTES, STAMP_BYTES = 4.0, 9.0
UNCERTAIN_MS = 5.0
SLOW_MS = 500.0
LOOK_S = 10.0  # how often disk and power are looked at


def concerns(state: WindowState) -> Iterator[str]:
    """One line each."""
    if state.bundle is not None and not state.bundle.calibrated:
        yield texts.CONCERN_MODEL
    streams = [stream for stream in state.streams_in_use if math.isfinite(stream.nominal_hz)]
    vague = [s for s in streams if abs(s.clock_uncertainty_ms) > UNCERTAIN_MS]
    if vague:
        yield texts.CONCERN_CLOCK.format(name=vague[0].name, ms=f"{vague[0].clock_uncertainty_ms:.0f}")
    if state.snapshot.health.latency_p99_ms > SLOW_MS:
        yield texts.CONCERN_LATENCY.format(ms=f"{state.snapshot.health.latency_p99_ms:.0f}")
    now = int(state.now_s // LOOK_S) if math.isfinite(state.now_s) else 0
    bytes_per_s = SPARE * sum(s.nominal_hz * (SAMPLE_BYTES * s.n_channels + STAMP_BYTES) for s in streams)
    planned_s = sum(block.length_s for block in state.settings.protocol) or PLANNED_S
    free = _free(state.root, now)
    if free is not None and free < bytes_per_s * planned_s:
        yield texts.CONCERN_DISK.format(left=clock(free / bytes_per_s), planned=clock(planned_s))
    if _on_battery(now):
        yield texts.CONCERN_POWER


@lru_cache(maxsize=2)
def _free(root: str, _now: int) -> int | None:
    """The room on the disk of a folder that may not be there yet; None where it is not known."""
    folder = next((path for path in (Path(root), *Path(root).parents) if path.is_dir()), None) if root else None
    return None if folder is None else free_bytes(folder / "recording.xdf")


@lru_cache(maxsize=2)
def _on_battery(_now: int) -> bool:
    """Whether the computer runs on its battery, and may save power or end."""
    with contextlib.suppress(OSError, RuntimeError, AttributeError, NotImplementedError):
        battery = psutil.sensors_battery()
        return battery is not None and not battery.power_plugged
    return False
