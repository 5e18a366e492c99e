"""Errors are one line of three parts, and their kind decides how a command ends."""

from rtemo.core.errors import RtemoError, StreamMissing


def test_an_error_is_its_parts_in_one_line():
    error = RtemoError("the fact", "what was found", "what to do")
    assert str(error) == "the fact; what was found; what to do"
    assert (error.fact, error.found, error.todo) == ("the fact", "what was found", "what to do")
    assert str(RtemoError("the fact", todo="what to do")) == "the fact; what to do"
    assert str(RtemoError("the fact")) == "the fact"


def test_wrong_input_ends_a_command_with_2_and_a_missing_stream_with_3():
    assert RtemoError("x").exit_code == 2
    assert StreamMissing("x").exit_code == 3
    assert isinstance(StreamMissing("x"), RtemoError)


def test_of_parts_that_are_too_long_to_be_read_beginning_and_end_are_kept():
    error = RtemoError("the fact", f"found '{'x' * 100_000}', not a query", "what to do")
    assert error.found.startswith("found 'xxx")
    assert error.found.endswith("xxx', not a query")
    assert "96,121 characters left out" in error.found
    assert len(str(error)) < 4_100
    assert str(error) == f"the fact; {error.found}; what to do"
    assert RtemoError(error.fact, error.found).found == error.found
    assert RtemoError("f", "x" * 4_000).found == "x" * 4_000
