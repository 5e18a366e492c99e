"""How the report writes numbers."""

from __future__ import annotations

from offline.reproduce.findings import Cell
from rtemo.presentation import numbers


def cell_text(cell: Cell | None) -> str:
    """A cell of the tables: the score in the first line, what it rests on below."""
    if cell is None:
        return "–"
    lines = [f"{percent(cell.value)} ± {100 * cell.sd:.1f}", f"{100 * cell.low:.1f} to {100 * cell.high:.1f}"]
    if cell.p is not None:
        lines.append(f"p = {cell.p:.2g}")
    return "\n".join(lines)


def percent(value: float) -> str:
    """One digit after the point, and a space that does not break."""
    return numbers.percent(value, 1).replace(" ", "\u00a0")
