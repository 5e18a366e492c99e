"""Numbers and texts as the report writes them."""

from __future__ import annotations

import math

MISSING = "–"


def clock(seconds: float) -> str:
    """A duration as m:ss, or h:mm:ss."""
    if not math.isfinite(seconds):
        return MISSING
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def share(value: float) -> str:
    """A share as whole percent."""
    return f"{100 * value:.0f} %" if math.isfinite(value) else MISSING


def number(value: float, digits: int = 0, unit: str = "") -> str:
    """A number with its unit."""
    return f"{value:,.{digits}f}{' ' if unit else ''}{unit}" if math.isfinite(value) else MISSING


def size(n_bytes: float) -> str:
    """A file's size."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def shortened(words: str, most: int) -> str:
    """At most so many letters."""
    plain = " ".join(words.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def several(n: int, what: str) -> str:
    """A count with its noun."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
