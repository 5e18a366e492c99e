"""What runs beside a session in a process of its own: a user's script, and the recording of the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rtemo.live.script.beside_process import BesideProcess
from rtemo.recordings.events import EventKind

HANGS_S = 5.0  # a script that takes nothing for so long hangs
SCREEN = "screen recording"

Note = Callable[[EventKind, str], object]


@dataclass(frozen=True, slots=True)
class ScriptPlace:
    """The script, and the engine that it is beside: its name, the folder of its address. participants: of several."""

    file: Path
    engine: str
    folder: Path | None = None
    participants: tuple[str, ...] = ()


def script_process(place: ScriptPlace, note: Note) -> BesideProcess:
    """Run a user's script."""
    at = ["--engine-at", str(place.folder)] if place.folder is not None else []
    at += [word for whose in place.participants for word in ("--participant", whose)]
    words = ["script", str(place.file), "--engine", place.engine, *at]
    return BesideProcess(f"script {place.file.name}", words, note, HANGS_S)


def screen_process(video: Path, lsl_session: str, note: Note) -> BesideProcess:
    """Record this computer's screen. lsl_session: that of this program, where it has one of its own."""
    own = ["--lsl-session", lsl_session] if lsl_session else []
    return BesideProcess(SCREEN, ["screen", str(video), *own], note)
