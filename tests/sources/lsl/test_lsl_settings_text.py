"""The settings that a session of its own gives to liblsl, to the letter."""

from __future__ import annotations

import pytest

from rtemo.sources.lsl.config import settings_for


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
