"""The table of results in README.md, between two markers."""

from __future__ import annotations

import math
from pathlib import Path

from .judge import Result

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
HEAD = ("fault", "how", "sent", "recorded", "used", "misplaced", "said", "after", "stale", "live = replay", "verdict")


def table(results: list[Result]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for one in results:
        cells = (
            one.name,
            one.mode,
            str(one.sent),
            str(one.recorded),
            str(one.used),
            _ms(one.misplaced_ms),
            _cell(one.said),
            "" if one.said_s is None or math.isnan(one.said_s) else f"{one.said_s:.1f} s",
            str(one.stale + one.shown_wrong),
            {None: "–", True: "yes", False: "no"}[one.same],
            "right" if one.right else _cell("; ".join(one.wrong), 120),
        )
        lines.append("| " + " | ".join(cells) + " |")
    n = sum(one.right for one in results)
    return "\n".join([f"{len(results)} faults, {n} right.", "", *lines])


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g} ms"


def _cell(text: str, most: int = 70) -> str:
    text = " ".join(text.split()).replace("|", "/").replace("<", "&lt;")
    return text if len(text) <= most else text[: most - 1] + "…"


def write_table(results: list[Result]) -> None:
    """Replace the table in README.md."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(f"{before}{BEGIN}\n{table(results)}\n{END}{after}", encoding="utf-8")
