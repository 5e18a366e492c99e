"""Network checks for LSL: interfaces, multicast, ports, firewall, settings file.

Without liblsl, so that they can name the cause where liblsl finds nothing. What they send stays on this computer.
Addresses and ports are the defaults of liblsl 1.18 (src/api_config.cpp).
"""

from __future__ import annotations

import configparser
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import psutil

from rtemo.live.diagnostics.finding import Finding, FindingState
from rtemo.sources.lsl.ports import (
    FIRST_PORT,
    MORE_PORTS,
    PORTS,
    PORTS_EACH,
    port_is_free,
    ports_in_use,
    ports_text,
)

DISCOVERY_PORT = 16571
SITE_GROUP = "239.255.172.215"
FEW_PORTS = 2 * PORTS_EACH  # rtemo itself has two streams, a device's program one or more

_ALLOW = f"UDP {DISCOVERY_PORT} and TCP and UDP {FIRST_PORT}-{FIRST_PORT + PORTS}"
_BY_ADDRESS = "list the other computers under [lab] KnownPeers = {address, ...} in lsl_api.cfg"


def interfaces() -> dict[str, str]:
    """Network interfaces of this computer with their IPv4 addresses, without loopback and those that are down."""
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    return {
        name: address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if name in up and address.family == socket.AF_INET and not address.address.startswith("127.")
    }


def check_interfaces(found: Mapping[str, str]) -> Finding:
    """Check that there is a network; list the interfaces."""
    if not found:
        todo = "connect it to the network that the other computers are on"
        return Finding("network", FindingState.WARN, "no network; only streams of this computer can be found", todo)
    listed = ", ".join(f"{name} {address}" for name, address in found.items())
    self_assigned = [name for name, address in found.items() if address.startswith("169.254.")]
    if self_assigned:
        todo = "give it a fixed address, or connect it to a network with a router"
        return Finding(
            "network", FindingState.WARN, f"{', '.join(self_assigned)} got no address from its network ({listed})", todo
        )
    hint = "if streams come and go, switch off the networks that are not used" if len(found) > 1 else ""
    return Finding("network", FindingState.OK, listed, hint)


def check_multicast(found: Mapping[str, str], returns: Callable[[str], bool] | None = None) -> Finding:
    """Check that packets to LSL's multicast group come back on each network, as far as one computer can tell."""
    returns = returns or multicast_returns
    silent = [f"{name} {address}" for name, address in found.items() if not returns(address)]
    if silent:
        fact = f"packets to {SITE_GROUP} do not come back on {', '.join(silent)}"
        return Finding("multicast", FindingState.WARN, fact, f"look at firewall and VPN, or {_BY_ADDRESS}")
    if not found:
        return Finding("multicast", FindingState.OK, "not tested: no network")
    hint = f"if other computers' streams do not show, the switch or Wi-Fi may block multicast: {_BY_ADDRESS}"
    return Finding("multicast", FindingState.OK, f"packets to {SITE_GROUP} come back on {', '.join(found)}", hint)


def multicast_returns(address: str, timeout_s: float = 0.5) -> bool:
    """Whether a packet to LSL's multicast group on an interface comes back. A time to live of 0 keeps it here."""
    token = secrets.token_bytes(16)
    interface = socket.inet_aton(address)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        try:
            receiver.bind(("", 0))
            receiver.settimeout(timeout_s)
            membership = socket.inet_aton(SITE_GROUP) + interface
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
            sender.sendto(token, (SITE_GROUP, receiver.getsockname()[1]))
            return receiver.recv(64) == token
        except OSError:  # no such route, not permitted, timed out: it does not come back
            return False


def check_ports(is_free: Callable[[int], bool] = port_is_free, ports: range | None = None) -> Finding:
    """Check that new outlets find free ports in LSL's range, which firewalls can allow."""
    free, fact = ports_text(ports_in_use() if ports is None else ports, is_free)
    room = free // PORTS_EACH
    fact += f": room for {room} more stream{'' if room == 1 else 's'}"
    if free < FEW_PORTS:
        todo = f"close programs that stream over LSL, or {MORE_PORTS}; later streams get other ports and are not found"
        return Finding("ports", FindingState.WARN, fact, todo)
    return Finding("ports", FindingState.OK, fact)


def check_firewall(system: str, ufw_settings: str, processes: Collection[str]) -> Finding:
    """Check whether a firewall is on, where that can be read without administrator rights.

    system: sys.platform. ufw_settings: the text of /etc/ufw/ufw.conf, empty without one. processes: those running.
    """
    ports = f"{FIRST_PORT}:{FIRST_PORT + PORTS}"
    if system == "linux" and "ENABLED=yes" in ufw_settings.split():
        todo = f"sudo ufw allow {DISCOVERY_PORT}/udp; sudo ufw allow {ports}/tcp; sudo ufw allow {ports}/udp"
        return Finding("firewall", FindingState.WARN, "ufw is on", f"if streams of other computers do not show: {todo}")
    if system == "linux" and "firewalld" in processes:
        dashed = ports.replace(":", "-")
        options = " ".join(f"--add-port={p}" for p in (f"{DISCOVERY_PORT}/udp", f"{dashed}/tcp", f"{dashed}/udp"))
        todo = f"if streams of other computers do not show: sudo firewall-cmd {options}"
        return Finding("firewall", FindingState.WARN, "firewalld is on", todo)
    if system == "linux":
        return Finding("firewall", FindingState.OK, "neither ufw nor firewalld is on")
    hint = f"if streams of other computers do not show, allow Python in the firewall of the system: {_ALLOW}"
    return Finding("firewall", FindingState.OK, "cannot be read here without an administrator", hint)


def check_settings(path: Path | None) -> Finding:
    """Check whether liblsl's settings file, if there is one, hides streams."""
    if path is None:
        return Finding("LSL settings", FindingState.OK, "the defaults; no lsl_api.cfg")
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        settings.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeError) as error:
        todo = "mend or remove it; liblsl falls back to its defaults"
        return Finding(
            "LSL settings", FindingState.WARN, f"{path} cannot be read: {' '.join(str(error).split())}", todo
        )
    limits = _limits(settings)
    if limits:
        return Finding(
            "LSL settings", FindingState.WARN, f"{path}: {' and '.join(limits)}", "the same file on every computer"
        )
    return Finding("LSL settings", FindingState.OK, str(path))


def _limits(settings: configparser.ConfigParser) -> list[str]:
    """The streams that these settings hide, as texts."""
    session = settings.get("lab", "SessionID", fallback="default")
    scope = settings.get("multicast", "ResolveScope", fallback="site")
    limits = [f"only streams of session {session!r} are seen"] if session != "default" else []
    return limits + (["only streams of this computer are seen"] if scope == "machine" else [])
