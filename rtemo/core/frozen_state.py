"""State of running objects as plain values and arrays, and back: bit for bit, without pickle.

Only objects of rtemo's own computing (rtemo.core, rtemo.model), plain values, containers and NumPy arrays are taken;
everything else is named by the caller and left out. Shared references stay shared. Reading makes no other class.
"""

from __future__ import annotations

import importlib
import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

MANY = 16  # so many alike values in a row are kept as columns: a session's memory is thousands of them
ROOMS = ("rtemo.core.", "rtemo.model.")
_CONTAINERS: dict[type, str] = {list: "list", tuple: "tuple", set: "set", frozenset: "frozenset"}
_MADE = {name: kind for kind, name in _CONTAINERS.items()}


@dataclass(slots=True)
class FrozenState:
    """nodes: one a thing, each a JSON value; things refer to each other by number. arrays: copies."""

    nodes: list[Any] = field(default_factory=list)
    arrays: list[NDArray[Any]] = field(default_factory=list)
    roots: dict[str, int] = field(default_factory=dict)


def freeze(
    roots: Mapping[str, object], given: Mapping[str, object], leave: frozenset[str] = frozenset()
) -> FrozenState:
    """The state of some objects. leave: attributes of theirs that are no state.

    given: what is not to be looked into, by name: whoever thaws gives the same again.
    Raises TypeError for an object of a kind that is not known.
    """
    freezer = _Freezer({id(value): name for name, value in given.items()}, leave)
    for name, root in roots.items():
        freezer.state.roots[name] = freezer.number(root)
    return freezer.state


