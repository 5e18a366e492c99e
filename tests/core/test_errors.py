"""What the system refuses to do with files is an error that a user can act on, in both command lines."""

from __future__ import annotations

import errno
from argparse import Namespace
from types import SimpleNamespace

import pytest

import offline.__main__
from rtemo.core.errors import error_of_files


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
