"""The state beside a recording: what is written is what is read, and what does not fit is not used."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

import rtemo
from rtemo.core.frozen_state import FrozenState
from rtemo.live.session import saved_state
from rtemo.live.session.saved_state import SavedState, StateAbout, StateFile, load_state

ABOUT = StateAbout(rtemo.__version__, "f" * 64, 0.25, 12.5, 1, {"eeg": 500, "gaze": 60}, None)


def saved(about=ABOUT):
    arrays = [np.arange(3.0), np.array([[1, 2]], np.int16), np.array(np.nan, np.float32)]
    return SavedState(about, FrozenState([["list", 1], "x", None], arrays, {"predictor": 0, "engine": 2}))


def written(folder, about=ABOUT, participant=""):
    file = StateFile(folder / "recording.xdf", participant)
    file.write(saved(about))
    file.wait()
    return file


@pytest.mark.parametrize("marked_s", [None, 7.5])
@pytest.mark.parametrize("participant", ["", "P01"])
def test_a_state_is_read_as_it_was_written(tmp_path, marked_s, participant):
    about = replace(ABOUT, marked_s=marked_s)
    file = written(tmp_path, about, participant)
    found = load_state(tmp_path / "recording.xdf", "f" * 64, 0.25, participant)
    assert found.about == about
    assert (found.state.nodes, found.state.roots) == ([["list", 1], "x", None], {"predictor": 0, "engine": 2})
    assert [array.dtype for array in found.state.arrays] == [np.float64, np.int16, np.float32]
    for array, other in zip(found.state.arrays, saved().state.arrays, strict=True):
        np.testing.assert_array_equal(array, other)
    assert load_state(tmp_path / "recording.xdf", "f" * 64, 0.25, "P02") is None
    assert not file.busy
    file.remove()
    assert list(tmp_path.iterdir()) == []
    file.remove()  # it is gone already


@pytest.mark.parametrize(("version", "fingerprint", "hop_s", "used"), [
    (rtemo.__version__, "f" * 64, 0.25, True),
    ("0.0.1", "f" * 64, 0.25, False),
    (rtemo.__version__, "e" * 64, 0.25, False),
    (rtemo.__version__, "f" * 64, 0.5, False),
])  # fmt: skip
def test_a_state_of_another_version_model_or_hop_is_not_used(tmp_path, caplog, version, fingerprint, hop_s, used):
    written(tmp_path, replace(ABOUT, version=version))
    assert (load_state(tmp_path / "recording.xdf", fingerprint, hop_s) is not None) == used
    assert caplog.records == []


def test_without_a_state_nothing_is_said(tmp_path, caplog):
    assert load_state(tmp_path / "recording.xdf", "f" * 64, 0.25) is None
    assert caplog.records == []


def test_a_state_that_is_broken_is_not_used_and_that_is_said(tmp_path, caplog):
    written(tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    wrong = json.dumps({"about": {"version": 5}, "nodes": [], "roots": {}})
    np.savez(tmp_path / "wrong.npz", document=np.frombuffer(wrong.encode(), np.uint8))
    np.savez(tmp_path / "none.npz", a0=np.zeros(1))
    others = [(tmp_path / name).read_bytes() for name in ("wrong.npz", "none.npz")]
    broken = [b"", b"no archive", whole[: len(whole) // 2], *others]
    for content in broken:
        path.write_bytes(content)
        assert load_state(tmp_path / "recording.xdf", "f" * 64, 0.25) is None
    assert len(caplog.records) == len(broken)
    assert all(record.getMessage().startswith("the engine's saved state is not used: ") for record in caplog.records)


def test_a_state_that_cannot_be_written_costs_nothing_else(tmp_path, caplog):
    written(tmp_path / "gone")
    (said,) = caplog.records
    assert said.getMessage().startswith("the engine's state was not saved: ")


def test_a_state_that_is_being_written_is_busy_and_waited_for(tmp_path, monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def slow(path, write):
        begun.set()
        assert go.wait(30)
        with path.open("wb") as file:
            write(file)

    monkeypatch.setattr(saved_state, "replace_file", slow)
    file = StateFile(tmp_path / "recording.xdf")
    assert not file.busy
    file.wait()
    file.write(saved())
    assert begun.wait(30)
    assert file.busy
    go.set()
    file.remove()
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_state_is_kept(tmp_path):
    for time_s in (1.0, 2.0):
        written(tmp_path, replace(ABOUT, saved_s=time_s))
    assert load_state(tmp_path / "recording.xdf", "f" * 64, 0.25).about.saved_s == 2.0
    assert len(list(tmp_path.iterdir())) == 1
