"""Where recordings may lie; files and folders that are their owner's alone: exact limits, and what stays untouched."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from rtemo.sources.private_files import lock_file, make_folder, replace_file, sync_folder
from rtemo.sources.recording_places import free_bytes, is_portable, places_elsewhere, safe_name

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes of files")


@pytest.mark.parametrize(
    ("recording", "own"),
    [("data/2026 sub-1/recording.xdf", "2026-sub-1"), ("data/2026/my run.xdf", "my-run")],
)
def test_a_recording_goes_on_in_a_folder_named_after_its_session_or_its_file(recording, own):
    users, temporary = places_elsewhere(Path(recording))
    assert users.parts[-2:] == ("recordings", own)
    assert temporary.name == f"rtemo-recordings-{own}"


@pytest.mark.parametrize(("subject", "name"), [
    ("P 01/ä", "P-01-ä"), ("_-x-_", "x"), ("", "anonymous"), ("../..", "anonymous"), ("a" * 61, "a" * 60),
    ("a" + "語" * 60, "a" + "語" * 39),  # 118 bytes: the next one would end at 121
    ("語" * 60, "語" * 40),  # 120 bytes
])  # fmt: skip
def test_a_subjects_name_in_a_folders_has_60_characters_and_120_bytes_at_most(subject, name):
    assert safe_name(subject) == name


@pytest.mark.parametrize(("name", "portable"), [
    ("", False), ("a", True), ("a" * 255, True), ("a" * 256, False), ("ä" * 127, True), ("ä" * 128, False),
    ("a.", False), ("a ", False), ("a:b", False), ("con", False), ("CON.txt", False), ("console", True),
    ("lpt1", False), ("lpt", True), ("a\x1f", False),
])  # fmt: skip
def test_a_portable_name_has_1_to_255_bytes_and_nothing_that_windows_reserves(name, portable):
    assert is_portable(name) is portable


def test_a_name_that_is_no_text_is_judged_too():
    assert is_portable("\udce9" * 255)  # one byte each on the disk
    assert not is_portable("\udce9" * 256)


def test_a_disk_that_does_not_answer_is_full(tmp_path):
    assert free_bytes(tmp_path / "gone" / "recording.xdf") == 0
    assert free_bytes(tmp_path / "recording.xdf") > 0


def test_a_file_is_replaced_whole_even_where_an_earlier_write_was_cut_off(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"old")
    (tmp_path / "state.partial").write_bytes(b"half of an earlier one")
    replace_file(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["state"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"old")

    def full(file):
        file.write(b"half")
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        replace_file(path, full)
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["state"]


def test_the_error_of_a_folder_that_is_missing_is_the_first_one(tmp_path):
    with pytest.raises(FileNotFoundError) as found:
        replace_file(tmp_path / "gone" / "state", lambda file: None)
    assert found.value.filename == str(tmp_path / "gone" / "state.partial")


def test_a_file_is_locked_once_until_it_is_closed(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb+") as first, path.open("rb+") as second:
        assert lock_file(first) is True
        assert lock_file(second) is False
        first.close()
        assert lock_file(second) is True


@posix
def test_new_folders_are_their_owners_and_those_that_exist_stay_as_they_are(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o755)
    before = os.umask(0)
    try:
        make_folder(tmp_path / "a" / "b" / "c")
        make_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o700, 0o700]


@posix
def test_a_folder_is_synced_and_closed_and_one_that_is_missing_is_left(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append((number, os.fstat(number).st_ino)))
    sync_folder(tmp_path)
    sync_folder(tmp_path / "gone")
    ((number, inode),) = synced
    assert inode == tmp_path.stat().st_ino
    with pytest.raises(OSError, match=r"[Bb]ad file descriptor"):
        os.fstat(number)
