"""The strict reader: a right record or one clear error, whatever the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hostile_documents import JSON_TEXTS, TOML_TEXTS, changed, damaged, json_bytes, outcome, refused, toml_bytes
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Count, Made, Misfit, Positive, Reader, Short, regex


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Part:
    name: str
    weight: Positive = 1.0

    def __post_init__(self):
        if self.name == "heavy" and self.weight < 10:
            raise Misfit("weight", "too light for a heavy one")


@dataclass(frozen=True)
class Whole:
    title: Annotated[str, Check(str.strip, "a title")]
    n: Count
    colour: Colour
    done: bool
    pair: tuple[float, float]
    parts: tuple[Annotated[Part, Short("name")], ...] = ()
    shares: Mapping[Literal["a", "b"], float] = field(default_factory=dict)
    pattern: Annotated[Any, Made(str, regex)] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


READER = Reader("w.json", "correct it")
GOOD = {
    "title": "T", "n": 3, "colour": "red", "done": False, "pair": [1, 2.5],
    "parts": ["light", {"name": "heavy", "weight": 10}], "shares": {"a": 0.5}, "pattern": "^a+$",
    "more": {"x": [None, {}]},
}  # fmt: skip
WITHOUT_NULL = {**GOOD, "more": {"x": [{}]}}


def test_a_right_document_is_read_whether_json_or_toml():
    found = READER.read(Whole, READER.json(json_bytes(GOOD)))
    assert found.colour is Colour.RED
    assert found.pair == (1.0, 2.5)
    assert found.parts == (Part("light"), Part("heavy", 10.0))
    assert found.pattern.search("aa")
    assert found.more == GOOD["more"]
    assert READER.read(Whole, READER.toml(toml_bytes(WITHOUT_NULL))).parts == found.parts


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"n": 0}, "w.json: n does not fit; found 0, not a whole number above 0; correct it"),
        ({"n": True}, "w.json: n does not fit; found True, not a number; correct it"),
        ({"n": 2.5}, "w.json: n does not fit; found 2.5, not a whole number; correct it"),
        ({"n": float("inf")}, "w.json: n does not fit; found inf, not a finite number; correct it"),
        ({"done": 1}, "w.json: done does not fit; found 1, not true or false; correct it"),
        ({"colour": "green"}, "w.json: colour does not fit; found 'green', not one of red, blue; correct it"),
        ({"colour": ["red"]}, "w.json: colour does not fit; found ['red'], not one of red, blue; correct it"),
        ({"title": " "}, "w.json: title does not fit; found ' ', not a title; correct it"),
        ({"title": None}, "w.json: title does not fit; found None, not a text; correct it"),
        ({"pair": [1]}, "w.json: pair does not fit; found [1], not a list of 2; correct it"),
        ({"pair": [1, float("nan")]}, "w.json: pair[2] does not fit; found nan, not a finite number; correct it"),
        ({"parts": [{}]}, "w.json: parts[1].name does not fit; parts[1].name is missing; correct it"),
        ({"parts": ["heavy"]},
         "w.json: parts[1].weight does not fit; found nothing, too light for a heavy one; correct it"),
        ({"parts": [{"name": "x", "size": 1}]},
         "w.json: parts[1].size does not fit; parts[1].size is not known, known are name, weight; correct it"),
        ({"shares": {"c": 1}}, "w.json: shares.c does not fit; found 'c', not one of a, b; correct it"),
        ({"shares": 3},
         "w.json: shares does not fit; found 3, shares is not known as a value but as a table; correct it"),
        ({"\u202e\n": 1}, r"only title"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_clear_line(change, error):
    with pytest.raises(RtemoError) as refused:
        READER.read(Whole, {**GOOD, **change})
    assert str(refused.value) == error or error == "only title"
    assert str(refused.value).isprintable()


def test_a_pattern_that_is_none_is_refused_with_the_reason():
    with pytest.raises(RtemoError, match="pattern does not fit; found '\\(', no regular expression: missing"):
        READER.read(Whole, {**GOOD, "pattern": "("})


def test_a_complete_record_needs_what_has_a_default_too():
    with pytest.raises(RtemoError, match=r"parts\[1\].weight does not fit; parts\[1\].weight is missing"):
        Reader("w", "", complete=True).read(Whole, GOOD)


def test_a_number_may_be_infinite_only_where_the_reader_lets_it():
    assert Reader("w", "", nan=True).read(float, float("inf")) == float("inf")
    with pytest.raises(RtemoError):
        Reader("w", "", nan=True).read(int, float("nan"))


def test_whole_numbers_may_be_written_with_a_point_and_no_others():
    assert READER.read(int, 4.0) == 4
    assert isinstance(READER.read(int, 4.0), int)
    assert isinstance(READER.read(float, 4), float)
    for value in (1e300, 10**400, -(2**63)):
        with pytest.raises(RtemoError, match=r"too large|not finite"):
            READER.read(int, int(value))


def test_names_that_become_the_same_are_refused():
    levels = Mapping[Annotated[float, Made(str, float)], float]
    assert READER.value(levels, {"0.8": 1, "0.9": 2}) == {0.8: 1.0, 0.9: 2.0}
    with pytest.raises(RtemoError, match="two names are the same"):
        READER.value(levels, {"0.8": 1, "0.80": 2})


def test_a_text_of_windows_with_its_mark_and_line_ends_is_read():
    assert READER.toml(b"\xef\xbb\xbfa = '''x\r\ny'''\r\n") == {"a": "x\ny"}
    assert READER.json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_dots_in_values_are_no_long_key():
    text = "a = '" + "1." * 200 + "'\n"
    assert READER.toml(text)["a"].startswith("1.1.")


@pytest.mark.parametrize("text", JSON_TEXTS, ids=range(len(JSON_TEXTS)))
def test_hostile_json_is_refused(text):
    refused(lambda: READER.read(Whole, READER.json(text)))


@pytest.mark.parametrize("text", TOML_TEXTS, ids=range(len(TOML_TEXTS)))
def test_hostile_toml_is_refused(text):
    refused(lambda: READER.read(Whole, READER.toml(text)))


@pytest.mark.parametrize("text", ['{"title": "\ud800"}', 'title = "\ud800"'])
def test_lone_surrogates_in_a_text_are_refused(text):
    refused(lambda: READER.json(text))
    refused(lambda: READER.toml(text))


def test_files_that_cannot_be_read_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none", tmp_path / "a\0b"):
        refused(lambda path=path: READER.json_file(path))
        refused(lambda path=path: READER.toml_file(path))


@given(changed(GOOD))
def test_changed_json_is_refused_or_read(document):
    outcome(lambda: READER.read(Whole, READER.json(json_bytes(document))), Whole)


@given(changed(WITHOUT_NULL))
def test_changed_toml_is_refused_or_read(document):
    outcome(lambda: READER.read(Whole, READER.toml(toml_bytes(document))), Whole)


@given(st.one_of(damaged(json_bytes(GOOD)), damaged(toml_bytes(WITHOUT_NULL))))
def test_damaged_text_is_refused_or_read(text):
    outcome(lambda: READER.read(Whole, READER.json(text)), Whole)
    outcome(lambda: READER.read(Whole, READER.toml(text)), Whole)
