"""How the clock of one file becomes that of another: by triggers that both have, or by the time of day.

The shift is looked for that brings most of the triggers together, then offset and drift are fitted to the pairs. What
is left between the pairs is the residual, which is stated. Nothing is guessed: two files that have neither in common
are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError

Doubles = NDArray[np.float64]
Mark = tuple[float, str]  # seconds on the file's own clock, text
_NEAR_S = 0.25  # two stamps of one trigger differ by less, once the clocks are aligned
_FEWEST = 3  # pairs that an alignment may rest on
_SHARE = 0.5  # of the triggers of the file with fewer
_LARGEST_RESIDUAL_S = 0.05
_DRIFT_SPAN_S = 60.0  # shorter ones do not show a drift
_MOST_DRIFT = 1e-3
_MOST_TRIED = 2000


@dataclass(frozen=True, slots=True)
class ClockJoin:
    """reference = own * (1 + drift) + offset_s, by `pairs` triggers; residual_s: the largest that is left of one.

    by: "triggers" or "time of day"; the residual of the second is not known, and is 0 here.
    """

    offset_s: float
    drift: float = 0.0
    by: str = "triggers"
    pairs: int = 0
    residual_s: float = 0.0

    def of(self, own_s: Doubles | float) -> Doubles:
        """Times of the reference's clock."""
        return np.asarray(own_s) * (1.0 + self.drift) + self.offset_s

    def __str__(self) -> str:
        if self.by != "triggers":
            return "joined by the time of day that both state: to the accuracy of the two clocks, which is not known"
        drift = f", drift {1e6 * self.drift:+.1f} ppm" if self.drift else ""
        return f"joined by {self.pairs} shared triggers, largest residual {1e3 * self.residual_s:.1f} ms{drift}"


def join(reference: Sequence[Mark], own: Sequence[Mark], where: str, *, unix: bool) -> ClockJoin:
    """How `own` fits `reference`. unix: whether both clocks count from the same day. RtemoError where nothing fits."""
    found = _by_triggers(_sorted(reference), _sorted(own))
    if found is not None and found.residual_s <= _LARGEST_RESIDUAL_S:
        return found
    if unix:
        return ClockJoin(0.0, by="time of day")
    shared = sorted({text for _, text in reference} & {text for _, text in own})
    why = f"triggers in both: {', '.join(shared[:5]) or 'none'}"
    if found is not None:
        why += f"; {found.pairs} of them fit, but by {1e3 * found.residual_s:.0f} ms only"
    todo = "send the same triggers to both, or name the texts that are one trigger with --same TEXT=TEXT"
    raise RtemoError(f"the clock of {where} cannot be told", why, todo)


def _sorted(marks: Sequence[Mark]) -> list[Mark]:
    return sorted((mark for mark in marks if np.isfinite(mark[0])), key=lambda mark: mark[0])


def _by_triggers(reference: Sequence[Mark], own: Sequence[Mark]) -> ClockJoin | None:
    texts = {text for _, text in reference} & {text for _, text in own}
    ours = [mark for mark in reference if mark[1] in texts]
    theirs = [mark for mark in own if mark[1] in texts]
    least = min(len(ours), len(theirs))
    if least < _FEWEST:
        return None
    best: list[tuple[float, float]] = []
    for shift in _shifts(ours, theirs):
        pairs = _pairs(ours, theirs, shift, 0.0)
        if len(pairs) > len(best):
            best = pairs
    if len(best) < max(_FEWEST, _SHARE * least):
        return None
    for _ in range(3):  # pairs, then the line through them, then the pairs by that line
        offset_s, drift = _line(best)
        best = _pairs(ours, theirs, offset_s, drift)
        if len(best) < _FEWEST:
            return None
    offset_s, drift = _line(best)
    left = [abs(there - (here * (1.0 + drift) + offset_s)) for here, there in best]
    return ClockJoin(offset_s, drift, "triggers", len(best), max(left))


def _shifts(ours: Sequence[Mark], theirs: Sequence[Mark]) -> list[float]:
    """What may lie between the clocks: the differences of triggers of one text, the likeliest first."""
    times: dict[str, list[float]] = {}
    for time_s, text in ours:
        times.setdefault(text, []).append(time_s)
    rare = sorted(theirs, key=lambda mark: len(times[mark[1]]))
    found = [there - time_s for time_s, text in rare[:50] for there in times[text]]
    return list(dict.fromkeys(round(shift, 3) for shift in found))[:_MOST_TRIED]


def _pairs(ours: Sequence[Mark], theirs: Sequence[Mark], offset_s: float, drift: float) -> list[tuple[float, float]]:
    """(own, reference) times of triggers of one text that come together; each is used once."""
    pairs = []
    for text in dict.fromkeys(text for _, text in theirs):
        there = np.array([time_s for time_s, other in ours if other == text])
        here = np.array([time_s for time_s, other in theirs if other == text])
        free = np.ones(len(there), bool)
        for own_s in here.tolist():
            apart = np.where(free, np.abs(there - (own_s * (1.0 + drift) + offset_s)), np.inf)
            k = int(apart.argmin())
            if apart[k] <= _NEAR_S:
                free[k] = False
                pairs.append((own_s, float(there[k])))
    return sorted(pairs)


def _line(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Offset and drift; no drift where the pairs span too little to show one."""
    here, there = (np.array(column) for column in zip(*pairs, strict=True))
    middle = float(here.mean())
    if here[-1] - here[0] < _DRIFT_SPAN_S:
        return float(np.median(there - here)), 0.0
    slope, at_middle = np.polyfit(here - middle, there - here, 1).tolist()
    drift = slope if abs(slope) <= _MOST_DRIFT else 0.0
    offset_s = at_middle if drift else float(np.median(there - here))
    return offset_s - drift * middle, drift
