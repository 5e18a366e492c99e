"""What of this computer's network LSL rests on: interfaces, multicast, ports, firewall, settings file.

Looks without liblsl, so that it can say what is wrong where liblsl finds nothing. What it sends stays on this computer.
Addresses and ports are the defaults of liblsl 1.18 (src/api_config.cpp).
"""

from __future__ import annotations

import configparser
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import psutil

from rtemo.live.diagnostics.finding import Finding, State

DISCOVERY_PORT = 16571
FIRST_PORT, PORTS = 16572, 32
SITE_GROUP = "239.255.172.215"
FEW_PORTS = 4  # rtemo itself needs two, a device's program one a stream

_ALLOW = f"UDP {DISCOVERY_PORT} and TCP and UDP {FIRST_PORT}-{FIRST_PORT + PORTS}"
_BY_ADDRESS = "list the other computers under [lab] KnownPeers = {address, ...} in lsl_api.cfg"


def interfaces() -> dict[str, str]:
    """The networks that this computer is on: interface -> IPv4 address. Loopback and what is down are left out."""
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    return {
        name: address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if name in up and address.family == socket.AF_INET and not address.address.startswith("127.")
    }


def check_interfaces(found: Mapping[str, str]) -> Finding:
    """Which networks there are."""
    if not found:
        todo = "connect it to the network that the other computers are on"
        return Finding("network", State.WARN, "no network; only streams of this computer can be found", todo)
    listed = ", ".join(f"{name} {address}" for name, address in found.items())
    lonely = [name for name, address in found.items() if address.startswith("169.254.")]
    if lonely:
        todo = "give it a fixed address, or connect it to a network with a router"
        return Finding("network", State.WARN, f"{', '.join(lonely)} got no address from its network ({listed})", todo)
    hint = "if streams come and go, switch off the networks that are not used" if len(found) > 1 else ""
    return Finding("network", State.OK, listed, hint)


def check_multicast(found: Mapping[str, str], returns: Callable[[str], bool] | None = None) -> Finding:
    """Whether packets to LSL's group come back on each network, as far as one computer can tell."""
    returns = returns or multicast_returns
    deaf = [f"{name} {address}" for name, address in found.items() if not returns(address)]
    if deaf:
        fact = f"packets to {SITE_GROUP} do not come back on {', '.join(deaf)}"
        return Finding("multicast", State.WARN, fact, f"look at firewall and VPN, or {_BY_ADDRESS}")
    if not found:
        return Finding("multicast", State.OK, "not tested: no network")
    hint = f"if other computers' streams do not show, the switch or Wi-Fi may block multicast: {_BY_ADDRESS}"
    return Finding("multicast", State.OK, f"packets to {SITE_GROUP} come back on {', '.join(found)}", hint)


def multicast_returns(address: str, timeout_s: float = 0.5) -> bool:
    """Whether a packet sent to LSL's group on this interface comes back. Its time to live of 0 keeps it here."""
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


def check_ports(is_free: Callable[[int], bool] | None = None) -> Finding:
    """Whether new outlets find a port that firewalls know."""
    is_free = is_free or port_is_free
    free = sum(is_free(port) for port in range(FIRST_PORT, FIRST_PORT + PORTS))
    fact = f"{free} of the {PORTS} ports from {FIRST_PORT} are free"
    if free < FEW_PORTS:
        return Finding("ports", State.WARN, fact, "close programs that stream over LSL; later streams get other ports")
    return Finding("ports", State.OK, fact)


def port_is_free(port: int) -> bool:
    """Whether nobody listens on this TCP port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def check_firewall(system: str, ufw_settings: str, processes: Collection[str]) -> Finding:
    """Whether a firewall is on, where that can be read without being an administrator.

    system: sys.platform. ufw_settings: the text of /etc/ufw/ufw.conf, empty without one. processes: names of what runs.
    """
    ports = f"{FIRST_PORT}:{FIRST_PORT + PORTS}"
    if system == "linux" and "ENABLED=yes" in ufw_settings.split():
        todo = f"sudo ufw allow {DISCOVERY_PORT}/udp; sudo ufw allow {ports}/tcp; sudo ufw allow {ports}/udp"
        return Finding("firewall", State.WARN, "ufw is on", f"if streams of other computers do not show: {todo}")
    if system == "linux" and "firewalld" in processes:
        dashed = ports.replace(":", "-")
        options = " ".join(f"--add-port={p}" for p in (f"{DISCOVERY_PORT}/udp", f"{dashed}/tcp", f"{dashed}/udp"))
        todo = f"if streams of other computers do not show: sudo firewall-cmd {options}"
        return Finding("firewall", State.WARN, "firewalld is on", todo)
    if system == "linux":
        return Finding("firewall", State.OK, "neither ufw nor firewalld is on")
    hint = f"if streams of other computers do not show, allow Python in the firewall of the system: {_ALLOW}"
    return Finding("firewall", State.OK, "cannot be read here without an administrator", hint)


def check_settings(path: Path | None) -> Finding:
    """Whether the settings file of liblsl that is in force, if there is one, hides streams."""
    if path is None:
        return Finding("LSL settings", State.OK, "the defaults; no lsl_api.cfg")
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        settings.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeError) as error:
        todo = "mend or remove it; liblsl falls back to its defaults"
        return Finding("LSL settings", State.WARN, f"{path} cannot be read: {' '.join(str(error).split())}", todo)
    limits = _limits(settings)
    if limits:
        return Finding("LSL settings", State.WARN, f"{path}: {' and '.join(limits)}", "the same file on every computer")
    return Finding("LSL settings", State.OK, str(path))


def _limits(settings: configparser.ConfigParser) -> list[str]:
    """What these settings hide."""
    session = settings.get("lab", "SessionID", fallback="default")
    scope = settings.get("multicast", "ResolveScope", fallback="site")
    limits = [f"only streams of session {session!r} are seen"] if session != "default" else []
    return limits + (["only streams of this computer are seen"] if scope == "machine" else [])
