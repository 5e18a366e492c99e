"""Parts under changing settings: pins, channels left out, impossible mappings, and what each column is taken for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtemo import resources
from rtemo.core.channel_map import Scene
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo
from rtemo.live.service.column_status import BY_YOU, columns_of
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles

PROFILES = load_profiles(resources.devices())
LABELS = ("Fp1", "Fp2", "C3", "C4", "Oz", "EXG1")
CAP = StreamInfo("e", "Amp", "EEG", "float32", 250.0, tuple(Channel(label, "EEG", "mV") for label in LABELS))
EYES = tuple(Channel(label, unit="normalized") for label in ("left_x", "left_y", "right_x", "right_y", "frame"))
TRACKER = StreamInfo("g", "Eye", "Gaze", "float32", 120.0, EYES)


def cast(**settings):
    found = StreamRoles(PROFILES, SessionSettings(**settings))
    found.choose([CAP, TRACKER])
    return found


def labels(found):
    return found.layout(CAP, Modality.EEG).labels


def test_a_channel_that_the_settings_name_is_left_out_by_that_name_and_taken_back():
    found = cast(eeg_map={"EXG1": "Pz"})
    found.leave_out("Pz", out=True)
    assert labels(found) == LABELS[:5]
    assert found.left_out == ("Pz",)
    found.leave_out("Pz", out=False)
    assert labels(found) == (*LABELS[:5], "Pz")
    assert found.settings.eeg_map == {"EXG1": "Pz"}


def test_settings_that_a_stream_in_use_cannot_be_read_by_change_nothing():
    found = cast()
    before = found.settings
    with pytest.raises(RtemoError, match="cannot be placed"):
        found.adopt(SessionSettings(eeg_map={"EXG1": "Nose"}))
    assert found.settings is before
    assert found.role_of(CAP) is Modality.EEG
    found.adopt(SessionSettings(eeg_map={"EXG1": "Pz"}))
    assert found.role_of(CAP) is None  # the parts are given out anew
    found.choose([CAP, TRACKER])
    assert labels(found)[-1] == "Pz"


def test_a_pin_is_part_of_the_settings_and_not_of_a_recording():
    found = cast(queries={Modality.GAZE: StreamQuery(name="Eye")})
    found.pin(Modality.EEG, StreamQuery(name="Amp"))
    found.pin(Modality.GAZE, StreamQuery(name="Another"))
    assert found.settings.queries[Modality.EEG] == StreamQuery(name="Amp")
    assert found.anew().queries == {Modality.GAZE: StreamQuery(name="Eye")}
    found.pin(Modality.EEG, None)
    assert Modality.EEG not in found.queries


def test_units_and_the_scene_camera_of_the_settings_come_before_what_the_stream_says():
    own = cast(units={Modality.EEG: "uV", Modality.GAZE: "pixels"}, scene=Scene(1000, 500, 100.0, 50.0))
    assert cast().layout(CAP, Modality.EEG).scale[0] == 1e3
    assert own.layout(CAP, Modality.EEG).scale[0] == 1.0
    gaze = own.layout(TRACKER, Modality.GAZE)
    assert (gaze.unit, gaze.size, gaze.view.kind, gaze.view.width_deg) == ("pixels", (1000.0, 500.0), "scene", 100.0)


def test_each_column_tells_what_it_is_taken_for_and_why():
    found = cast(eeg_map={"EXG1": "Pz", "Oz": ""})
    told = columns_of(CAP, Modality.EEG, found)
    assert [column.use for column in told] == ["Fp1", "Fp2", "C3", "C4", "", "Pz"]
    assert told[0].why == "10-05 names"
    assert told[4].why == "left out by the session's settings"
    assert told[5].why == BY_YOU
    gaze = columns_of(TRACKER, Modality.GAZE, found)
    assert [column.use for column in gaze] == ["left_x", "left_y", "right_x", "right_y", ""]
    assert columns_of(CAP, Modality.MARKERS, found) == ()


def test_a_stream_with_too_few_electrodes_can_still_be_looked_at():
    few = replace(CAP, channels=tuple(Channel(f"ch{k}", "EEG") for k in range(4)))
    found = StreamRoles(PROFILES)
    found.choose([few])
    told = columns_of(few, Modality.EEG, found)
    assert [column.use for column in told] == [""] * 4
    assert told[0].why == "not a 10-05 name"


def test_streams_without_a_role_are_recorded_where_asked_for_and_markers_left_out():
    heart = StreamInfo("h", "ECG", "ECG", "float32", 250.0, (Channel("ECG"),), source_id="h1")
    markers = StreamInfo("m", "Task", "Markers", "string", 0.0, (Channel(""),), source_id="m1")
    own = StreamInfo("r", "rtemo_events", "Markers", "string", 0.0, (Channel(""),))
    found = cast()
    assert not found.is_recorded_too(heart)
    found.record(heart, recorded=True)
    assert found.is_recorded_too(heart)
    pinned = cast(also_recorded=found.settings.also_recorded)
    pinned.pin(Modality.EEG, StreamQuery("ECG", "ECG", "h1", ""))
    assert pinned.settings.also_recorded == ()  # it is not opened twice
    assert parse_settings(settings_text(found.settings)) == found.settings
    assert found.take_marker(markers)
    found.give_back()
    found.record(markers, recorded=False)
    found.give_back()
    assert not found.take_marker(markers)
    assert not found.is_recorded_too(markers)
    found.record(markers, recorded=True)
    found.give_back()
    assert found.take_marker(markers)
    found.record(heart, recorded=False)
    assert (found.settings.also_recorded, found.settings.not_recorded) == ((), ())
    everything = cast(also_recorded=(StreamQuery(type="EEG"), StreamQuery(name="rtemo_events")))
    assert not everything.is_recorded_too(CAP)  # it has a role
    assert not everything.is_recorded_too(own)


def test_ratings_are_recorded_unless_somebody_says_otherwise():
    joystick = StreamInfo("j", "joystick", "Ratings", "float32", 10.0, (Channel("valence"),), source_id="j1")
    found = cast()
    assert found.is_recorded_too(joystick)
    found.record(joystick, recorded=False)
    assert not found.is_recorded_too(joystick)
    found.record(joystick, recorded=True)
    assert found.is_recorded_too(joystick)
    assert (found.settings.also_recorded, found.settings.not_recorded) == ((), ())
