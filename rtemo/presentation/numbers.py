"""Numbers as short text, the same in the window and in every report.

A duration is cut to what has passed, never rounded up: 59.6 s is 0:59, as on a running clock, and no duration shows 60
seconds.
"""

from __future__ import annotations

import math

MISSING = "–"
MINUS = "\N{MINUS SIGN}"
_SIZE_UNITS = ("B", "kB", "MB", "GB", "TB")


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """A number with thousands separators and its unit, a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:z,.{digits}f}{' ' if unit else ''}{unit}".replace("-", MINUS)


def percent(share: float | None, digits: int = 0) -> str:
    """A share of 1 as percent, a dash where it is not known."""
    return MISSING if share is None else number(100 * share, digits, "%")


def clock(seconds: float) -> str:
    """A duration as m:ss, or h:mm:ss: the whole seconds that have passed."""
    if not math.isfinite(1e6 * seconds):
        return MISSING
    whole = max(0, _passed(seconds, 1))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def age(seconds: float) -> str:
    """A short duration: milliseconds below a second, tenths below a minute, then m:ss."""
    if not math.isfinite(1e6 * seconds):
        return MISSING
    if _passed(seconds, 1) >= 60:
        return clock(seconds)
    return f"{_passed(seconds, 1000)} ms" if _passed(seconds, 1) < 1 else f"{_passed(seconds, 10) / 10:.1f} s"


def seconds(duration: float) -> str:
    """A duration in whole seconds, from a minute on as m:ss."""
    if not math.isfinite(1e6 * duration):
        return MISSING
    return clock(duration) if _passed(duration, 1) >= 60 else f"{max(0, _passed(duration, 1))} s"


def size(n_bytes: float) -> str:
    """A file size in decimal units."""
    power = 0
    while round(n_bytes, 1) >= 1000 and power < len(_SIZE_UNITS) - 1:
        n_bytes, power = n_bytes / 1000, power + 1
    return f"{n_bytes:.{min(power, 1)}f} {_SIZE_UNITS[power]}"


def rates(nominal_hz: float, measured_hz: float) -> str:
    """Nominal and measured sampling rate."""
    if nominal_hz == 0:
        return "irregular"
    return f"{number(nominal_hz)} → {number(measured_hz, 1)} Hz"


def shortened(text: str, most: int) -> str:
    """Text on one line, cut to at most this many characters."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def several(n: int, noun: str) -> str:
    """A count with its noun in singular or plural."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _passed(seconds: float, parts: int) -> int:
    """Whole parts of a second that have passed, reckoned in whole microseconds: a sum of floats may fall just short."""
    return round(1e6 * seconds) * parts // 1_000_000
