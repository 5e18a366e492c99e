"""Strict readers of JSON and TOML: from text to typed records, or one clear error.

A Reader reads text into plain values and plain values into frozen dataclasses, by the types of their fields: texts,
numbers, truth values, enumerations, Literal, tuples, mappings, other records, X | None and Any. What a type alone
cannot express is in an Annotated type: Made or Short first, then Checks. A record's __post_init__ may raise Misfit.

Whatever is wrong with a document becomes an RtemoError with the key: unknown, missing and repeated keys, wrong types,
a truth value for a number, numbers that are too large or not finite, text that nothing could write, deep nesting.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import reprlib
import tomllib
import types
import typing
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeVar

from rtemo.core.errors import RtemoError

MAX_BYTES = 256 << 20
MAX_TOML_BYTES = 4 << 20
MAX_DEPTH = 64
_LARGEST = 1 << 63
_MAX_DIGITS = 20
_QUOTED = re.compile(r""" "(?:[^"\\\n]|\\.)*+"? | '[^'\n]*+'? """, re.VERBOSE)
_LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}")  # tomllib takes quadratic time for it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Check:
    """What must hold of a value besides its type. wanted: completes "found 3, not …".

    A lambda that needs the module's names is written outside of classes: get_type_hints evaluates it without them.
    """

    holds: Callable[[Any], bool]
    wanted: str


@dataclass(frozen=True, slots=True)
class Made:
    """A value that is written in another type. make turns that into the value, or raises ValueError with the reason."""

    source: Any
    make: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Short:
    """A record that may be written as a text: that of this field alone."""

    field: str


class Misfit(ValueError):
    """Raised by a record's __post_init__: the field that does not fit the others, and why."""

    def __init__(self, key: str, problem: str) -> None:
        self.key, self.problem = key, problem
        super().__init__(f"{key}: {problem}")


Positive = Annotated[float, Check(lambda x: x > 0, "a number above 0")]
NotNegative = Annotated[float, Check(lambda x: x >= 0, "a number of 0 or more")]
Count = Annotated[int, Check(lambda n: n >= 1, "a whole number above 0")]