def thaw(
    state: FrozenState, given: Mapping[str, object], into: Mapping[str, object], leave: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """The frozen objects. into: fresh objects that take the state of the roots of their names. leave: as it was frozen.

    Raises ValueError where the state is none of theirs.
    """
    thawer = _Thawer(state, given)
    for name, root in into.items():
        thawer.fill(state.roots[name], root, leave)
    return {name: thawer.thing(number) for name, number in state.roots.items()}


class _Freezer:
    def __init__(self, given: Mapping[int, str], leave: frozenset[str]) -> None:
        self.state = FrozenState()
        self._given, self._leave = given, leave
        self._numbers: dict[int, int] = {}
        self._alive: list[object] = []  # a number is an address: nothing may go while it counts

    def number(self, value: object) -> int:
        found = self._numbers.get(id(value))
        if found is not None:
            return found
        number = len(self.state.nodes)
        self._numbers[id(value)] = number
        self._alive.append(value)
        self.state.nodes.append(None)
        self.state.nodes[number] = self._node(value)
        return number

    def _node(self, value: Any) -> Any:
        if (name := self._given.get(id(value))) is not None:
            return ["given", name]
        if value is None or (isinstance(value, bool | str) and type(value) in (bool, str)):
            return ["value", value]
        if type(value) is int:
            return ["int", str(value)]
        if type(value) is float:
            return ["float", value.hex()]
        if isinstance(value, np.ndarray):
            if value.dtype == object:
                return ["objects", list(value.shape), [self.number(one) for one in value.ravel().tolist()]]
            self.state.arrays.append(np.array(value))  # a copy: the object goes on
            return ["array", len(self.state.arrays) - 1, bool(value.flags.writeable)]
        if isinstance(value, np.generic):
            self.state.arrays.append(np.array(value))
            return ["scalar", len(self.state.arrays) - 1]
        return self._composed(value)

    def _composed(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, Enum):
            return ["enum", _named(kind), value.name]
        if kind in (list, deque) and len(value) >= MANY and (columns := self._columns(list(value))) is not None:
            return ["rows", value.maxlen if kind is deque else -1, columns]
        if kind in _CONTAINERS:
            return [_CONTAINERS[kind], [self.number(one) for one in value]]
        if kind is deque:
            return ["deque", value.maxlen, [self.number(one) for one in value]]
        if kind in (dict, Counter, MappingProxyType):
            pairs = [[self.number(key), self.number(one)] for key, one in value.items()]
            return ["counter" if kind is Counter else "dict", pairs]
        if isinstance(value, Path):
            return ["path", str(value)]
        if isinstance(value, type) and value.__module__.startswith(ROOMS):
            return ["class", _named(value)]
        if not kind.__module__.startswith(ROOMS):
            raise TypeError(f"{kind.__module__}.{kind.__qualname__} is no state")
        if isinstance(value, tuple):
            return ["named", _named(kind), [self.number(one) for one in value]]
        return [
            "object",
            _named(kind),
            {name: self.number(getattr(value, name)) for name in _attributes(value) if name not in self._leave},
        ]

    def _columns(self, values: list[Any]) -> list[Any] | None:
        """Many alike values as one column; None where they are not alike. What was shared among them is so no more."""
        kind = type(values[0])
        if any(type(one) is not kind for one in values):
            return None
        if kind is float:
            self.state.arrays.append(np.array(values))
            return ["floats", len(self.state.arrays) - 1]
        if kind is str:
            return ["texts", values]
        if kind is np.ndarray:
            first = values[0]
            alike = all(one.shape == first.shape and one.dtype == first.dtype for one in values)
            if first.dtype == object or not alike:
                return None
            self.state.arrays.append(np.stack(values))
            return ["arrays", len(self.state.arrays) - 1]
        if not _is_record(kind):
            return ["things", [self.number(one) for one in values]]
        names = [one.name for one in fields(kind)]
        columns = {name: self._columns([getattr(value, name) for value in values]) for name in names}
        if any(column is None for column in columns.values()):
            return None
        return ["objects", _named(kind), len(values), columns]


class _Thawer:
    def __init__(self, state: FrozenState, given: Mapping[str, object]) -> None:
        self._state, self._given = state, given
        self._made: dict[int, Any] = {}

    def fill(self, number: int, root: object, leave: frozenset[str]) -> None:
        tag, kind, *rest = self._state.nodes[number]
        if tag != "object" or kind != _named(type(root)):
            raise ValueError(f"the state is that of {kind!r}, not of {_named(type(root))!r}")
        self._made[number] = root
        for name, value in rest[0].items():
            if name not in leave:
                object.__setattr__(root, name, self.thing(value))

    def thing(self, number: int) -> Any:
        if number in self._made:
            return self._made[number]
        tag, *rest = self._state.nodes[number]
        if tag in ("object", "list", "set", "deque", "dict", "counter"):  # may refer to themselves
            return self._filled(number, tag, rest)
        made = self._whole(tag, rest)
        self._made[number] = made
        return made

    def _column(self, tag: str, *rest: Any) -> list[Any]:
        match tag:
            case "floats":
                return list(self._state.arrays[rest[0]].tolist())
            case "texts":
                return list(rest[0])
            case "arrays":
                return [np.array(one) for one in self._state.arrays[rest[0]]]
            case "things":
                return [self.thing(one) for one in rest[0]]
        kind, n, columns = _class(rest[0]), rest[1], {name: self._column(*one) for name, one in rest[2].items()}
        made = [object.__new__(kind) for _ in range(n)]
        for name, column in columns.items():
            for one, value in zip(made, column, strict=True):
                object.__setattr__(one, name, value)
        return made

    def _filled(self, number: int, tag: str, rest: list[Any]) -> Any:
        made: Any
        if tag == "object":
            kind = _class(rest[0])
            made = self._made[number] = object.__new__(kind)
            for name, value in rest[1].items():
                object.__setattr__(made, name, self.thing(value))
            return made
        if tag in ("dict", "counter"):
            made = self._made[number] = Counter() if tag == "counter" else {}
            for key, value in rest[0]:
                made[self.thing(key)] = self.thing(value)
            return made
        made = self._made[number] = deque(maxlen=rest[0]) if tag == "deque" else _MADE[tag]()
        parts = (self.thing(one) for one in rest[-1])
        if tag == "set":
            made.update(parts)
        else:
            made.extend(parts)
        return made

    def _whole(self, tag: str, rest: list[Any]) -> Any:
        match tag:
            case "given":
                return self._given[rest[0]]
            case "value":
                return rest[0]
            case "int":
                return int(rest[0])
            case "float":
                return math.nan if rest[0] == "nan" else float.fromhex(rest[0])
            case "array":
                array = np.array(self._state.arrays[rest[0]])  # of the same order in memory: sums depend on it
                array.flags.writeable = rest[1]
                return array
            case "scalar":
                return self._state.arrays[rest[0]][()]
            case "objects":
                objects = np.empty(len(rest[1]), dtype=object)
                objects[:] = [self.thing(one) for one in rest[1]]
                return objects.reshape(rest[0])
            case "enum":
                return _class(rest[0])[rest[1]]
            case "tuple" | "frozenset":
                return _MADE[tag](self.thing(one) for one in rest[0])
            case "rows":
                column = self._column(*rest[1])
                return column if rest[0] == -1 else deque(column, maxlen=rest[0])
            case "named":
                return _class(rest[0])._make(self.thing(one) for one in rest[1])
            case "path":
                return Path(rest[0])
            case "class":
                return _class(rest[0])
        raise ValueError(f"a node of the kind {tag!r}")


def _is_record(kind: Any) -> bool:
    """Whether it is one of our frozen dataclasses."""
    params: Any = getattr(kind, "__dataclass_params__", None)
    return params is not None and bool(params.frozen) and str(kind.__module__).startswith(ROOMS)


def _attributes(value: object) -> list[str]:
    """The names of an object's attributes that are set."""
    names = dict.fromkeys(getattr(value, "__dict__", ()))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names |= dict.fromkeys((slots,) if isinstance(slots, str) else slots)
    return [name for name in names if name not in ("__dict__", "__weakref__") and hasattr(value, name)]


def _named(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(name: str) -> Any:
    """A class of one of the ROOMS."""
    module, _, path = name.partition(":")
    if not module.startswith(ROOMS):
        raise ValueError(f"{name} is no state")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found
