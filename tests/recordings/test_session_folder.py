"""The session folder."""

import shutil
import tomllib
from datetime import datetime
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.recording_places import free_bytes, is_portable, safe_name
from rtemo.sources.session_settings import SessionSettings, read_settings

WHEN = datetime(2026, 3, 4, 5, 6, 7)


def test_the_name_tells_when_and_who(tmp_path):
    folder = SessionFolder.create(tmp_path / "root", "P 07/ä", WHEN)
    assert folder.path.name == "2026-03-04_05-06-07_P-07-ä"
    assert folder.path.is_dir()


def test_nothing_is_ever_overwritten(tmp_path):
    first = SessionFolder.create(tmp_path, "P1", WHEN)
    second = SessionFolder.create(tmp_path, "P1", WHEN)
    assert first.path != second.path
    assert second.path.name.endswith("_2")


def test_settings_versions_and_streams_are_written(tmp_path):
    folder = SessionFolder.create(tmp_path, "P1", WHEN)
    info = StreamInfo("e", "Amp", "EEG", "float32", 500.0, (Channel("Cz"), Channel()))
    settings = SessionSettings(subject="P1", eeg_map={"2": ""}, baseline_s=60.0)
    folder.write_settings(settings, {"bundle": "b"}, {"duration_s": None, "hop_s": 0.25}, {"eeg": info})
    with folder.settings.open("rb") as file:
        document = tomllib.load(file)
    assert document["record"] == {"hop_s": 0.25}
    assert document["model"] == {"bundle": "b"}
    assert document["streams"]["eeg"]["channels"] == ["Cz", ""]
    assert {"rtemo", "python", "numpy", "pylsl"} <= set(document["versions"])
    assert read_settings(folder.settings) == settings  # the next session can be started with it


@pytest.mark.parametrize(
    ("given", "name"), [("..", "anonymous"), ("a/../b", "a-b"), ("", "anonymous"), ("x" * 99, "x" * 60)]
)
def test_a_subject_cannot_leave_the_folder(given, name):
    assert safe_name(given) == name


@pytest.mark.parametrize(
    "name", ["con", "NUL.xdf", "com1", "lpt9.tar.gz", "a:b", "a?", "a.", "a ", "", "a" * 256, "tab\t", "a/b", "aux .x"]
)
def test_names_that_windows_does_not_take(name):
    assert not is_portable(name)


@given(st.text(max_size=300))
def test_every_subject_gives_a_name_that_every_system_takes(subject):
    name = f"2026-03-04_05-06-07_{safe_name(subject)}"
    assert is_portable(name)
    assert PureWindowsPath(name).name == PurePosixPath(name).name == name
    assert is_portable(f"sub-{safe_name(subject)}.xdf")


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "root").write_text("a file")
    with pytest.raises(RtemoError, match=r"cannot be made|no session folder"):
        SessionFolder.create(tmp_path / "root", "P1", WHEN)


def test_the_room_of_a_recording_is_that_of_its_disk_and_none_where_that_does_not_answer(tmp_path, monkeypatch):
    assert free_bytes(tmp_path / "away" / "recording.xdf") == 0
    asked = []
    usage = shutil.disk_usage(tmp_path)._replace(total=10, used=3, free=7)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or usage)
    assert free_bytes(tmp_path / "recording.xdf") == 7
    assert asked == [tmp_path]
