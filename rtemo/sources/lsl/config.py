"""Configuration of liblsl in this process: where it looks for streams, in which session, how much it logs.

liblsl reads its settings once, at the first call of any kind. So `configure` comes before everything else, or the
user's own lsl_api.cfg decides. Importing this module does not load liblsl, which may be missing.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Literal

from rtemo.core.errors import RtemoError

Scope = Literal["lab", "machine"]

FIRST_PORT, PORTS, N_RANGES = 17000, 200, 75  # up to 32000: below the ports that systems give away

# liblsl reports every lost connection in lines of its own; we report them in ours.
_QUIET = "[log]\nlevel = -3\n"
_configured: list[tuple[Scope, str]] = []


def config_file() -> Path | None:
    """The user's own settings that liblsl finds, in the order in which it looks."""
    named = os.environ.get("LSLAPICFG")
    places = [Path(named)] if named else []
    places += [Path("lsl_api.cfg"), Path.home() / "lsl_api" / "lsl_api.cfg", Path("/etc/lsl_api/lsl_api.cfg")]
    return next((place for place in places if place.is_file()), None)


def configure(scope: Scope, session_id: str = "") -> None:
    """Call before anything else of LSL, once a process; the same again does nothing.

    lab: the user's own settings, or liblsl's defaults where there are none. machine: streams of this computer only, and
    only those of this session id; the user's settings are left aside. Raises RtemoError for a change of mind.
    """
    if scope == "machine" and not session_id:
        raise RtemoError("a session of its own needs an id", "session_id is empty", "give one")
    if scope == "lab" and session_id:
        raise RtemoError("in the lab the user's settings name the session", f"session_id is {session_id!r}")
    if _configured:
        if _configured[0] != (scope, session_id):
            raise RtemoError("LSL is set up once a process", f"it is {_configured[0]}, asked for {(scope, session_id)}")
        return
    _configured.append((scope, session_id))
    content = settings_for(scope, session_id)
    if content:
        from rtemo.sources.lsl.liblsl import pylsl

        pylsl.set_config_content(content)


def own_session() -> str:
    """The id of a session of this computer alone that this process is in; empty in the lab."""
    return _configured[0][1] if _configured else ""


def first_port(session_id: str) -> int:
    """The first port of a session of its own."""
    return FIRST_PORT + PORTS * (zlib.crc32(session_id.encode()) % N_RANGES)


def settings_for(scope: Scope, session_id: str) -> str:
    """The settings to be given to liblsl; empty where the user's own file decides.

    A query to 127.0.0.1 reaches only one of the outlets that listen on the shared port; naming this computer as a peer
    makes liblsl ask every port of a range too. The default range of 32 is used up by a handful of outlets and searches,
    and an outlet beyond it is not found. So a session of its own has a range of its own.
    """
    if scope == "lab":
        return "" if config_file() else _QUIET
    base = first_port(session_id)
    return (
        f"[lab]\nSessionID = {session_id}\nKnownPeers = {{127.0.0.1}}\n[multicast]\nResolveScope = machine\n"
        f"[ports]\nBasePort = {base}\nPortRange = {PORTS}\n{_QUIET}"
    )


def lsl_version() -> str:
    """The versions of liblsl and of its binding. Raises RtemoError when liblsl is missing or cannot be loaded."""
    from rtemo.sources.lsl.liblsl import pylsl

    number = pylsl.library_version()
    return f"liblsl {number // 100}.{number % 100}, pylsl {pylsl.__version__}"
