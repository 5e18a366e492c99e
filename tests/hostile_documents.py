"""What wrong or hostile files hold: texts that break parsers, and real documents with one thing changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import pytest
import tomli_w
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError

DIGITS, DEEP, LONG = "9" * 400, 5_000, 1_000_000
LONGEST_S = 20.0  # for any one of them, on a slow and busy computer

JSON_TEXTS = (
    b"", b" ", b"null", b"true", b"7", b'"text"', b"[]", b"[{}]", b"{}", b"{", b'{"a": 1,}', b'{"a": 1} {}', b"\0",
    b"\xff\xfe{\0}\0", b"\xef\xbb\xbf{}", b"\xc3\x28", b'{"\xed\xa0\x80": 1}', b'{"a": "\\ud800"}', b'{"\\udfff": 1}',
    b'{"a": 1, "a": 2}', b"NaN", b"Infinity", b"[1e999]", b"'a'", DIGITS.encode(), b"9" * 5_000, b"-" + b"9" * LONG,
    b"[" * DEEP, b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b"[" * LONG, b'"' + b"x" * LONG,
)  # fmt: skip
TOML_TEXTS = (
    b"\0", b"a", b"a = ", b"[a", b"a = 1\na = 2", b"[a]\n[a]", b"\xff\xfe\0", b"\xc3\x28", b'a = "\\ud800"',
    b'a = "\xed\xa0\x80"', b"\xef\xbb\xbfstrange = 1", b"a = 0x" + b"f" * 100_000, b"a = " + b"9" * 5_000,
    b"a = 1e999", b"a = 1979-05-27T07:32:00Z", b"a = " + b"[" * DEEP, b"a = " + b"[" * DEEP + b"]" * DEEP,
    b"a = " + b"{a=" * DEEP, b"a." * DEEP + b"b = 1", b"[" + b"a." * DEEP + b"b]", b"a." * 100_000 + b"b = 1",
    b'"a" . ' * 100_000 + b"b = 1", b"'a'." * 100_000 + b"b = 1", b"a = '" + b"x" * LONG, b'a = "' + b"\\\\" * LONG,
    b"x" * 2_000_000,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3.5, 1e-300, 1e300, -1e300, float("nan"), float("inf"), float("-inf"), 1 << 63,
    int(DIGITS), -int(DIGITS), "", " ", "text", "a/b", "../..", "nul\0", "\ud800", "\u202e", "x" * 100_000, "(", "1",
    "(" * 2_000, "a{99999999999}", "0.9", [], [None], [1], ["a", "a"], [[]], [[[1]]], [{}], {}, {"": ""}, {"a": {}},
    {"\ud800": 1}, {"x" * 10_000: 1},
)  # fmt: skip


def outcome(read: Callable[[], Any], kind: type) -> None:
    """Nothing comes out but a record of this kind or one clear RtemoError, and in time."""
    begun = perf_counter()
    try:
        found = read()
    except RtemoError as error:
        found = error
    assert perf_counter() - begun < LONGEST_S
    assert isinstance(found, kind | RtemoError)
    assert not isinstance(found, RtemoError) or _is_clear(found)


def refused(read: Callable[[], Any]) -> None:
    """Nothing comes out but one clear RtemoError, and in time."""
    begun = perf_counter()
    with pytest.raises(RtemoError) as caught:
        read()
    assert perf_counter() - begun < LONGEST_S
    assert _is_clear(caught.value)


def _is_clear(error: RtemoError) -> bool:
    """It can be printed, and is short enough to be read."""
    return bool(error.fact) and len(str(error).encode()) < 5_000


def changed(document: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The document with one to three of its values replaced, taken out, renamed, repeated or added to."""
    change = st.tuples(
        st.integers(0, len(list(places(document))) - 1), st.sampled_from(("set", "drop", "name", "add", "twice")),
        st.sampled_from(VALUES),
    )  # fmt: skip
    return st.lists(change, min_size=1, max_size=3).map(lambda changes: _changed(document, changes))


def json_bytes(document: Any) -> bytes:
    """As JSON, lone surrogates and all."""
    return json.dumps(document).encode()


def toml_bytes(document: dict[str, Any]) -> bytes:
    """As TOML, as far as it can say it."""
    return tomli_w.dumps(_sayable(document)).encode("utf-8", "surrogatepass")


def damaged(text: bytes) -> st.SearchStrategy[bytes]:
    """The text with a few bytes written over, put in or taken out."""
    damage = st.tuples(st.integers(0, len(text)), st.integers(0, 40), st.one_of(st.binary(max_size=6), _SIGNS))
    return st.lists(damage, min_size=1, max_size=4).map(lambda found: _damaged(text, found))


_SIGNS = st.sampled_from((b'"', b"{", b"}", b"[", b"]", b"\\", b"\\u0000", b"\\ud800", b"e999", b"nan", b"=", b"."))


def places(value: Any, parent: Any = None, key: Any = None) -> Iterator[tuple[Any, Any]]:
    """Every place of a document, as what holds it and its key there."""
    if parent is not None:
        yield parent, key
    for name, part in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if isinstance(part, dict | list):
            yield from places(part, value, name)
        else:
            yield value, name


def _changed(document: dict[str, Any], changes: list[tuple[int, str, Any]]) -> dict[str, Any]:
    document = copy.deepcopy(document)
    for number, how, value in changes:
        found = list(places(document))
        if not found:
            return document
        parent, key = found[number % len(found)]
        if how == "set" or isinstance(parent, list):
            parent[key] = copy.deepcopy(value)
        elif how == "add":
            parent["another" if not isinstance(value, str) else value] = 1
        else:
            part = parent.pop(key)
            if how == "name":
                parent[str(key) + "x"] = part
            elif how == "twice":
                parent[key] = [part, part]
    return document


def _damaged(text: bytes, damages: list[tuple[int, int, bytes]]) -> bytes:
    for at, cut, put in damages:
        text = text[:at] + put + text[at + cut :]
    return text


def _sayable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sayable(part) for key, part in value.items() if part is not None}
    return [_sayable(part) for part in value if part is not None] if isinstance(value, list) else value
