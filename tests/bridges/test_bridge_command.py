"""`rtemo bridge`: says what there is and how far it was tried, and what is missing."""

from __future__ import annotations

import sys

import pytest

from rtemo.bridges import BRIDGES
from rtemo.cli import main


def test_without_an_id_it_lists_all_bridges_and_how_far_they_were_tried(capsys):
    assert main(["bridge"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(BRIDGES)
    assert all(entry.tried in line for line, entry in zip(lines, BRIDGES.values(), strict=True))


def test_a_bridge_that_is_none_is_refused_with_those_that_are(capsys):
    assert main(["bridge", "tobi"]) == 2
    assert "tobii-pro" in capsys.readouterr().err


@pytest.mark.parametrize("bridge", ["tobii-pro", "pupil-labs", "eyelink"])
def test_a_vendors_library_that_is_not_there_is_named_with_how_to_get_it(bridge, capsys, monkeypatch):
    for package in ("tobii_research", "pupil_labs", "pupil_labs.realtime_api", "pylink"):
        monkeypatch.setitem(sys.modules, package, None)
    assert main(["bridge", bridge]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: this bridge needs")
    assert "install" in error


@pytest.mark.parametrize("address", ["4242", "localhost:", "localhost:99999", ":4242"])
def test_an_address_that_is_none_is_refused(address, capsys):
    assert main(["bridge", "gazepoint", "--address", address]) == 2
    assert "HOST:PORT" in capsys.readouterr().err
