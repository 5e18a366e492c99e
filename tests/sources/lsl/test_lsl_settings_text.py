"""The settings that a session of its own gives to liblsl, to the letter."""

from __future__ import annotations

import pytest

from rtemo.sources.lsl.config import settings_for
from rtemo.sources.lsl.ports import port_range


def test_a_session_of_one_computer_has_a_range_of_ports_of_its_own():
    # crc32 of "a" is 3904355907, which leaves 57 when divided by 75: 17000 + 200 * 57
    assert settings_for("machine", "a") == (
        "[lab]\nSessionID = a\nKnownPeers = {127.0.0.1}\n[multicast]\nResolveScope = machine\n"
        "[ports]\nBasePort = 28400\nPortRange = 200\n[log]\nlevel = -3\n"
    )


@pytest.mark.parametrize("session", ["", "b", "rtemo-tests-1", "Mäuse"])
def test_all_ranges_lie_between_17000_and_32000(session):
    text = settings_for("machine", session)
    base = int(text.split("BasePort = ")[1].split("\n")[0])
    assert 17000 <= base <= 32000 - 200
    assert (base - 17000) % 200 == 0


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("", range(16572, 16604)),  # liblsl's own
        ("[ports]\nPortRange = 200\n", range(16572, 16772)),
        ("[ports]\nBasePort = 20000\n", range(20000, 20032)),
        ("[ports]\nBasePort = 20000\nPortRange = 4\n", range(20000, 20004)),
        ("[ports]\nBasePort = many\n", range(16572, 16604)),
        ("ports\n", range(16572, 16604)),
    ],
)
def test_the_ports_of_outlets_are_those_of_the_settings_file(tmp_path, text, ports):
    path = tmp_path / "lsl_api.cfg"
    path.write_text(text, encoding="utf-8")
    assert port_range(path) == ports
    assert port_range(None) == port_range(tmp_path / "none") == range(16572, 16604)
