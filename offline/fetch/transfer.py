"""Transfer of one file over HTTP(S): resumed where it broke off, whole and with the right checksum, or an error.

What has come so far is in `.NAME.part` beside the file, which gets its name when it is whole. A transfer that breaks or
stalls is taken up again some times, each time after a longer pause; what is not there is not asked for again.
"""

from __future__ import annotations

import hashlib
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from rtemo.core.errors import RtemoError

T = TypeVar("T")
_BLOCK = 1 << 20
_MOST_BYTES = 512 << 20  # of an answer that is kept in memory
_FOR_GOOD = (400, 401, 403, 404, 405, 410, 451)  # answers that do not change by asking again
_AGENT = "rtemo (research software for EEG and eye tracking)"
_AGAIN = "start the same command again: it goes on where it stopped"
_BROKEN = (OSError, http.client.HTTPException, urllib.error.URLError, ssl.SSLError)


class Expected(Protocol):
    """What is known of a file before it is there."""

    @property
    def url(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def checksum(self) -> tuple[str, str] | None: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How patient a transfer is. stall_s: without a byte. pause: waits so many seconds; doubled each time."""

    tries: int = 6
    stall_s: float = 30.0
    pause_s: float = 1.0
    pause: Callable[[float], object] = time.sleep


class _ForGoodError(Exception):
    """The server has answered, and will not answer otherwise."""


def get(url: str, connection: Patience) -> bytes:
    """The whole answer. RtemoError where there is none."""

    def once() -> bytes:
        with _open(url, connection) as answer:
            data: bytes = answer.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise _ForGoodError("it is larger than a description can be")
        return data

    return _patiently(url, connection, once)


def download(
    file: Expected, path: Path, connection: Patience, progress: Callable[[int], object] = lambda _: None
) -> bool:
    """Bring a file here. progress: called with the bytes that came. Returns whether anything had to be transferred.

    RtemoError where the server does not have it, breaks off for good, or sends something else than it announced.
    """
    if path.exists() and _problem(file, path) is None:
        progress(path.stat().st_size)
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")

    def once() -> None:
        _receive(file, part, connection, progress)
        problem = _problem(file, part)
        if problem is not None:
            if file.size < 0 or part.stat().st_size >= file.size:  # else it broke off, and the next try goes on
                part.unlink()
            raise OSError(problem)

    _patiently(file.url, connection, once)
    part.replace(path)
    return True


def _patiently(url: str, connection: Patience, once: Callable[[], T]) -> T:
    """What `once` gives, tried again after longer and longer pauses. RtemoError with the last reason."""
    why = ""
    for attempt in range(connection.tries):
        if attempt:
            connection.pause(connection.pause_s * 2 ** (attempt - 1))
        try:
            return once()
        except _ForGoodError as error:
            raise RtemoError(f"{url} cannot be fetched", str(error), "check the name") from error
        except _BROKEN as error:
            why = " ".join(f"{type(error).__name__}: {error}".split())
    raise RtemoError(f"{url} cannot be fetched", f"{connection.tries} tries; {why}", _AGAIN)


def _receive(file: Expected, part: Path, connection: Patience, progress: Callable[[int], object]) -> None:
    """Append what is missing; all of it where the server cannot go on in the middle."""
    have = part.stat().st_size if part.exists() else 0
    if have and have == file.size:
        return
    if file.size >= 0 and have > file.size:
        have = 0
    with _open(file.url, connection, have) as answer:
        resumed = have > 0 and answer.status == 206
        with part.open("ab" if resumed else "wb") as out:
            while block := answer.read1(_BLOCK):
                out.write(block)
                progress(len(block))


def _problem(file: Expected, path: Path) -> str | None:
    """What is wrong with a file that should be whole."""
    size = path.stat().st_size
    if file.size >= 0 and size != file.size:
        return f"it has {size} bytes, {file.size} were announced"
    if file.checksum is None:
        return None
    algorithm, wanted = file.checksum
    found = digest(path, algorithm)
    return None if found == wanted else f"its {algorithm} is {found}, {wanted} was announced"


def digest(path: Path, algorithm: str) -> str:
    """The checksum of a file; git: as git names its content."""
    whole = hashlib.sha1() if algorithm == "git" else hashlib.new(algorithm)
    if algorithm == "git":
        whole.update(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as data:
        while block := data.read(_BLOCK):
            whole.update(block)
    return whole.hexdigest()


def _open(url: str, connection: Patience, begin: int = 0) -> http.client.HTTPResponse:
    if not url.startswith(("https://", "http://")):
        raise _ForGoodError(f"it is no address of a file: {url[:80]!r}")
    headers = {"User-Agent": _AGENT, **({"Range": f"bytes={begin}-"} if begin else {})}
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=connection.stall_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _FOR_GOOD:
            raise _ForGoodError(f"the server answers {error.code} {error.reason}") from error
        if error.code == 416:
            raise OSError("the server has less than is here") from error
        raise OSError(f"the server answers {error.code} {error.reason}") from error
    opened: http.client.HTTPResponse = answer
    return opened
