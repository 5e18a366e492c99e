"""Numbers, durations, sizes and texts as window and reports write them. No Qt."""

from __future__ import annotations

import math

MISSING = "–"
MINUS = "\N{MINUS SIGN}"
_EXACT_S = 1e-6  # what subtracting two LSL times may lose
GROUPED_FROM = 10_000  # smaller numbers are read at a glance


def clock(seconds: float) -> str:
    """A duration as m:ss, or h:mm:ss: the whole seconds that have passed, as on every player's clock."""
    if not math.isfinite(seconds):
        return MISSING
    whole = max(0, math.floor(seconds + _EXACT_S))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def age(seconds: float) -> str:
    """How old a sample is."""
    if not math.isfinite(seconds):
        return MISSING
    if seconds < 1:
        return f"{1e3 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else clock(seconds)


def percent(value: float | None, digits: int = 0) -> str:
    """A share as percent."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{100 * value:.{digits}f} %".replace("-", MINUS)


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number with its unit, a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return MISSING
    group = "," if abs(value) >= GROUPED_FROM else ""
    return f"{value:{group}.{digits}f}{' ' if unit else ''}{unit}"


def rates(nominal_hz: float, measured_hz: float) -> str:
    """Nominal rate and what was measured."""
    if nominal_hz == 0:
        return "irregular"
    return f"{number(nominal_hz)} → {number(measured_hz, 1)} Hz"


def size(n_bytes: float) -> str:
    """A file's size, in powers of 1000."""
    amount, units = float(n_bytes), ["kB", "MB", "GB", "TB"]
    if amount < 999.5:
        return f"{amount:.0f} B"
    for unit in units:
        amount /= 1000
        if amount < 999.95 or unit == units[-1]:
            return f"{amount:.1f} {unit}"
    raise AssertionError("the last unit takes every size")


def shortened(words: str, most: int) -> str:
    """At most so many letters."""
    plain = " ".join(words.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def several(n: int, what: str) -> str:
    """A count with its noun."""
    return f"{number(n)} {what}" if n == 1 else f"{number(n)} {what}s"
