"""The report's other drawings: the head with its electrodes, and bars of probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from rtemo.presentation.html import Html, tag
from rtemo.presentation.numbers import clock, percent
from rtemo.presentation.palette import FAULTS, OTHER_FAULT, emotion_colours
from rtemo.report.session_record import FloatTable, SignalQuality
from rtemo.report.svg import path, picture, text, tip

RADIUS = 100.0
SEEN = 0.02  # a channel that is bad for less of the time counts as good


def head(quality: SignalQuality) -> Html:
    """Electrodes seen from above, nose up; those that were bad carry their usual reason's letter."""
    edge = 1.22 * RADIUS
    nose = [(-0.12 * RADIUS, -0.985 * RADIUS), (0.0, -1.13 * RADIUS), (0.12 * RADIUS, -0.985 * RADIUS)]
    drawn = [
        tag("path", d=path(nose, closed=False), class_="skull"),
        tag("circle", cx=0, cy=0, r=RADIUS, class_="skull"),
    ]
    drawn += [tag("ellipse", cx=side * RADIUS * 1.03, cy=0, rx=5, ry=20, class_="skull") for side in (-1, 1)]
    shares = quality.bad_share
    dot = max(3.0, min(9.0, 0.62 * RADIUS / math.sqrt(max(len(quality.labels), 1))))
    for k, label in enumerate(quality.labels):
        drawn.append(_electrode(quality, k, label, float(shares[k]), dot))
    return picture(2 * edge, 2 * edge, tag("g", *drawn, transform=f"translate({edge} {edge})"), label="Electrodes")


def legend(quality: SignalQuality) -> dict[str, str]:
    """The reasons that occur, each with its colour."""
    met = np.unique(quality.faults)
    return {quality.reasons[k]: FAULTS.get(quality.reasons[k], OTHER_FAULT)[0] for k in met.tolist() if k}


def bars(labels: tuple[str, ...], mean: FloatTable) -> Html:
    """One stacked bar of mean probabilities; empty where there are none."""
    if not np.isfinite(mean).all():
        return Html()
    drawn, x = [], 0.0
    total = float(mean.sum()) or 1.0
    for (label, ink), p in zip(emotion_colours(labels).items(), mean.tolist(), strict=True):
        width = 300 * p / total
        drawn.append(tag("rect", tip(f"{label}: {percent(p)}"), x=x, y=0, width=width, height=18, fill=ink))
        x += width
    named = ", ".join(f"{label} {percent(p)}" for label, p in zip(labels, mean.tolist(), strict=True))
    return picture(300, 18, *drawn, label=named)


def shares(found: Mapping[str, tuple[float, float]], inks: Mapping[str, str]) -> Html:
    """A bar for each share of the time: seconds and share by name. inks: by name; the others are grey."""
    drawn = []
    for row, (name, (lasted, share)) in enumerate(found.items()):
        y = 26 * row
        drawn.append(text(0, y + 16, name, class_="label"))
        drawn.append(tag("rect", x=150, y=y + 3, width=700, height=16, class_="ground"))
        colour = {"fill": inks[name]} if name in inks else {"class_": "unnamed"}
        drawn.append(tag("rect", x=150, y=y + 3, width=700 * share, height=16, **colour))
        drawn.append(text(862, y + 16, f"{percent(share)}  ({clock(lasted)})", class_="tick"))
    said = ", ".join(f"{name} {percent(share)}" for name, (_, share) in found.items())
    return picture(1060, 26 * len(found), *drawn, label=f"Share of time: {said}")


def counted(counts: Mapping[str, int], total: int) -> Html:
    """Horizontal bars of how often something was so."""
    drawn = []
    for row, (name, n) in enumerate(counts.items()):
        y = 24 * row
        drawn.append(text(0, y + 15, name, class_="label"))
        drawn.append(tag("rect", x=300, y=y + 3, width=560, height=14, class_="ground"))
        drawn.append(tag("rect", x=300, y=y + 3, width=560 * n / max(total, 1), height=14, class_="covered"))
        drawn.append(text(870, y + 15, f"{n:,}  ({percent(n / max(total, 1))})", class_="tick"))
    return picture(1060, 24 * len(counts), *drawn, label="How often, by reason")


def _electrode(quality: SignalQuality, k: int, label: str, bad: float, dot: float) -> Html:
    x, y = _flat(quality.positions[k].tolist())
    reason = quality.usual_fault(k) if bad >= SEEN else ""
    said = tip(f"{label}: {f'{reason}, bad for {percent(bad)} of the time' if reason else 'good'}")
    if not reason:
        return tag("g", said, tag("circle", cx=x, cy=y, r=0.72 * dot, class_="good"))
    ink, letter = FAULTS.get(reason, OTHER_FAULT)
    size = max(dot, 7.0)
    ring = tag("circle", cx=x, cy=y, r=size, fill=ink)
    sign = text(
        x, y + 0.36 * size, letter, text_anchor="middle", style=f"font-size:{1.1 * size:.1f}px", class_=_on(ink)
    )
    return tag("g", said, ring, sign)


def _flat(position: list[float]) -> tuple[float, float]:
    """Azimuthal equidistant, as the window's head map."""
    reach = math.acos(max(-1.0, min(1.0, position[2]))) / (math.pi / 2)
    across = math.hypot(position[0], position[1]) or 1.0
    far = max(1.0, reach / 1.16)
    return RADIUS * reach * position[0] / across / far, -RADIUS * reach * position[1] / across / far


def _on(ink: str) -> str:
    """Black or white, whichever can be read on a colour."""
    red, green, blue = (int(ink[k : k + 2], 16) for k in (1, 3, 5))
    return "onlight" if 0.299 * red + 0.587 * green + 0.114 * blue > 127 else "ondark"
