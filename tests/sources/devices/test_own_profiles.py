"""Device profiles that somebody keeps for this computer."""

from __future__ import annotations

import pytest

from rtemo import resources
from rtemo.cli import main
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo
from rtemo.sources.devices.profile import known_profiles, load_profiles, match

TEXT = 'id = "{id}"\nname = "Mine"\nkind = "eeg"\nfacts = "made up"\n[[match]]\ntype = "^eeg$"\nname = "^Odd"\n'
STREAM = StreamInfo("1", "Odd amplifier", "EEG", "float32", 250.0, tuple(Channel(f"c{k}") for k in range(8)))


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a profile of the user's own."""
    monkeypatch.setenv("RTEMO_DEVICES", str(tmp_path))

    def write(name, text=TEXT):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "profile.toml"
        file.write_text(text.format(id=name))
        return file

    return write


def test_without_a_folder_there_are_those_that_rtemo_brings(tmp_path, monkeypatch):
    monkeypatch.setenv("RTEMO_DEVICES", str(tmp_path / "nothing"))
    assert known_profiles() == load_profiles(resources.devices())


def test_a_stream_is_read_with_an_own_profile(own):
    assert match(STREAM, known_profiles()).profile.id == "generic-eeg"
    own("odd-amp")
    assert match(STREAM, known_profiles()).profile.id == "odd-amp"


def test_an_own_profile_takes_the_place_of_the_one_with_its_id(own):
    own("muse")
    (muse,) = [profile for profile in known_profiles() if profile.id == "muse"]
    assert muse.name == "Mine"


def test_the_command_lists_shows_and_checks_them(own, capsys, tmp_path):
    own("odd-amp")
    assert main(["devices"]) == 0
    assert any("odd-amp" in line and "your own" in line for line in capsys.readouterr().out.splitlines())
    assert main(["devices", "show", "odd-amp"]) == 0
    assert 'name = "Mine"' in capsys.readouterr().out
    assert main(["devices", "check"]) == 0
    assert f"1 of your own in {tmp_path}" in capsys.readouterr().out


def test_a_broken_one_is_named_and_never_half_used(own, capsys):
    file = own("odd-amp", TEXT + "[eeg]\nunit = 'stones'\n")
    with pytest.raises(RtemoError, match=r"odd-amp.profile\.toml.*unit"):
        known_profiles()
    assert main(["devices", "check"]) == 2
    assert str(file) in capsys.readouterr().out
