"""What people held out for selection chose among fits, as named numbers, so that a fit on everybody can take it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

Choice = Mapping[str, float]  # such as a strength of regularisation, or a number of epochs


def typical(choices: Sequence[Choice]) -> dict[str, float]:
    """What several fits chose, as one: the median of each, the lower one of two.

    A temperature belongs to a strength: it is that of the fits that chose the strength of the same name. Fits that had
    nobody to choose on have a strength and no temperature; where only these have it, that of the others stands for it.
    """
    found: dict[str, float] = {}
    for name in dict.fromkeys(name for choice in choices for name in choice):
        values = [choice[name] for choice in choices if name in choice]
        if name.endswith("temperature") and (strength := name.removesuffix("temperature") + "strength") in found:
            values = [one[name] for one in choices if name in one and one.get(strength) == found[strength]] or values
        found[name] = float(np.quantile(values, 0.5, method="lower"))
    return found


def prefixed(prefix: str, choice: Choice) -> dict[str, float]:
    """The choice of a part, for the choice of the whole."""
    return {f"{prefix} {name}": value for name, value in choice.items()}


def part_of(prefix: str, choice: Choice) -> dict[str, float]:
    """The choice of a part, out of that of the whole."""
    return {name.removeprefix(f"{prefix} "): value for name, value in choice.items() if name.startswith(f"{prefix} ")}
