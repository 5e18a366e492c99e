"""MATLAB v5 files one variable at a time: what is in the file, whether it is whole, and reading a single array.

SciPy reads the variables, in a process of its own, which some damaged files take with them. What it does not do is
notice that a file was cut off behind the last variable that it was asked for: the top-level elements' byte counts are
used for that.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.io import loadmat, whosmat

from offline.datasets.child_process import CHILD
from offline.datasets.foreign import COPY_AGAIN, check_content
from rtemo.core.errors import RtemoError

_HEADER_BYTES = 128


@dataclass(frozen=True, slots=True)
class MatIndex:
    """The complete variables of a file, in file order, and whether the file ends inside a further one."""

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    truncated: bool


def index(path: Path) -> MatIndex:
    """Names and shapes without reading any data. RtemoError where it is no v5 file."""
    with _matlab(path):
        if path.is_symlink() or path.stat().st_size:
            check_content(path)
        return CHILD.run(_index, path)


def variable(path: Path, name: str, dtype: DTypeLike | None = None) -> NDArray[Any]:
    """One variable, as SciPy gives it, or as numbers of this type. RtemoError where it is not there or damaged."""
    with _matlab(path, name):
        return CHILD.run(_variable, path, name, dtype)


def _index(path: Path) -> MatIndex:
    with path.open("rb") as file:
        complete_bytes, truncated = _complete_bytes(file.read(_HEADER_BYTES), file, path.stat().st_size)
        if truncated:
            file.seek(0)
            listed = whosmat(io.BytesIO(file.read(complete_bytes)), appendmat=False)  # type: ignore[arg-type]
        else:
            listed = whosmat(str(path), appendmat=False)
    return MatIndex(path, {name: shape for name, shape, _ in listed}, truncated)


def _variable(path: Path, name: str, dtype: DTypeLike | None) -> NDArray[Any]:
    return np.asarray(loadmat(str(path), variable_names=[name], appendmat=False)[name], dtype)


def _complete_bytes(header: bytes, file: io.BufferedReader, size: int) -> tuple[int, bool]:
    """Bytes up to the end of the last complete top-level element (MAT-file format, level 5: 8-byte tags)."""
    if len(header) < _HEADER_BYTES or header[126:128] not in (b"IM", b"MI"):
        raise ValueError("no MATLAB v5 header")
    tag = struct.Struct("<II" if header[126:128] == b"IM" else ">II")
    position = _HEADER_BYTES
    while position < size:
        file.seek(position)
        head = file.read(tag.size)
        if len(head) < tag.size:
            return position, True
        end = position + tag.size + tag.unpack(head)[1]
        if end > size:
            return position, True
        position = end
    return position, False


@contextmanager
def _matlab(path: Path, name: str = "") -> Iterator[None]:
    """Turn whatever happens inside, the end of the child included, into RtemoError."""
    try:
        yield
    except RtemoError:
        raise
    except Exception as error:
        what = f"variable {name!r} of {path}" if name else f"{path}"
        found = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise RtemoError(f"{what} cannot be read as MATLAB v5", found, COPY_AGAIN) from error
