"""Guard around foreign readers and files: any failure becomes one RtemoError with the file, the reason and a remedy.

Readers of other projects fail in every way there is on damaged files, so every exception counts, not a list of them.
Files that are not there at all, though their names are (git-annex, Git LFS, an interrupted download), are recognised
before anybody reads them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from offline.datasets.child_process import CHILD, ProcessDied
from rtemo.core.errors import RtemoError

T = TypeVar("T")
_POINTER_BYTES = 400
_ANNEX = re.compile(rb"\.?/?(\.git/)?annex/objects/")
_LFS = b"version https://git-lfs"
_LONGEST = 400  # letters of a foreign exception: some print the whole file
COPY_AGAIN = "copy the file again"


@contextmanager
def reading(path: Path, what: str = "", todo: str = COPY_AGAIN) -> Iterator[None]:
    """Turn whatever happens inside into RtemoError. what: such as "as EEG"."""
    try:
        yield
    except RtemoError:
        raise
    except Exception as error:
        raise unreadable(path, error, what, todo) from error


def unreadable(path: Path, error: Exception, what: str = "", todo: str = COPY_AGAIN) -> RtemoError:
    """The error for a file that a reader failed on."""
    if isinstance(error, MemoryError):
        todo = "use a computer with more memory, or fewer --jobs"
    text = " ".join(str(error).split())
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} ..."
    return RtemoError(f"{path} cannot be read{' ' * bool(what)}{what}", f"{type(error).__name__}: {text}", todo)


def check_content(path: Path) -> None:
    """RtemoError where the file is empty, or a pointer to a content that was not fetched. Call it inside `reading`."""
    if path.is_symlink() and not path.exists():
        raise _not_fetched(path, f"it is a link to {path.readlink()}, which is not there")
    with path.open("rb") as file:
        begin = file.read(_POINTER_BYTES)
    if not begin:
        raise RtemoError(f"{path} is empty", "0 bytes", COPY_AGAIN)
    if len(begin) < _POINTER_BYTES and _ANNEX.match(begin):
        raise _not_fetched(path, "it is a git-annex pointer")
    if begin.startswith(_LFS):
        raise _not_fetched(path, "it is a Git LFS pointer")


def _not_fetched(path: Path, found: str) -> RtemoError:
    todo = "fetch it: `datalad get`, `git annex get` or `git lfs pull` in the data set's folder"
    return RtemoError(f"the content of {path} was not fetched", found, todo)


def isolated(read: Callable[..., T], path: Path, *arguments: Any, what: str = "") -> T:
    """What a reader gives that may take its whole process with it on a damaged file, as SciPy's MATLAB reader does.

    It runs in a child process, which serves many files; if it dies, this is a RtemoError like any other.
    """
    try:
        return CHILD.run(read, path, *arguments)
    except ProcessDied as error:
        raise unreadable(path, error, what) from error


@contextmanager
def collected_warnings() -> Iterator[list[str]]:
    """The warnings that are given inside, each text once, instead of on stderr or as errors."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
        texts += dict.fromkeys(" ".join(str(one.message).split()) for one in caught)
