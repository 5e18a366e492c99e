"""Files and folders of a participant's data, rule by rule: who may read them, and what is left where a disk fails."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from rtemo.sources import private_files
from rtemo.sources.private_files import lock_file, make_folder, owner_only, replace_file, sync_folder

unix = pytest.mark.skipif(sys.platform == "win32", reason="files and permissions of Unix")


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@unix
def test_a_new_file_is_its_owners_alone(tmp_path):
    with open(tmp_path / "a", "xb", opener=owner_only) as file:
        file.write(b"x\n")
    assert (mode_of(tmp_path / "a"), (tmp_path / "a").read_bytes()) == (0o600, b"x\n")


@unix
def test_a_file_is_replaced_as_a_whole_and_its_owners_alone(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"before")
    path.chmod(0o644)
    (tmp_path / "a.json.partial").write_bytes(b"left by one that was killed")
    seen = []

    def write(file):
        file.write(b"after")
        seen.append((path.read_bytes(), Path(file.name).name))

    replace_file(path, write)
    assert seen == [(b"before", "a.json.partial")]
    assert (path.read_bytes(), mode_of(path)) == (b"after", 0o600)
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_what_was_there_before_stays_where_a_disk_fails(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b"before")

    def write(file):
        file.write(b"aft")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        replace_file(path, write)
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_a_file_in_no_folder_is_an_error_of_the_disk(tmp_path):
    with pytest.raises(OSError, match="no"):
        replace_file(tmp_path / "no" / "a.json", lambda file: file.write(b"x"))


def test_a_lock_is_held_until_the_file_is_closed(tmp_path):
    path = tmp_path / "lock"
    with path.open("ab") as first, path.open("ab") as second:
        assert lock_file(first) is True
        assert lock_file(second) is False
        first.close()
        assert lock_file(second) is True


@unix
def test_folders_are_made_for_their_owner_alone_and_those_that_are_there_stay(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o755)
    make_folder(there / "a" / "b")
    make_folder(there / "a" / "b")
    make_folder(there)
    assert [mode_of(path) for path in (there, there / "a", there / "a" / "b")] == [0o755, 0o700, 0o700]
    (there / "file").write_text("x")
    with pytest.raises(OSError, match="exists"):
        make_folder(there / "file")


@unix
def test_the_names_in_a_folder_are_waited_for_and_nothing_stays_open(tmp_path, monkeypatch):
    synced, sync, closed, close = [], os.fsync, [], os.close
    monkeypatch.setattr(private_files.os, "fsync", lambda n: (synced.append(os.fstat(n).st_ino), sync(n)))
    monkeypatch.setattr(private_files.os, "close", lambda n: (closed.append(n), close(n)))
    sync_folder(tmp_path)
    assert (synced, len(closed)) == ([tmp_path.stat().st_ino], 1)


def test_a_folder_that_cannot_be_asked_is_passed_over(tmp_path, monkeypatch):
    sync_folder(tmp_path / "no")

    def refuse(_number):
        raise OSError(22, "Invalid argument")

    closed, close = [], os.close
    monkeypatch.setattr(private_files.os, "fsync", refuse)
    monkeypatch.setattr(private_files.os, "close", lambda n: (closed.append(n), close(n)))
    sync_folder(tmp_path)
    assert len(closed) == (0 if sys.platform == "win32" else 1)
