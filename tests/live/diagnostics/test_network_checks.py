"""What doctor says about the network, told from invented networks, ports, firewalls and settings files."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from rtemo.live.diagnostics import lsl_network as network
from rtemo.live.diagnostics.finding import Finding, FindingState

TWO = {"eth0": "10.0.0.5", "wlan0": "192.168.1.7"}


def test_no_network_is_a_warning_since_this_computer_alone_still_works():
    assert network.check_interfaces({}).state is FindingState.WARN
    assert network.check_multicast({}).state is FindingState.OK


def test_every_network_is_named():
    finding = network.check_interfaces(TWO)

    assert finding.state is FindingState.OK
    assert finding.fact == "eth0 10.0.0.5, wlan0 192.168.1.7"
    assert finding.todo


def test_a_network_that_gave_no_address_is_a_warning():
    finding = network.check_interfaces(TWO | {"eth1": "169.254.3.4"})

    assert finding.state is FindingState.WARN
    assert finding.fact.startswith("eth1 got no address")


def test_the_network_where_multicast_does_not_come_back_is_named():
    finding = network.check_multicast(TWO, lambda address: address == TWO["eth0"])

    assert finding.state is FindingState.WARN
    assert "wlan0 192.168.1.7" in finding.fact
    assert "eth0" not in finding.fact
    assert "KnownPeers" in finding.todo


def test_a_packet_to_the_group_comes_back_on_loopback():
    assert network.multicast_returns("127.0.0.1", timeout_s=5)


def test_an_address_of_another_computer_brings_nothing_back():
    assert not network.multicast_returns("192.0.2.77", timeout_s=0.01)


def test_loopback_is_no_network():
    assert not [address for address in network.interfaces().values() if address.startswith("127.")]


@pytest.mark.parametrize(
    ("free", "state"), [(0, FindingState.WARN), (3, FindingState.WARN), (4, FindingState.OK), (32, FindingState.OK)]
)
def test_few_free_ports_are_a_warning(free: int, state: FindingState):
    ports = range(network.FIRST_PORT, network.FIRST_PORT + network.PORTS)
    finding = network.check_ports(lambda port: port < network.FIRST_PORT + free, ports)

    assert finding.state is state
    assert finding.fact.startswith(f"{free} of the 32")
    assert f"room for {free // 2} more stream" in finding.fact
    assert ("PortRange" in finding.todo) == (state is FindingState.WARN)


def test_the_ports_are_those_of_the_settings(tmp_path: Path, monkeypatch):
    path = tmp_path / "lsl_api.cfg"
    path.write_text("[ports]\nBasePort = 20000\nPortRange = 200\n")
    monkeypatch.setenv("LSLAPICFG", str(path))
    monkeypatch.setattr("rtemo.sources.lsl.config._configured", [])
    finding = network.check_ports(lambda port: port >= 20000 + 32)

    assert finding.state is FindingState.OK
    assert finding.fact == "168 of the 200 ports from 20000 are free: room for 84 more streams"
    path.write_text("[ports]\nPortRange = many\n")
    assert network.check_ports(lambda _port: True).fact.startswith("32 of the 32 ports from 16572")


def test_a_port_that_is_listened_on_is_not_free():
    with socket.socket() as listener:
        listener.bind(("", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not network.port_is_free(port)
    assert network.port_is_free(0)  # any that is free


def test_a_firewall_that_is_on_comes_with_the_commands_that_open_it():
    ufw = network.check_firewall("linux", "# /etc/ufw/ufw.conf\nENABLED=yes\nLOGLEVEL=low\n", ())
    firewalld = network.check_firewall("linux", "ENABLED=no", ("systemd", "firewalld"))

    assert ufw.state is firewalld.state is FindingState.WARN
    assert "sudo ufw allow 16571/udp" in ufw.todo
    assert "16572:16604/tcp" in ufw.todo
    assert "--add-port=16571/udp --add-port=16572-16604/tcp" in firewalld.todo


def test_no_firewall_and_one_that_cannot_be_read_are_told_apart():
    assert network.check_firewall("linux", "", ("bash",)).fact == "neither ufw nor firewalld is on"
    assert "cannot be read" in network.check_firewall("win32", "", ()).fact
    assert "16571" in network.check_firewall("darwin", "", ()).todo


def test_without_a_settings_file_the_defaults_are_in_force():
    assert network.check_settings(None).state is FindingState.OK


def test_settings_that_hide_streams_are_a_warning(tmp_path: Path):
    (tmp_path / "a.cfg").write_text("[lab]\nSessionID = lab7\n[multicast]\nResolveScope = machine\n")
    finding = network.check_settings(tmp_path / "a.cfg")

    assert finding.state is FindingState.WARN
    assert "a.cfg" in finding.fact
    assert "'lab7'" in finding.fact
    assert "only streams of this computer" in finding.fact


def test_settings_that_hide_nothing_are_well(tmp_path: Path):
    (tmp_path / "a.cfg").write_text("[lab]\nKnownPeers = {10.0.0.9}\n[log]\nlevel = -2\nfile = %TEMP%/lsl.log\n")

    assert network.check_settings(tmp_path / "a.cfg").state is FindingState.OK


@pytest.mark.parametrize("content", [b"no section\n", b"[lab\n", b"\xff\xfe\x00"])
def test_a_broken_settings_file_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "a.cfg").write_bytes(content)
    finding = network.check_settings(tmp_path / "a.cfg")

    assert finding.state is FindingState.WARN
    assert "cannot be read" in finding.fact
    assert "\n" not in finding.fact


def test_interfaces_are_those_that_are_up_and_have_an_address(monkeypatch: pytest.MonkeyPatch):
    def address(family: int, text: str) -> SimpleNamespace:
        return SimpleNamespace(family=family, address=text)

    addresses = {
        "lo": [address(socket.AF_INET, "127.0.0.1")],
        "eth0": [address(socket.AF_INET6, "fe80::1"), address(socket.AF_INET, "10.0.0.5")],
        "wlan0": [address(socket.AF_INET, "192.168.1.7")],
    }
    up = {name: SimpleNamespace(isup=name != "wlan0") for name in addresses}
    monkeypatch.setattr(network.psutil, "net_if_stats", lambda: up)
    monkeypatch.setattr(network.psutil, "net_if_addrs", lambda: addresses)
    assert network.interfaces() == {"eth0": "10.0.0.5"}


OK, WARN = FindingState.OK, FindingState.WARN
BY_ADDRESS = "list the other computers under [lab] KnownPeers = {address, ...} in lsl_api.cfg"
ONE = {"eth0": "10.0.0.5"}


@pytest.mark.parametrize(
    ("found", "state", "fact", "todo"),
    [
        ({}, WARN, "no network; only streams of this computer can be found",
         "connect it to the network that the other computers are on"),
        (ONE, OK, "eth0 10.0.0.5", ""),
        (TWO, OK, "eth0 10.0.0.5, wlan0 192.168.1.7",
         "if streams come and go, switch off the networks that are not used"),
        ({"a": "169.254.1.1", "b": "10.0.0.1", "c": "169.254.2.2"}, WARN,
         "a, c got no address from its network (a 169.254.1.1, b 10.0.0.1, c 169.254.2.2)",
         "give it a fixed address, or connect it to a network with a router"),
    ],
)  # fmt: skip
def test_what_is_found_about_networks(found: dict[str, str], state: FindingState, fact: str, todo: str):
    assert network.check_interfaces(found) == Finding("network", state, fact, todo)


@pytest.mark.parametrize(
    ("found", "returns", "state", "fact", "todo"),
    [
        ({}, True, OK, "not tested: no network", ""),
        (TWO, True, OK, "packets to 239.255.172.215 come back on eth0, wlan0",
         f"if other computers' streams do not show, the switch or Wi-Fi may block multicast: {BY_ADDRESS}"),
        (ONE, False, WARN, "packets to 239.255.172.215 do not come back on eth0 10.0.0.5",
         f"look at firewall and VPN, or {BY_ADDRESS}"),
    ],
)  # fmt: skip
def test_what_is_found_about_multicast(found: dict[str, str], returns: bool, state: FindingState, fact: str, todo: str):
    assert network.check_multicast(found, lambda _address: returns) == Finding("multicast", state, fact, todo)


def test_a_setting_that_is_given_twice_is_read_as_liblsl_reads_it(tmp_path: Path):
    path = tmp_path / "a.cfg"
    path.write_text("[lab]\nSessionID = one\nSessionID = two\n[lab]\nSessionID = lab7\n")
    assert network.check_settings(path) == Finding(
        "LSL settings", WARN, f"{path}: only streams of session 'lab7' are seen", "the same file on every computer"
    )
    path.write_text("[lab\n")
    assert network.check_settings(path).todo == "mend or remove it; liblsl falls back to its defaults"


NOT_SHOWN = "if streams of other computers do not show"


@pytest.mark.parametrize(
    ("system", "ufw", "processes", "state", "fact", "todo"),
    [
        ("linux", "ENABLED=yes", ("firewalld",), WARN, "ufw is on",
         f"{NOT_SHOWN}: sudo ufw allow 16571/udp; sudo ufw allow 16572:16604/tcp; sudo ufw allow 16572:16604/udp"),
        ("linux", "", ("firewalld",), WARN, "firewalld is on",
         f"{NOT_SHOWN}: sudo firewall-cmd --add-port=16571/udp --add-port=16572-16604/tcp --add-port=16572-16604/udp"),
        ("linux", "#ENABLED=yes", ("firewall",), OK, "neither ufw nor firewalld is on", ""),
        ("darwin", "ENABLED=yes", ("firewalld",), OK, "cannot be read here without an administrator",
         f"{NOT_SHOWN}, allow Python in the firewall of the system: UDP 16571 and TCP and UDP 16572-16604"),
    ],
)  # fmt: skip
def test_what_is_found_about_the_firewall(system, ufw, processes, state, fact, todo):
    assert network.check_firewall(system, ufw, processes) == Finding("firewall", state, fact, todo)


@pytest.mark.parametrize(
    ("free", "state", "room"),
    [(1, WARN, "room for 0 more streams"), (2, WARN, "room for 1 more stream"), (3, WARN, "room for 1 more stream"),
     (4, OK, "room for 2 more streams")],
)  # fmt: skip
def test_what_is_found_about_ports(free, state, room):
    finding = network.check_ports(lambda port: port < 16572 + free, range(16572, 16604))
    assert (finding.name, finding.state) == ("ports", state)
    assert finding.fact.endswith(f": {room}")
    assert finding.todo.startswith("close programs that stream over LSL, or ") == (state is WARN)
    assert finding.todo.endswith("; later streams get other ports and are not found") == (state is WARN)


@pytest.mark.parametrize(
    ("text", "state", "found"),
    [
        ("[lab]\nSessionID = default\n[multicast]\nResolveScope = site\n", OK, ""),
        ("[multicast]\nResolveScope = machine\n", WARN, "only streams of this computer are seen"),
        ("[lab]\nSessionID = x\n[multicast]\nResolveScope = machine\n", WARN,
         "only streams of session 'x' are seen and only streams of this computer are seen"),
    ],
)  # fmt: skip
def test_what_is_found_about_the_settings(tmp_path: Path, text, state, found):
    path = tmp_path / "a.cfg"
    path.write_text(text)
    todo = "the same file on every computer" if found else ""
    fact = f"{path}: {found}" if found else str(path)
    assert network.check_settings(path) == Finding("LSL settings", state, fact, todo)
    assert network.check_settings(None) == Finding("LSL settings", OK, "the defaults; no lsl_api.cfg")
