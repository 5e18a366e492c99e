"""Errors are one line of three parts, and their kind decides how a command ends; what the system refuses is one too."""

from __future__ import annotations

import errno
from argparse import Namespace
from types import SimpleNamespace

import pytest

import offline.__main__
from rtemo.core.errors import RtemoError, StreamMissing, error_of_files


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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "cannot be written; No space left on device; free some"),
        (OSError("Not enough free space to write 5 bytes"), "cannot be written; Not enough free space to write 5"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "/data/x cannot be used; Permission denied"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), None),
        (OSError(errno.EBADF, "Bad file descriptor"), None),
    ],
)
def test_what_is_about_files_is_told_from_faults_of_ours(error, said):
    found = error_of_files(error)
    assert (found is None) == (said is None)
    assert said is None or said in str(found)


def test_a_full_disk_ends_training_commands_with_one_line(monkeypatch, capsys):
    def run(_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    parser = SimpleNamespace(parse_args=lambda _given: Namespace(quiet=False, run=run))
    monkeypatch.setattr(offline.__main__, "build_parser", lambda: parser)
    assert offline.__main__.main([]) == 2
    assert capsys.readouterr().err.count("\n") == 1
