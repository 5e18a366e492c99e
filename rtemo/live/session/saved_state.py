"""The state of a running session beside its recording, so that a new engine need not replay hours.

Every SAVE_S the engine's state is copied, with the number of samples that made it, and written in a thread. A new
engine takes it and replays only what was recorded after it; without one that fits it replays everything.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import sys
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import rtemo
from rtemo.core.errors import RtemoError
from rtemo.core.frozen_state import FrozenState
from rtemo.core.records import Reader
from rtemo.recordings.session_folder import beside
from rtemo.sources.private_files import replace_file

_LOG = logging.getLogger("rtemo.engine")

SAVE_S = float(os.environ.get("RTEMO_SAVE_S", "60"))  # tests/faults kills engines sooner than a minute
NAME = "state"
_READER = Reader("the saved state of the engine", "everything is replayed instead", longest=1 << 28, nan=True)


@dataclass(frozen=True, slots=True)
class StateAbout:
    """What the state is of.

    saved_s: LSL time; what the session stated later is not in it. part: the first of the recording's files that `taken`
    counts in. taken: samples of each stream since then, by stream_id. marked_s: where a baseline between markers has
    begun; null where none has.
    """

    version: str
    fingerprint: str
    hop_s: float
    saved_s: float
    part: int
    taken: Mapping[str, int]
    marked_s: float | None


@dataclass(frozen=True, slots=True)
class SavedState:
    """The state itself, see rtemo.core.frozen_state."""

    about: StateAbout
    state: FrozenState


class StateFile:
    """Writes the states of one session; only the newest is kept."""

    def __init__(self, recording: Path, participant: str = "") -> None:
        """participant: whose engine it is, of several."""
        self._path = beside(recording, NAME, participant)
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def write(self, saved: SavedState) -> None:
        """Write it in a thread. What goes wrong there costs a new engine time, nothing else."""
        self._thread = threading.Thread(target=self._write_next, args=([saved],), name="state", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until what is being written is there."""
        if self._thread is not None:
            self._thread.join()

    def remove(self) -> None:
        """The session is over: nobody takes it up."""
        self.wait()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _write_next(self, waiting: list[SavedState]) -> None:
        self._write(waiting.pop())  # nothing else holds it: it is gone afterwards
        _give_back_memory()

    def _write(self, saved: SavedState) -> None:
        about = {name: getattr(saved.about, name) for name in StateAbout.__slots__}
        document = json.dumps({"about": about, "nodes": saved.state.nodes, "roots": saved.state.roots})
        arrays: dict[str, Any] = {f"a{number}": array for number, array in enumerate(saved.state.arrays)}
        arrays["document"] = np.frombuffer(document.encode(), np.uint8)
        try:
            replace_file(self._path, lambda file: np.savez(file, **arrays))
        except OSError as error:
            _LOG.warning("the engine's state was not saved: %s", error)


def _give_back_memory() -> None:
    """Give free memory back to the system: glibc keeps what the copies took, 20 MB more in a quarter of an hour."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # other C libraries have no such function
            ctypes.CDLL(None).malloc_trim(0)


def load_state(recording: Path, fingerprint: str, hop_s: float, participant: str = "") -> SavedState | None:
    """The newest state of a session; None where there is none that this engine can go on from."""
    try:
        with beside(recording, NAME, participant).open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            document: dict[str, Any] = _READER.json(bytes(file["document"]))
            arrays = [file[f"a{number}"] for number in range(len(file.files) - 1)]
        about = _READER.read(StateAbout, document["about"])
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, RtemoError) as error:
        if not isinstance(error, FileNotFoundError):
            _LOG.warning("the engine's saved state is not used: %s", error)
        return None
    if (about.version, about.fingerprint, about.hop_s) != (rtemo.__version__, fingerprint, hop_s):
        return None
    return SavedState(about, FrozenState(document["nodes"], arrays, document["roots"]))