def regex(text: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """A compiled regular expression, for Made. Raises ValueError where it is none."""
    try:
        return re.compile(text, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"no regular expression: {error}") from error


def _nothing_special(_hint: Any, _value: Any, _key: str) -> Any:
    return NotImplemented


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one kind of document. what: named in errors, such as the path; todo: what to do about them.

    fact: the error's first part. complete: fields with a default must be given too. nan: numbers may be NaN or
    infinite. longest: characters of a text. special: what to read a type as, instead; NotImplemented for most.
    """

    what: str
    todo: str
    fact: str = "{what}: {key} does not fit"
    complete: bool = False
    nan: bool = False
    longest: int = 1 << 20
    special: Callable[[Any, Any, str], Any] = _nothing_special

    def json_file(self, path: Path) -> Any:
        """The plain values of a JSON file. Raises RtemoError where it cannot be read."""
        return self.json(self._content(path))

    def toml_file(self, path: Path) -> dict[str, Any]:
        """The tables of a TOML file. Raises RtemoError where it cannot be read."""
        return self.toml(self._content(path))

    def json(self, data: bytes | str) -> Any:
        """The plain values of a JSON document. Raises RtemoError where it is none."""
        return self._parsed(_json, data, MAX_BYTES)

    def toml(self, data: bytes | str) -> dict[str, Any]:
        """The tables of a TOML document. Raises RtemoError where it is none."""
        found: dict[str, Any] = self._parsed(_toml, data, MAX_TOML_BYTES)
        return found

    def read(self, kind: type[T], value: object, key: str = "") -> T:
        """A record, or another value of this type, from plain values. Raises RtemoError where they do not fit."""
        found: T = self.value(kind, value, key)
        return found

    def table(
        self, hints: Mapping[str, Any], value: object, key: str = "", optional: Collection[str] = ()
    ) -> dict[str, Any]:
        """The values of these names, and of no others, from a mapping; the optional ones may be missing."""
        given = self._mapping(value, key)
        missing = [_join(key, name) for name in hints if name not in given and name not in optional]
        unknown = [_join(key, name) for name in given if name not in hints]
        if missing or unknown:
            found = [f"{name} is missing" for name in missing[:4]] + [f"{name} is not known" for name in unknown[:4]]
            known = [f"known are {', '.join(hints) or 'none'}"] if unknown else []
            raise RtemoError(self._fact([*missing, *unknown][0]), ", ".join(found + known), self.todo)
        return {name: self.value(hint, given[name], _join(key, name)) for name, hint in hints.items() if name in given}

    def wrong(self, key: str, found: object, problem: str) -> RtemoError:
        """The error about a value. problem: such as "not a number"."""
        subject = "found" if "{key}" in self.fact else f"{key or 'it'} is"
        return RtemoError(self._fact(key), f"{subject} {shown(found)}, {problem}", self.todo)

    def value(self, hint: Any, value: Any, key: str = "") -> Any:
        """A value of any hint from plain values; read() where the hint is a class."""
        special = self.special(hint, value, key)
        if special is not NotImplemented:
            return special
        if hint in (str, float, int, bool):
            return self._plain(hint, value, key)
        if hint is Any:
            return value
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if origin is Annotated:
            return self._annotated(inner[0], inner[1:], value, key)
        if origin in (types.UnionType, typing.Union):
            return None if value is None else self.value(inner[0], value, key)
        if origin is typing.Literal:
            return self._one_of({name: name for name in inner}, value, key)
        if origin is tuple:
            return self._tuple(inner, value, key)
        if origin in (Mapping, dict):
            return self._keyed(inner[0], inner[1], value, key)
        if issubclass(hint, Enum):
            return self._one_of({part.value: part for part in hint}, value, key)
        if not dataclasses.is_dataclass(hint):
            raise TypeError(f"no reader for {hint}")
        return self._record(hint, value, key)

    def _annotated(self, hint: Any, notes: tuple[Any, ...], value: Any, key: str) -> Any:
        if isinstance(notes[0], Made):
            source = self.value(notes[0].source, value, key)
            found = self._made(functools.partial(notes[0].make, source), value, key)
        elif isinstance(notes[0], Short) and isinstance(value, str):
            found = self.value(hint, {notes[0].field: value}, key)
        else:
            found = self.value(hint, value, key)
        for note in notes:
            if isinstance(note, Check) and not note.holds(found):
                raise self.wrong(key, value, f"not {note.wanted}")
        return found

    def _made(self, make: Callable[[], T], value: object, key: str) -> T:
        try:
            return make()
        except Misfit as error:
            found = value.get(error.key, NOTHING) if isinstance(value, Mapping) else value
            raise self.wrong(_join(key, error.key), found, error.problem) from error
        except RtemoError as error:
            found = "; ".join(part for part in (error.fact, error.found) if part)
            raise RtemoError(self._fact(key), found, error.todo or self.todo) from error
        except ValueError as error:
            raise self.wrong(key, value, str(error)) from error

    def _record(self, kind: Any, value: object, key: str) -> Any:
        hints, optional = _fields(kind)
        given = self.table(hints, value, key, () if self.complete else optional)
        return self._made(functools.partial(kind, **given), value, key)

    def _keyed(self, name_hint: Any, hint: Any, value: object, key: str) -> dict[Any, Any]:
        given = self._mapping(value, key)
        if name_hint is str and hint is Any:
            return {self._plain(str, name, key): part for name, part in given.items()}
        found = {
            self.value(name_hint, name, _join(key, name)): self.value(hint, part, _join(key, name))
            for name, part in given.items()
        }
        if len(found) != len(given):
            raise self.wrong(key, value, "of which two names are the same")
        return found

    def _mapping(self, value: object, key: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.wrong(key, value, f"{key or 'it'} is not known as a value but as a table")
        return value

    def _tuple(self, inner: tuple[Any, ...], value: object, key: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise self.wrong(key, value, "not a list")
        if inner[-1] is not Ellipsis and len(inner) != len(value):
            raise self.wrong(key, value, f"not a list of {len(inner)}")
        hints = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(
            self.value(hint, part, f"{key}[{i + 1}]") for i, (hint, part) in enumerate(zip(hints, value, strict=True))
        )

    def _one_of(self, known: Mapping[Any, T], value: object, key: str) -> T:
        if not isinstance(value, str) or value not in known:
            raise self.wrong(key, value, f"not one of {', '.join(map(str, known))}")
        return known[value]

    def _plain(self, hint: type, value: Any, key: str) -> Any:
        if hint is str:
            if not isinstance(value, str):
                raise self.wrong(key, value, "not a text")
            if len(value) > self.longest or "\0" in value:
                raise self.wrong(key, value, f"not a text of at most {self.longest} characters without NUL")
            return value
        if hint is bool:
            if not isinstance(value, bool):
                raise self.wrong(key, value, "not true or false")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, value, "not a number")
        if isinstance(value, int) and not -_LARGEST < value < _LARGEST:
            raise self.wrong(key, value, "too large a number")
        if not math.isfinite(value) and (hint is int or not self.nan):
            raise self.wrong(key, value, "not a finite number")
        if hint is int and value != math.floor(value):
            raise self.wrong(key, value, "not a whole number")
        return hint(value)

    def _fact(self, key: str) -> str:
        return self.fact.format(what=self.what, key=key) if key else f"{self.what} does not fit"

    def _content(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            found = (error.strerror if isinstance(error, OSError) else "") or str(error)
            raise RtemoError(f"{self.what} cannot be read", found, self.todo) from error

    def _parsed(self, parse: Callable[[str], Any], data: bytes | str, limit: int) -> Any:
        try:
            found = _checked(parse, data, limit)
        except RecursionError as error:
            raise RtemoError(f"{self.what} cannot be read", "it is nested too deeply", self.todo) from error
        except ValueError as error:
            raise RtemoError(f"{self.what} cannot be read", str(error)[:200], self.todo) from error
        return found


NOTHING = type("Nothing", (), {"__repr__": lambda _: "nothing"})()


def shown(value: object) -> str:
    """A value as errors show it: short, on one line, whatever it is."""
    try:
        return _repr.repr(value)
    except ValueError:  # more digits than Python writes
        return f"a {type(value).__name__} with a number of too many digits"


_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 80


def _checked(parse: Callable[[str], Any], data: bytes | str, limit: int) -> Any:
    """What the text holds. Raises ValueError where it is too long, too deep or holds what no file could."""
    if len(data) > limit:
        raise ValueError(f"it is longer than {limit} bytes")
    text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
    found = parse(text)
    _check_depth(found)
    if isinstance(data, str) or "\\u" in text:
        json.dumps(found, ensure_ascii=False, default=str).encode()  # refuses lone surrogates
    return found


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object, parse_int=_integer)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {shown(twice)} is there twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _toml(text: str) -> dict[str, Any]:
    if _LONG_KEY.search(_QUOTED.sub("q", text)):
        raise ValueError(f"a key has {MAX_DEPTH} parts or more")
    return tomllib.loads(text.replace("\r\n", "\n").replace("\r", "\n"))


def _check_depth(document: object) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return
    raise ValueError("it is nested too deeply")


def _join(key: str, name: str) -> str:
    name = name if name.isprintable() and len(name) <= 80 else shown(name)
    return f"{key}.{name}" if key else name


@functools.cache
def _fields(kind: Any) -> tuple[Mapping[str, Any], frozenset[str]]:
    """The hints of a record's fields, and the fields that have a default."""
    hints = typing.get_type_hints(kind, include_extras=True)
    missing = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    optional = (f.name for f in fields if f.default is not missing or f.default_factory is not missing)
    return {f.name: hints[f.name] for f in fields}, frozenset(optional)
