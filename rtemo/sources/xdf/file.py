"""Opens XDF files, with clear errors for what cannot be read, and unpacks compressed recordings.

Two kinds of compressed recordings exist: gzip (`.xdf.gz`, and what pyxdf takes for `.xdfz`) and the zlib stream that
LabRecorder writes to `.xdfz`. Both are recognised by their first bytes and unpacked once into a temporary file, so that
the readers can seek; memory stays bounded, disk is needed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import BinaryIO

from rtemo.core.errors import RtemoError
from rtemo.sources.xdf.chunks import MAGIC

ENDINGS = (".xdf", ".xdfz", ".xdf.gz")
_GZIP, _ZLIB = b"\x1f\x8b", b"\x78"
_UNPACK_BYTES = 1 << 20
_PREFIX = "rtemo-xdf-"
MOST_RATIO = 200  # of the unpacked size to the packed one: recordings of noise reach 2, of a still amplifier some tens
LEAST_BYTES = 256 << 20  # that may always be unpacked
LEFT_FREE = 256 << 20  # of the disk


def ending_of(path: Path) -> str:
    """The ending of a recording's name as it is written there, ".XDF" too; empty where it is no recording's."""
    found = max((one for one in ENDINGS if path.name.casefold().endswith(one)), key=len, default="")
    return path.name[-len(found) :] if found else ""


class XdfFile:
    """A recording on disk that can be opened several times at once."""

    def __init__(self, path: Path | str, size: int | None = None) -> None:
        """size: how many bytes to read of a file that is still being written; None: all.

        Raises RtemoError when there is no XDF file at the path.
        """
        self.path = Path(path)
        self._folder: str | None = None
        head = _read_head(self.path)
        self._data = self._unpack() if head.startswith((_GZIP, _ZLIB)) else self.path
        try:
            self._check_magic()
        except RtemoError:
            self.close()
            raise
        there = self._data.stat().st_size
        self.size = there if size is None else min(size, there)

    def open(self) -> BinaryIO:
        """A handle of its own on the uncompressed bytes. Raises RtemoError."""
        try:
            return self._data.open("rb", buffering=1 << 15)
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def close(self) -> None:
        """Removes what was unpacked. Handles must be closed before."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _check_magic(self) -> None:
        with self.open() as file:
            head = file.read(16)
        if not head:
            raise _no_xdf(self.path, "it is empty")
        if not head.startswith(MAGIC):
            raise _no_xdf(self.path, f"it begins with {head!r} and not with {MAGIC.decode()!r}")

    def _unpack(self) -> Path:
        _sweep()
        self._folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
        data = Path(self._folder) / "recording.xdf"
        try:
            with self.path.open("rb") as packed, data.open("wb") as plain:
                _inflate(packed, plain, _most_bytes(self.path, data))
        except (OSError, zlib.error) as error:
            self.close()
            raise RtemoError(
                f"cannot unpack {self.path}", str(error), "unpack it by hand, or free some space"
            ) from error
        return data


def _most_bytes(packed: Path, plain: Path) -> int:
    """How much a file may hold: what no recording exceeds, and what leaves the disk some room."""
    free = shutil.disk_usage(plain.parent).free - LEFT_FREE
    return max(0, min(free, LEAST_BYTES + MOST_RATIO * packed.stat().st_size))


def _sweep() -> None:
    """Remove what a process left behind that was killed while it read a compressed recording."""
    import psutil  # compressed recordings are rare

    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _inflate(packed: BinaryIO, plain: BinaryIO, most_bytes: int) -> None:
    """Gzip or zlib, also of several parts; a cut end gives what was whole before it. Raises OSError for too much."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: recognise gzip and zlib by their heads
    while block := packed.read(_UNPACK_BYTES):
        while block:
            plain.write(unpacker.decompress(block, _UNPACK_BYTES))
            if plain.tell() > most_bytes:
                raise OSError(f"it holds more than {most_bytes >> 20} MB")
            block = unpacker.unconsumed_tail
            if unpacker.eof:
                block = unpacker.unused_data
                unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        raise RtemoError(f"cannot read {path}", "it is a folder", "give an .xdf file")
    if path.exists() and not path.is_file():
        raise RtemoError(f"cannot read {path}", "it is not a regular file", "give an .xdf file")
    try:
        with path.open("rb") as file:
            return file.read(2)
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> RtemoError:
    if isinstance(error, FileNotFoundError):
        return RtemoError(f"cannot read {path}", "there is no such file", "check the name")
    return RtemoError(f"cannot read {path}", error.strerror or str(error), "check who may read it")


def _no_xdf(path: Path, found: str) -> RtemoError:
    return RtemoError(f"{path} is not an XDF recording", found, "give a file that LabRecorder or `rtemo record` wrote")
