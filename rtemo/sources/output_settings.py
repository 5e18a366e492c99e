"""Where a session is published besides its files: receivers on the network, and what its LSL outlets are called.

Nothing but this computer is sent to or listened to unless the settings allow the network.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from rtemo.core.errors import RtemoError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """A computer and a port of it."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> NetworkAddress:
        """From HOST:PORT, [IPV6]:PORT, or PORT on this computer. Raises RtemoError for anything else."""
        found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]:|([^\s:\[\]/]+):)?([0-9]{1,5})", text.strip())
        if found is None or not 1 <= int(found[3]) <= 65535:
            raise RtemoError(
                "an address must be HOST:PORT or PORT", f"found {text!r:.200}", "for example 127.0.0.1:9000"
            )
        return cls(found[1] or found[2] or LOOPBACK, int(found[3]))

    @property
    def is_loopback(self) -> bool:
        """Whether it is this computer whatever the network is like. A name other than localhost never is."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.casefold() == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """osc: where predictions are sent by UDP. websocket, remote: where rtemo listens, for readers and for LabRecorder's
    commands. outlet_name: of the LSL outlet of predictions, instead of one with the participant's name.
    script: the file of a user's script that runs beside each session. screen: whether this computer's screen is
    recorded beside each session.
    """

    osc: NetworkAddress | None = None
    websocket: NetworkAddress | None = None
    remote: NetworkAddress | None = None
    outlet_name: str = ""
    allow_network: bool = False
    script: str = ""
    screen: bool = False

    def check(self) -> None:
        """Raises RtemoError for an address on the network where only this computer is allowed."""
        for what, address in (("OSC", self.osc), ("WebSocket", self.websocket), ("remote control", self.remote)):
            if address is not None and not address.is_loopback and not self.allow_network:
                raise RtemoError(
                    f"{what} stays on this computer unless the network is allowed",
                    f"found {address}",
                    f"use {LOOPBACK}:{address.port}, or allow the network (--allow-network)",
                )

    @property
    def listens_on_network(self) -> bool:
        """Whether others may connect, who then need the token."""
        listening = (address for address in (self.websocket, self.remote) if address is not None)
        return any(not address.is_loopback for address in listening)


def outputs_table(settings: OutputSettings) -> dict[str, Any]:
    """The settings as a table of a TOML file. What is not set is left out."""
    addresses = {"osc": settings.osc, "websocket": settings.websocket, "remote": settings.remote}
    table: dict[str, Any] = {name: str(address) for name, address in addresses.items() if address is not None}
    if settings.outlet_name:
        table["outlet_name"] = settings.outlet_name
    if settings.script:
        table["script"] = settings.script
    if settings.screen:
        table["screen"] = True
    if settings.allow_network:
        table["allow_network"] = True
    return table
