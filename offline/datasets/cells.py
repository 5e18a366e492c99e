"""Cells of tables and values of side-cars: numbers, what was left open, and decimal commas."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

NOT_GIVEN = ("", "n/a", "na", "nan", "none", "null")  # however a cell or a value was left open; case does not count
_COMMA = re.compile(r"[+-]?\d+,\d+")


def number(text: object) -> float | None:
    """A cell or a JSON value as a finite number; None for n/a and everything else that is none."""
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    try:
        value = float(text)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def cell(cells: Mapping[str, str], column: str) -> str | None:
    """The cell of a column, whatever the case of its name; None where there is no such column."""
    if column in cells:
        return cells[column]
    return next((text for name, text in cells.items() if name.casefold() == column.casefold()), None)


def given(text: object) -> bool:
    """Whether a cell or a JSON value says anything."""
    return text is not None and str(text).strip().casefold() not in NOT_GIVEN


def with_decimal_commas(cells: Sequence[str]) -> bool:
    """Whether numbers like 20,5 in a column can only be meant as 20.5.

    Not where points are there too, nor where each comma has three digits behind it: 20,500 may be twenty thousand.
    """
    commas = [cell for cell in cells if "," in cell]
    clear = all(_COMMA.fullmatch(cell) for cell in commas) and not any("." in cell for cell in cells)
    return bool(commas) and clear and not all(len(cell.partition(",")[2]) == 3 for cell in commas)
