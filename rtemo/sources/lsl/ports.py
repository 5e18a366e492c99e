"""Ports of LSL on this computer: which ones outlets take, how many are free, opening an outlet.

liblsl gives each outlet two ports of its range, one for IPv4 and one for IPv6, and searches take some for a moment: its
own range of 32 is full with 16 outlets. What comes then has any port, which firewalls block and which is not found by
computers that look for it by address; or it cannot be opened. Importing this module does not load liblsl.
"""

from __future__ import annotations

import configparser
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rtemo.core.errors import RtemoError
from rtemo.sources.lsl import config

if TYPE_CHECKING:
    import pylsl

FIRST_PORT, PORTS = 16572, 32  # the defaults of liblsl
PORTS_EACH = 2
MORE_PORTS = "write [ports] PortRange = 200 into lsl_api.cfg on every computer, and allow these ports in its firewall"


def port_range(path: Path | None) -> range:
    """The ports that outlets take, by a settings file of liblsl; its defaults without one that can be read."""
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        settings.read([] if path is None else [path], encoding="utf-8")
        first = settings.getint("ports", "BasePort", fallback=FIRST_PORT)
        found = range(first, first + settings.getint("ports", "PortRange", fallback=PORTS))
    except (configparser.Error, UnicodeError, ValueError):
        return range(FIRST_PORT, FIRST_PORT + PORTS)
    return found


def ports_in_use() -> range:
    """The ports that outlets of this process take."""
    session = config.own_session()
    if session:
        return range(first := config.first_port(session), first + config.PORTS)
    return port_range(config.config_file())


def port_is_free(port: int) -> bool:
    """Whether a TCP port is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("", port))
        except (OSError, OverflowError):
            return False
    return True


def ports_text(ports: range, is_free: Callable[[int], bool] = port_is_free) -> tuple[int, str]:
    """How many ports are free, and that in words."""
    free = sum(is_free(port) for port in ports)
    return free, f"{free} of the {len(ports)} ports from {ports.start} are free"


def open_outlet(info: pylsl.StreamInfo) -> pylsl.StreamOutlet:
    """A stream's outlet. Raises RtemoError where it cannot be opened, with the ports that are free."""
    import pylsl

    try:
        return pylsl.StreamOutlet(info)
    except (RuntimeError, OSError) as error:
        _, found = ports_text(ports_in_use())
        raise RtemoError(
            f"the LSL outlet {info.name()} cannot be opened",
            f"{str(error).rstrip('.')}; {found}, and a stream takes {PORTS_EACH}",
            f"close programs that stream over LSL, or {MORE_PORTS}",
        ) from error
