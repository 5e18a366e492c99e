"""What of a recording's items is given to a new engine: in today's names, without what the saved state has."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamDown, StreamInfo, StreamState, StreamUp
from rtemo.live.session import take_up
from rtemo.live.session.take_up import settings_of_running
from rtemo.recorder.recording_source import RunningRecording
from rtemo.sources.session_settings import SessionSettings, settings_text

EEG = StreamInfo("eeg", "Amp", "EEG", "float32", 100.0, (Channel("Fz"),), source_id="amp")


def chunk(*stamps):
    return Chunk("eeg", np.array(stamps), np.array(stamps, np.float32)[:, None] * 10)


@pytest.mark.parametrize(("n_known", "stamps", "left"), [
    (0, [1.0, 2.0, 3.0], 0),
    (1, [2.0, 3.0], 0),
    (2, [3.0], 0),
    (3, None, 0),
    (5, None, 2),
])  # fmt: skip
def test_samples_that_are_in_the_saved_state_are_left_out(n_known, stamps, left):
    known = Counter({"eeg": n_known, "gaze": 7})
    found = take_up._later(chunk(1.0, 2.0, 3.0), known)
    if stamps is None:
        assert found is None
    else:
        assert found.stamps.tolist() == stamps
        assert found.values[:, 0].tolist() == [10 * one for one in stamps]
    assert (known["eeg"], known["gaze"]) == (left, 7)


def test_a_stream_of_which_the_state_has_samples_was_announced_to_it():
    assert take_up._later(StreamUp(EEG), Counter({"eeg": 1})) is None
    assert take_up._later(StreamUp(EEG), Counter({"gaze": 1})) == StreamUp(EEG)
    down = StreamDown("eeg", StreamState.LOST, "unplugged")
    assert take_up._later(down, Counter({"eeg": 1})) is down


def test_of_streams_described_alike_the_newest_is_the_one_that_is_there():
    first, other, again = EEG, replace(EEG, name="Other", stream_id="o"), replace(EEG, stream_id="eeg#2")
    now = replace(EEG, stream_id="now")
    assert [info.stream_id for info in take_up._renamed([first, other, again], [now])] == ["eeg", "o", "now"]
    both = [now, replace(EEG, stream_id="now#2"), replace(other, stream_id="o#2")]
    assert [info.stream_id for info in take_up._renamed([first, other, again], both)] == ["now#2", "o#2", "now"]
    assert take_up._renamed([first], []) == [first]


def test_items_are_given_the_names_that_the_streams_have_now():
    names = {"eeg": "now", "old": "older"}
    up = take_up._named(StreamUp(EEG, replaces="old"), names)
    assert (up.info, up.replaces) == (replace(EEG, stream_id="now"), "older")
    assert take_up._named(StreamUp(replace(EEG, stream_id="x"), replaces="y"), names).replaces == "y"
    assert take_up._named(StreamUp(replace(EEG, stream_id="x")), names).info.stream_id == "x"
    for item in (chunk(1.0), ClockOffset("eeg", 1.0, 0.5), StreamDown("eeg", StreamState.LOST, "")):
        found = take_up._named(item, names)
        assert (type(found), found.stream_id) == (type(item), "now")
        other = replace(item, stream_id="gaze")
        assert take_up._named(other, names).stream_id == "gaze"


def test_the_settings_of_a_session_that_is_recorded_are_what_the_recorder_keeps():
    settings = SessionSettings(subject="P 01", task="rest")
    about = {"settings": settings_text(settings), "folder": "", "started_s": 5.0, "publish": True}
    assert settings_of_running(RunningRecording(("r.xdf",), 0, 100, "id", about)) == settings
    with pytest.raises(RtemoError, match="start a new session"):
        settings_of_running(RunningRecording(("r.xdf",), 0, 100, "id", {**about, "started_s": "now"}))
    with pytest.raises(RtemoError, match="the settings of the session that is taken up"):
        settings_of_running(RunningRecording(("r.xdf",), 0, 100, "id", {**about, "settings": "nonsense"}))
