"""Lines are in their file whole or not at all, whatever happens to the disk, the file, or the reader."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rtemo.core.errors import RtemoError
from rtemo.live.output import line_file
from rtemo.live.output.line_file import LineFile, StandardOutput
from rtemo.live.output.prediction_files import open_output

ROOT = Path(__file__).parents[3]
unix = pytest.mark.skipif(sys.platform == "win32", reason="needs limits and deletions as Unix has them")


@unix
def test_a_line_that_finds_no_room_leaves_nothing_and_is_written_when_there_is(tmp_path):
    """A real limit of the system stands for the full disk: half of the line would fit."""
    code = """
        import errno, resource, sys
        from pathlib import Path
        from rtemo.live.output import line_file
        line_file.FULL = line_file.FULL | {errno.EFBIG}
        file = line_file.LineFile(Path(sys.argv[1]), "head\\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (12, resource.RLIM_INFINITY))
        file.write("one\\n")
        for _ in range(2):
            try:
                file.write("two too long\\n")
            except OSError as error:
                print(errno.errorcode[error.errno], Path(sys.argv[1]).read_text().split())
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        file.write("two too long\\n")
        print(Path(sys.argv[1]).read_text().split("\\n"))
    """
    path = tmp_path / "a.txt"
    text = "\n".join(line[8:] for line in code.split("\n"))
    command = [sys.executable, "-c", text, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["EFBIG ['head', 'one']"] * 2 + ["['head', 'one', 'two too long', '']"]


@unix
def test_a_file_that_was_deleted_is_gone_on_from_in_the_next_with_the_same_head(tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    (tmp_path / "session_2").mkdir()
    file = LineFile(folder / "a.csv", "head\n")
    file.write("one\n")
    (folder / "a.csv").unlink()
    (folder / "a_2.csv").write_text("mine")
    with pytest.raises(OSError, match="the file was deleted"):
        file.write("two\n")
    file.write("two\n")
    file.write("three\n")
    file.close()
    assert (folder / "a_3.csv").read_text() == "head\ntwo\nthree\n"
    assert (folder / "a_2.csv").read_text() == "mine"
    assert file.path == folder / "a_3.csv"


def test_a_file_that_cannot_be_written_any_more_is_gone_on_from_in_the_next(tmp_path):
    file = LineFile(tmp_path / "a.csv", "head\n")
    file.write("one\n")
    assert file._file is not None
    os.close(file._file.fileno())  # stands for a descriptor that is dead, as after a disk was pulled out
    with pytest.raises(OSError, match="Bad file descriptor"):
        file.write("two\n")
    file.write("two\n")
    file.close()
    assert [(tmp_path / name).read_text() for name in ("a.csv", "a_2.csv")] == ["head\none\n", "head\ntwo\n"]


@unix
def test_files_are_for_their_owner_alone(tmp_path):
    for replace in (True, False):
        sink = open_output(tmp_path / f"{replace}.csv", ("a",), replace=replace)
        sink.close()
        assert stat.S_IMODE((tmp_path / f"{replace}.csv").stat().st_mode) == 0o600


def test_half_a_character_is_written_as_what_it_is(tmp_path):
    file = LineFile(tmp_path / "a.txt")
    file.write("caf\udce9 é\n")
    file.close()
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "caf\\udce9 é\n"


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("name", ["a\0b.csv", "\ud800.csv", "x" * 300 + ".csv", "no/such.csv"])
def test_a_name_that_no_disk_takes_is_refused(tmp_path, name, replace):
    with pytest.raises(RtemoError) as caught:
        open_output(tmp_path / name, ("a",), replace=replace)
    assert "\n" not in str(caught.value)


@unix
def test_a_full_disk_in_a_replay_is_one_sentence(tmp_path, monkeypatch):
    sink = open_output(tmp_path / "a.jsonl", ("a",), replace=True)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sink._sink, "put", full)
    with pytest.raises(RtemoError, match="No space left on device"):
        sink.put(None)
    sink.discard()
    assert list(tmp_path.iterdir()) == []


def test_the_head_is_there_at_once(tmp_path):
    file = LineFile(tmp_path / "a.csv", "head\n")
    assert (tmp_path / "a.csv").read_text() == "head\n"
    file.close()


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("one\ntwo\nhal", "one\ntwo\n"),
        ("one\ntwo\n", "one\ntwo\n"),
        ("\n", "\n"),
        ("h", "head\n"),  # the head was cut off itself
        ("", "head\n"),
    ],
)
@pytest.mark.parametrize("longest", [None, 4])
def test_a_file_that_is_there_is_gone_on_from_behind_its_last_whole_line(tmp_path, monkeypatch, before, kept, longest):
    if longest is not None:
        monkeypatch.setattr(line_file, "LONGEST_LINE", longest)
    path = tmp_path / "a.csv"
    path.write_text(before)
    file = LineFile(path, "head\n", goes_on=True)
    file.write("next\n")
    assert path.read_text() == kept + "next\n"  # nothing waits in a buffer
    file.close()


class Half:
    """A file on a disk that is full after half of what is written."""

    def __init__(self, file):
        self._file = file

    def fileno(self):
        return self._file.fileno()

    def write(self, data):
        self._file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_half_a_line_is_taken_out_again(tmp_path):
    file = LineFile(tmp_path / "a.csv", "head\n")
    whole = file._file
    file._file = Half(whole)
    with pytest.raises(OSError, match="No space left"):
        file.write("one\n")
    assert (tmp_path / "a.csv").read_text() == "head\n"
    file._file = whole
    file.write("two\n")
    file.close()
    assert (tmp_path / "a.csv").read_text() == "head\ntwo\n"


@unix
def test_a_folder_that_was_deleted_is_made_again(tmp_path):
    (tmp_path / "session").mkdir()
    file = LineFile(tmp_path / "session" / "a.csv")
    shutil.rmtree(tmp_path / "session")
    with pytest.raises(OSError, match="deleted"):
        file.write("one\n")
    file.write("two\n")
    file.close()
    assert (tmp_path / "session" / "a_2.csv").read_text() == "two\n"


class Console(io.StringIO):
    """Standard output without a descriptor of its own, as a console of Windows has it."""

    encoding = "utf-8"

    def __init__(self):
        super().__init__()
        self.flushed = ""

    def isatty(self):
        return True

    def fileno(self):
        return 2

    def flush(self):
        self.flushed = self.getvalue()


def test_a_console_of_windows_is_written_by_python(monkeypatch):
    console = Console()
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setattr(sys, "platform", "win32")
    StandardOutput().line("größer")
    assert console.flushed == "größer\n"


def test_standard_output_without_a_descriptor_is_written_by_python(capsys):
    StandardOutput().line("one")
    assert capsys.readouterr().out == "one\n"


@pytest.mark.parametrize(("platform", "terminal"), [("linux", True), ("linux", False), ("win32", False)])
def test_standard_output_is_written_past_pythons_buffer_in_its_own_encoding(monkeypatch, tmp_path, platform, terminal):
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        stdout = SimpleNamespace(isatty=lambda: terminal, fileno=out.fileno, encoding="ascii")
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", stdout)
            patched.setattr(sys, "platform", platform)
            StandardOutput().line("é")
        assert (tmp_path / "out").read_bytes() == b"\\xe9\n"
