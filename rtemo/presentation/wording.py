"""Numbers as short text. No Qt."""

from __future__ import annotations

import math

MISSING = "–"
MINUS = "\N{MINUS SIGN}"


def number(value: float, digits: int = 0, unit: str = "") -> str:
    """A number with its unit, a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.{digits}f}{' ' if unit else ''}{unit}"


def percent(value: float | None) -> str:
    """A share as whole percent."""
    return MISSING if value is None or not math.isfinite(value) else f"{100 * value:.0f} %".replace("-", MINUS)


def size(n_bytes: int) -> str:
    """A file's size."""
    amount = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def clock(seconds: float) -> str:
    """A duration as m:ss, or h:mm:ss."""
    if not math.isfinite(seconds):
        return MISSING
    whole = max(0, int(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def age(seconds: float) -> str:
    """How old a sample is."""
    if not math.isfinite(seconds):
        return MISSING
    return f"{1e3 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def rates(nominal_hz: float, measured_hz: float) -> str:
    """Nominal rate and what was measured."""
    if nominal_hz == 0:
        return "irregular"
    return f"{number(nominal_hz)} → {number(measured_hz, 1)} Hz"
