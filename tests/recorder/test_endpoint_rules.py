"""The files by which an engine is found, rule by rule: who holds a name, in whose folder, and what is left of it."""

from __future__ import annotations

import json
import math
import os
import stat
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from rtemo.core.errors import RtemoError
from rtemo.recorder import endpoint as endpoint_rules
from rtemo.recorder.endpoint import Address, Endpoint

unix = pytest.mark.skipif(sys.platform == "win32", reason="files and permissions of Unix")
KEY = bytes(range(32))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def desk(folder):
    found = Endpoint("desk", folder)
    yield found
    found.release()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Names and folders.


@pytest.mark.parametrize("name", ["engine", "a-b_C9", "x", "x" * 32, "Ärger"])
def test_a_short_plain_name_is_kept(folder, name):
    found = Endpoint(name, folder)
    assert (found.name, found.log) == (name, folder / f"{name}.log")


@pytest.mark.parametrize("name", ["", "x" * 33, "a b", "../x", "a/b", "a.b", "x\n"])
def test_any_other_name_gets_one_made_of_it(folder, name):
    assert Endpoint(name, folder).name == f"engine-{zlib.crc32(name.encode()):08x}"


def test_a_made_name_has_eight_digits(folder):
    name = next(text for text in (f"a {n}" for n in range(10_000)) if zlib.crc32(text.encode()) < 1 << 24)
    assert Endpoint(name, folder).name == f"engine-0{zlib.crc32(name.encode()):07x}"


def test_the_lab_has_the_name_engine(folder):
    assert Endpoint(folder=folder).name == "engine"


def test_without_a_folder_it_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setattr(endpoint_rules.platformdirs, "user_runtime_path", lambda *names, **more: path_of(names, more))

    def path_of(asked, more):
        assert (asked, more) == (("rtemo",), {"appauthor": False})
        return tmp_path / "mine"

    assert Endpoint().folder == tmp_path / "mine"
    assert (tmp_path / "mine").is_dir()


@unix
def test_a_folder_is_made_for_this_user_alone_and_one_that_others_can_read_is_closed_to_them(tmp_path):
    Endpoint("a", tmp_path / "x" / "y")
    assert stat.S_IMODE((tmp_path / "x" / "y").stat().st_mode) == 0o700
    for mode in (0o755, 0o770, 0o701, 0o704):
        open_ = tmp_path / f"{mode:o}"
        open_.mkdir()
        open_.chmod(mode)
        Endpoint("a", open_)
        assert stat.S_IMODE(open_.stat().st_mode) == 0o700
    own = tmp_path / "own"
    own.mkdir()
    own.chmod(0o500)
    Endpoint("a", own)
    assert stat.S_IMODE(own.stat().st_mode) == 0o500


@unix
def test_a_folder_of_somebody_else_is_refused(folder, monkeypatch):
    folder.mkdir()
    owner = folder.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(RtemoError) as caught:
        Endpoint("a", folder)
    said = caught.value
    assert (said.fact, said.found, said.todo) == (f"{folder} belongs to somebody else", f"user {owner}", "remove it")


def test_what_can_be_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(RtemoError) as caught:
        Endpoint("a", tmp_path / "file")
    said = caught.value
    assert said.fact == f"{tmp_path / 'file'} cannot be used"
    assert (said.found, said.todo) == (os.strerror(17), "check its permissions")


# Claims.


def test_a_name_is_one_processs_and_free_again_afterwards(desk, folder):
    other = Endpoint("desk", folder)
    with desk.claimed():
        assert names(folder) == ["desk.lock"]
        with pytest.raises(RtemoError) as caught:
            other.claim()
        said = caught.value
        assert (said.fact, said.found, said.todo) == (
            "an engine runs already", "it is called 'desk'", "attach to it, or shut it down",
        )  # fmt: skip
        with Endpoint("table", folder).claimed():
            assert names(folder) == ["desk.lock", "table.lock"]
        other.release()  # it holds nothing, and takes nothing away
        assert names(folder) == ["desk.lock"]
    assert names(folder) == []
    with other.claimed():
        desk.release()  # it has been done
        assert names(folder) == ["desk.lock"]


def test_a_name_is_free_again_where_the_work_fails(desk, folder):
    with pytest.raises(ZeroDivisionError), desk.claimed():
        raise ZeroDivisionError
    assert names(folder) == []


def test_what_an_engine_before_published_is_gone_with_the_claim(desk, folder):
    Endpoint("desk", folder).publish(Address("old", "AF_UNIX", 1, KEY))
    desk.claim()
    assert desk.find() is None


@unix
def test_a_lock_that_was_just_taken_away_is_asked_for_again(desk, folder, monkeypatch):
    lock, tried = endpoint_rules.lock_file, []

    def taken_away(file):
        tried.append(file)
        if len(tried) == 1:  # whoever had it releases it between opening and locking
            (folder / "desk.lock").unlink()
        if len(tried) == 2:  # and another has made one of that name
            (folder / "desk.lock").unlink()
            (folder / "desk.lock").write_text("")
        return lock(file)

    monkeypatch.setattr(endpoint_rules, "lock_file", taken_away)
    desk.claim()
    assert len(tried) == 3
    assert [file.closed for file in tried] == [True, True, False]
    with pytest.raises(RtemoError):
        Endpoint("desk", folder).claim()


def test_a_refused_claim_leaves_no_file_open(desk, folder, monkeypatch):
    tried = []
    monkeypatch.setattr(endpoint_rules, "lock_file", lambda file: tried.append(file) or False)
    with pytest.raises(RtemoError):
        desk.claim()
    assert [file.closed for file in tried] == [True]


