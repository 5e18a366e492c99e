"""Unpickling that can only make numpy arrays: SEED-V's npz files hold pickled bytes, and a pickle can run code.

The names that old and new NumPy write for the same functions are both known; everything else is refused unread.
"""

from __future__ import annotations

import codecs
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.datasets.foreign import unreadable
from rtemo.core.errors import RtemoError

# What NumPy itself names as the functions that rebuild an array, a scalar and a protocol 5 buffer.
_REBUILD: Mapping[str, Any] = {
    "_reconstruct": np.zeros(1).__reduce__()[0],
    "scalar": np.float64(0).__reduce__()[0],
    "_frombuffer": np.zeros(1).__reduce_ex__(5)[0],
}
_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
    **{
        (f"{package}.{module}", name): _REBUILD[name]
        for package in ("numpy.core", "numpy._core")
        for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
    },
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _ALLOWED[module, name]


def load_trials(path: Path, member: str) -> dict[int, NDArray[np.float64]]:
    """The member of an npz as {trial: array}: a 0-d bytes array that holds a pickled dict with whole-number keys."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            packed = archive[member].item()
        content = _ArraysOnly(io.BytesIO(packed)).load()
        return {int(key): np.asarray(value, dtype=np.float64) for key, value in content.items()}
    except pickle.UnpicklingError as error:
        raise RtemoError(
            f"{path} is refused: its pickle holds more than arrays", str(error), "do not trust this file"
        ) from error
    except Exception as error:
        raise unreadable(path, error, f"as pickled arrays ({member!r})") from error
