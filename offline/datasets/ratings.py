"""Conditions on ratings, such as `Valence >= 5 and Arousal < 5`, by which a mapping file gives labels."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_TERM = re.compile(r"(?P<column>.*?[^\s<>=!])\s*(?P<operator>>=|<=|==|!=|>|<)\s*(?P<limit>[+-]?\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class RatingCondition:
    """Comparisons of columns with numbers, all of which must hold: (column, operator, number)."""

    terms: tuple[tuple[str, str, float], ...]

    @classmethod
    def parse(cls, text: str) -> RatingCondition:
        """ValueError where the text is no such condition."""
        terms = []
        for part in re.split(r"\s+and\s+", text.strip()):
            match = _TERM.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"{part!r} is no comparison such as Valence >= 5")
            terms.append((match["column"], match["operator"], float(match["limit"])))
        return cls(tuple(terms))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are compared."""
        return tuple(column for column, _, _ in self.terms)

    def holds(self, values: Mapping[str, float]) -> bool:
        """Whether these numbers of the columns fulfil it."""
        return all(_OPERATORS[sign](values[column], limit) for column, sign, limit in self.terms)