# Addresses.


@unix
def test_a_fresh_address_is_this_processs_with_a_key_of_its_own(desk, folder):
    one, other = desk.fresh_address(), desk.fresh_address()
    assert (one.family, one.pid, one.born_s) == ("AF_UNIX", os.getpid(), psutil.Process().create_time())
    assert (len(one.key), one.key != other.key) == (32, True)
    assert one.alive


@unix
@pytest.mark.parametrize(("room", "beside"), [(0, True), (-1, False)])
def test_a_socket_lies_in_the_folder_where_its_path_is_short_enough(folder, monkeypatch, room, beside):
    assert endpoint_rules.MAX_SOCKET_PATH == 90
    monkeypatch.setattr(endpoint_rules, "MAX_SOCKET_PATH", len(os.fsencode(folder / "dÄsk.sock")) + room)
    found = Endpoint("dÄsk", folder)
    found.claim()
    (folder / "dÄsk.sock").write_text("left by a killed one")
    address = Path(found.fresh_address().address)
    assert (address == folder / "dÄsk.sock") is beside
    if beside:
        assert not address.exists()
    else:
        assert (address.name, address.parent.name[:6]) == ("engine.sock", "rtemo-")
        assert stat.S_IMODE(address.parent.stat().st_mode) == 0o700
        found.release()
        assert not address.parent.exists()
    found.release()


def test_what_is_published_is_found_by_another_and_taken_back(desk, folder):
    desk.claim()
    address = Address("here", "AF_UNIX", 7, KEY, 12.5)
    desk.publish(address)
    assert json.loads((folder / "desk.json").read_bytes()) == {
        "address": "here", "family": "AF_UNIX", "pid": 7, "key": KEY.hex(), "born_s": 12.5,
    }  # fmt: skip
    assert Endpoint("desk", folder).find() == address
    assert Endpoint("table", folder).find() is None
    desk.release()
    assert Endpoint("desk", folder).find() is None


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({}, True),
        ({"pid": 1}, True),
        ({"pid": (1 << 31) - 1}, True),
        ({"pid": 0}, False),
        ({"pid": 1 << 31}, False),
        ({"family": "AF_INET"}, False),
        ({"key": "no hex"}, False),
        ({"born_s": None}, False),
    ],
)
def test_an_address_that_is_none_is_not_found(desk, folder, changes, read):
    fields = {"address": "here", "family": "AF_PIPE", "pid": 7, "key": KEY.hex(), "born_s": 1.0}
    (folder / "desk.json").write_text(json.dumps(fields | changes))
    assert (desk.find() is not None) is read


# Word for an engine.


def test_word_that_nobody_needs_it_lies_there_until_it_is_taken_back(desk, folder):
    assert not desk.dismissed
    desk.need()
    desk.dismiss()
    desk.dismiss()
    assert Endpoint("desk", folder).dismissed
    assert not Endpoint("table", folder).dismissed
    assert names(folder) == ["desk.dismissed"]
    if sys.platform != "win32":
        assert stat.S_IMODE((folder / "desk.dismissed").stat().st_mode) == 0o600
    desk.need()
    assert not desk.dismissed


def test_word_that_cannot_be_left_is_no_error(desk, folder):
    folder.rmdir()
    desk.dismiss()
    assert not desk.dismissed


# Processes.


class Process:
    """One that began at 100 s and ends as the test says."""

    def __init__(self, monkeypatch, waits=(), begun_s=100.0):
        self.said, self._waits, self._begun_s = [], list(waits), begun_s
        monkeypatch.setattr(endpoint_rules.psutil, "Process", self._of)

    def _of(self, pid):
        if pid != 7:
            raise psutil.NoSuchProcess(pid)
        return SimpleNamespace(
            create_time=lambda: self._begun_s, wait=self._wait, kill=lambda: self.said.append("kill")
        )

    def _wait(self, wait_s):
        self.said.append(wait_s)
        if self._waits:
            raise self._waits.pop(0)


def of(born_s, pid=7):
    return Address("here", "AF_UNIX", pid, KEY, born_s)


@pytest.mark.parametrize(
    ("born_s", "same"), [(100.0, True), (99.25, True), (100.75, True), (99.0, False), (101.0, False), (0.0, False)]
)
def test_a_process_is_the_same_where_it_began_within_a_second(monkeypatch, born_s, same):
    process = Process(monkeypatch)
    assert of(born_s).alive is same
    of(born_s).kill(2.5)
    assert process.said == ([2.5] if same else [])


def test_a_process_that_does_not_end_is_killed_and_waited_for_again(monkeypatch):
    process = Process(monkeypatch, [psutil.TimeoutExpired(2.5)])
    of(100.0).kill(2.5)
    assert process.said == [2.5, "kill", 2.5]
    stubborn = Process(monkeypatch, [psutil.TimeoutExpired(2.5), psutil.TimeoutExpired(2.5)])
    of(100.0).kill(2.5)
    assert stubborn.said == [2.5, "kill", 2.5]


def test_a_process_that_is_gone_is_not_alive(monkeypatch):
    process = Process(monkeypatch)
    assert not of(100.0, pid=8).alive
    assert not of(0.0, pid=8).alive
    assert Address("here", "AF_UNIX", 8, KEY).born_s == 0.0
    of(100.0, pid=8).kill(1.0)
    gone = Process(monkeypatch, [psutil.NoSuchProcess(7)])
    of(100.0).kill(1.0)
    assert (process.said, gone.said) == ([], [1.0])
    assert not of(math.nan).alive
