"""Where an engine or a recorder can be reached: an address and a key in a folder that only this user can read.

An engine has a name: "engine" in the lab, another one for each LSL session of its own, so that a demonstration is never
mistaken for the lab's. One engine of a name runs at a time: it holds a lock for as long as its process lives.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import secrets
import stat
import sys
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated, Literal

import platformdirs
import psutil

from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Made, Reader
from rtemo.sources.private_files import lock_file, replace_file

MAX_SOCKET_PATH = 90  # systems allow about 100 bytes
KEY_BYTES = 32
DEFAULT_NAME = "engine"
SAME_S = 1.0  # how exactly the system knows when a process began


@dataclass(frozen=True, slots=True)
class Address:
    """How to reach a running engine. family: of multiprocessing.connection."""

    address: str
    family: Literal["AF_UNIX", "AF_PIPE"]
    pid: Annotated[int, Check(lambda pid: 0 < pid < 1 << 31, "a process")]
    key: Annotated[bytes, Made(str, bytes.fromhex)]
    born_s: float = 0.0  # when the process began: its number may be another process's by now

    @property
    def alive(self) -> bool:
        """Whether the process that published it lives."""
        return abs(_born_s(self.pid) - self.born_s) < SAME_S

    def kill(self, wait_s: float) -> None:
        """Wait for the process to end, and end it where it does not. Touches no other one that has its number now."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.born_s) >= SAME_S:
                return
            try:
                process.wait(wait_s)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(wait_s)
        except psutil.Error:
            return  # it is gone


class Endpoint:
    """The files of one engine name."""

    def __init__(self, name: str = DEFAULT_NAME, folder: Path | None = None) -> None:
        """folder: made, for this user only, where it is not there. Raises RtemoError where it is not private."""
        self.folder = folder or _runtime_folder()
        self.name = name if re.fullmatch(r"[\w-]{1,32}", name) else f"engine-{zlib.crc32(name.encode()):08x}"
        _make_private(self.folder)
        self.log = self.folder / f"{self.name}.log"
        self._file = self.folder / f"{self.name}.json"
        self._lock_path = self.folder / f"{self.name}.lock"
        self._dismissal = self.folder / f"{self.name}.dismissed"
        self._lock: IO[bytes] | None = None
        self._socket_folder: tempfile.TemporaryDirectory[str] | None = None

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the one process of this name until the block ends. Raises RtemoError where another one runs."""
        self.claim()
        try:
            yield
        finally:
            self.release()

    def claim(self) -> None:
        """Be the one process of this name. Raises RtemoError where another one runs."""
        while True:
            lock = self._lock_path.open("ab")
            if not lock_file(lock):
                lock.close()
                raise RtemoError(
                    "an engine runs already", f"it is called {self.name!r}", "attach to it, or shut it down"
                )
            if _is_still(lock, self._lock_path):
                break
            lock.close()  # whoever had it before has just taken it away
        self._lock = lock
        self._file.unlink(missing_ok=True)

    def fresh_address(self) -> Address:
        """An address that nobody listens at, with a new key."""
        key = secrets.token_bytes(KEY_BYTES)
        unique = f"{self.name}-{secrets.token_hex(4)}"
        if sys.platform == "win32":
            return Address(rf"\\.\pipe\rtemo-{unique}", "AF_PIPE", os.getpid(), key, _born_s(os.getpid()))
        path = self.folder / f"{self.name}.sock"
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            self._socket_folder = tempfile.TemporaryDirectory(prefix="rtemo-")  # for this user only, as all of its kind
            path = Path(self._socket_folder.name) / "engine.sock"
        path.unlink(missing_ok=True)
        return Address(str(path), "AF_UNIX", os.getpid(), key, _born_s(os.getpid()))

    def publish(self, address: Address) -> None:
        """Let clients find the engine."""
        document = {**asdict(address), "key": address.key.hex()}
        replace_file(self._file, lambda file: file.write(json.dumps(document).encode()))

    def find(self) -> Address | None:
        """The address that was published last; None where there is none. The engine may be gone."""
        reader = Reader(f"the engine's address {self._file}", "start the engine again")
        try:
            return reader.read(Address, reader.json_file(self._file))
        except RtemoError:
            return None

    def dismiss(self) -> None:
        """Leave word that nobody needs the engine any more, for one that runs, hangs, starts or is started again."""
        with contextlib.suppress(OSError):  # then it ends by itself after a while
            self._dismissal.touch(0o600)

    def need(self) -> None:
        """Take back such a word: somebody is here who needs it."""
        self._dismissal.unlink(missing_ok=True)

    @property
    def dismissed(self) -> bool:
        """Whether nobody needs the engine any more, but for those who are connected to it."""
        return self._dismissal.exists()

    def release(self) -> None:
        """Take back what was published."""
        if self._lock is None:
            return
        self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # Windows takes nothing away that is open
            self._lock_path.unlink()
        self._lock.close()
        self._lock = None
        if self._socket_folder is not None:
            self._socket_folder.cleanup()


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if sys.platform == "win32":
            return  # the user's own folders are private there
        found = folder.stat()
    except OSError as error:
        raise RtemoError(f"{folder} cannot be used", error.strerror or "", "check its permissions") from error
    if found.st_uid != os.getuid():
        raise RtemoError(f"{folder} belongs to somebody else", f"user {found.st_uid}", "remove it")
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)


def _born_s(pid: int) -> float:
    """When a process began, by the system's clock; NaN where there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return math.nan


def _is_still(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _runtime_folder() -> Path:
    """The user's folder for what lives as long as the session; where it names none, a temporary one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns of the fallback, which is fine: our folder is private
        return platformdirs.user_runtime_path("rtemo", appauthor=False)
