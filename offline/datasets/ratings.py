"""Conditions on ratings, by which a mapping file gives labels: `Valence >= 5 and Arousal is high`.

`is low`, `is middle` and `is high` are thirds of the person's own ratings in the session: scales are used differently.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_THIRDS = ("low", "middle", "high")
_TERM = re.compile(r"(?P<column>[^<>=!]*[^\s<>=!])\s*(?P<operator>>=|<=|==|!=|>|<)\s*(?P<limit>[+-]?\d+(?:\.\d+)?)")
_OWN = re.compile(rf"(?P<column>.*?\S)\s+is\s+(?P<third>{'|'.join(_THIRDS)})")
_FEWEST = 3  # different ratings of a person that can be told into thirds

Thirds = Mapping[str, tuple[float, float]]  # column -> the bounds of a person's middle third, both of them in it
_NONE: Thirds = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RatingCondition:
    """Comparisons of columns, all of which must hold. terms: with numbers; thirds: with the person's own ratings."""

    terms: tuple[tuple[str, str, float], ...]
    thirds: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> RatingCondition:
        """ValueError where the text is no such condition."""
        terms, thirds = [], []
        for part in map(str.strip, re.split(r"\s+and\s+", text.strip())):
            if match := _OWN.fullmatch(part):
                thirds.append((match["column"], match["third"]))
            elif match := _TERM.fullmatch(part):
                terms.append((match["column"], match["operator"], float(match["limit"])))
            else:
                raise ValueError(f"{part!r} is no comparison such as Valence >= 5 or Valence is high")
        return cls(tuple(terms), tuple(thirds))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are compared."""
        return (*(column for column, *_ in self.terms), *(column for column, _ in self.thirds))

    def holds(self, values: Mapping[str, float], thirds: Thirds = _NONE) -> bool:
        """Whether these numbers of the columns fulfil it. thirds: of every column in `self.thirds`."""
        if not all(_OPERATORS[sign](values[column], limit) for column, sign, limit in self.terms):
            return False
        return all(_third(values[column], thirds[column]) == third for column, third in self.thirds)


def _third(value: float, bounds: tuple[float, float]) -> str:
    return _THIRDS[int(value >= bounds[0]) + int(value > bounds[1])]


def thirds_of(ratings: Mapping[str, Iterable[float]]) -> Thirds:
    """The bounds of the middle third of each column's ratings; columns with too few different ones have none."""
    found = {}
    for column, own in ratings.items():
        values = np.array(sorted(own))
        if len(np.unique(values)) >= _FEWEST:
            low, high = np.quantile(values, (1.0 / 3.0, 2.0 / 3.0)).tolist()
            found[column] = (low, high)
    return found
