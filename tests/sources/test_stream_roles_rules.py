"""Which stream has which role, rule by rule: other settings, streams in the place of lost ones, channels left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.output_settings import OutputSettings
from rtemo.sources.participants import EegTable, Participant, RatingsTable, SecondEyeTable, StampLatency
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_choice import StreamQuery, screen_source
from rtemo.sources.stream_roles import StreamRoles

PROFILES = load_profiles(resources.devices())
EEG, GAZE, SECOND, MARKERS = Modality.EEG, Modality.GAZE, Modality.SECOND_EYE, Modality.MARKERS
AMP = StreamInfo(
    "e",
    "Amp",
    "EEG",
    "float32",
    250.0,
    tuple(Channel(x, "EEG", "mV") for x in ("Fp1", "Fp2", "C3", "C4", "Oz")),
    "s",
    "h",
)
EYES = StreamInfo(
    "g", "Eye", "Gaze", "float32", 120.0,
    tuple(Channel(x, unit="normalized") for x in ("left_x", "left_y", "right_x", "right_y")), "t", "h",
)  # fmt: skip
TEXTS = StreamInfo("m", "Stim", "Markers", "string", 0.0, (Channel(),), "k", "h")
HEART = StreamInfo("h", "Heart", "ECG", "float32", 250.0, (Channel("ECG"),), "c", "h")
RATINGS = StreamInfo("r", "Stick", "Ratings", "float32", 10.0, (Channel("valence"),), "j", "h")
OHMS = replace(HEART, name="Ohms", type="Impedance", source_id="z")
FRAMES = replace(HEART, name="Screen", type="VideoFrames", source_id=f"{screen_source()}0")
OWN = StreamInfo("o", "rtemo", "Emotion", "float32", 4.0, (Channel(),))
RATED = Participant("P", ratings=RatingsTable(StreamQuery("Stick")))


def roles(*infos, **settings):
    found = StreamRoles(PROFILES, SessionSettings(**settings))
    found.choose(infos or (AMP, EYES, TEXTS, HEART))
    return found


def query_of(info):
    return StreamQuery(info.name, info.type, info.source_id, info.hostname)


# Who has a role.


def test_each_stream_has_its_role_and_only_there_is_one():
    found = roles()
    assert [found.role_of(info) for info in (AMP, EYES, TEXTS, HEART)] == [EEG, GAZE, MARKERS, None]
    assert found.filled == {EEG, GAZE, MARKERS}
    assert found.profile_of(EEG).id == "generic-eeg"
    assert found.profile_of(GAZE).id == "generic-gaze"


def test_a_stream_is_known_by_name_type_source_and_host_and_not_by_its_channels():
    found = roles()
    assert found.role_of(replace(AMP, stream_id="x", channels=(), uid="u", nominal_rate_hz=1.0)) is EEG
    for changes in ({"name": "x"}, {"type": "x"}, {"source_id": "x"}, {"hostname": "x"}):
        assert found.role_of(replace(AMP, **changes)) is None


def test_another_stream_that_is_chosen_for_a_role_takes_it_over():
    found = roles(AMP, EYES)
    other = replace(AMP, name="Other")
    assert found.choose_for(EEG, [other]) == other
    assert (found.role_of(AMP), found.role_of(other), found.role_of(EYES)) == (None, EEG, GAZE)
    assert found.choose_for(EEG, []) is None
    assert found.role_of(other) is EEG
    found.take_back(EEG)
    assert (found.role_of(other), found.role_of(EYES)) == (None, GAZE)


def test_one_of_several_participants_has_named_streams_only():
    one = Participant("P", eeg=EegTable(StreamQuery("Amp")))
    found = StreamRoles(PROFILES, SessionSettings(queries={EEG: StreamQuery("Amp")}, participants=(one,)))
    assert found.choose_for(GAZE, [EYES]) is None
    assert found.choose_for(EEG, [AMP]) == AMP
    assert StreamRoles(PROFILES).choose_for(GAZE, [EYES]) == EYES


def test_a_stream_that_is_named_for_one_eye_is_not_the_others():
    other = replace(EYES, name="Eye2")
    found = roles(EYES, other, queries={SECOND: StreamQuery("Eye2")})
    assert (found.role_of(EYES), found.role_of(other)) == (GAZE, SECOND)
    found = roles(EYES, other, queries={GAZE: StreamQuery("Eye2")})
    assert (found.role_of(EYES), found.role_of(other)) == (None, GAZE)
    found = roles(EYES, queries={GAZE: StreamQuery("Eye"), SECOND: StreamQuery("Eye")})
    assert found.role_of(EYES) is None
    with pytest.raises(RtemoError, match="2 streams"):
        roles(EYES, other)


def test_a_role_is_given_by_its_name():
    found = StreamRoles(PROFILES)
    for role, info in (("", AMP), ("eeg", AMP), ("markers", TEXTS), ("markers", HEART)):
        found.give(role, info)
    assert [found.role_of(info) for info in (AMP, TEXTS, HEART)] == [EEG, MARKERS, None]
    StreamRoles(PROFILES).give("", AMP)
    with pytest.raises(ValueError, match="nose"):
        found.give("nose", AMP)


@pytest.mark.parametrize(
    ("settings", "taken"),
    [
        ({}, True),
        ({"queries": {MARKERS: StreamQuery("Stim")}}, True),
        ({"queries": {MARKERS: StreamQuery("Other")}}, False),
        ({"not_recorded": (StreamQuery("Other"), StreamQuery("Stim"))}, False),
        ({"not_recorded": (StreamQuery("Other"),)}, True),
    ],
)
def test_a_marker_stream_is_taken_unless_another_is_asked_for_or_it_is_left_out(settings, taken):
    found = StreamRoles(PROFILES, SessionSettings(**settings))
    assert found.take_marker(TEXTS) is taken
    assert found.role_of(TEXTS) is (MARKERS if taken else None)


def test_a_marker_stream_keeps_a_role_that_it_has():
    found = StreamRoles(PROFILES)
    found.had(TEXTS, EEG)
    assert found.take_marker(TEXTS)
    assert found.role_of(TEXTS) is EEG


def test_the_second_eye_is_looked_for_where_there_can_be_one():
    without = [replace(one, gaze=replace(one.gaze, eye="")) for one in PROFILES]
    assert StreamRoles(without).may_have(GAZE)
    assert not StreamRoles(without).may_have(SECOND)
    assert StreamRoles(without, SessionSettings(queries={SECOND: StreamQuery("x")})).may_have(SECOND)
    one_eye = [*without, replace(without[0], gaze=replace(without[0].gaze, eye="left"))]
    assert StreamRoles(one_eye).may_have(SECOND)


def test_what_is_asked_for_and_not_there_is_missing():
    asked = {EEG: StreamQuery("Amp"), GAZE: StreamQuery("None"), MARKERS: StreamQuery("Stim")}
    assert roles(AMP, queries=asked).missing() == (GAZE, MARKERS)
    assert roles(AMP).missing() == ()


# In the place of a lost one.


def test_a_stream_in_the_place_of_a_lost_one_has_its_role_and_is_read_like_it():
    found = roles()
    later = replace(AMP, name="Later", channels=AMP.channels[:4])
    found.succeed(AMP, later)
    assert (found.role_of(AMP), found.role_of(later)) == (EEG, EEG)
    with pytest.raises(RtemoError):
        found.check(SessionSettings(eeg_map={"Fp1": "Nose"}))
    found.check(SessionSettings(eeg_map={"Fp1": "Nose"}, queries={EEG: StreamQuery("Amp")}))  # it is not asked for
    with pytest.raises(RtemoError):
        found.check(SessionSettings(eeg_map={"Fp1": "Nose"}, queries={EEG: StreamQuery("Later")}))


def test_one_that_has_a_role_or_takes_that_of_nobody_changes_nothing():
    found = roles()
    found.succeed(AMP, EYES)
    assert found.role_of(EYES) is GAZE
    found.succeed(HEART, replace(HEART, name="x"))
    assert found.role_of(replace(HEART, name="x")) is None
    found.succeed(TEXTS, replace(TEXTS, name="x"))
    assert found.role_of(replace(TEXTS, name="x")) is MARKERS


def test_one_that_had_a_role_before_counts_unless_it_has_another():
    found = roles()
    found.had(replace(AMP, name="Before"), EEG)
    found.had(EYES, EEG)
    assert found.role_of(replace(AMP, name="Before")) is EEG
    assert found.role_of(EYES) is GAZE


# What is recorded besides.


@pytest.mark.parametrize(
    ("info", "settings", "recorded"),
    [
        (HEART, {}, False),
        (HEART, {"also_recorded": (StreamQuery("x"), StreamQuery("Heart"))}, True),
        (HEART, {"record_all": True}, True),
        (HEART, {"record_all": True, "not_recorded": (StreamQuery("Heart"),)}, True),
        (RATINGS, {}, True),
        (RATINGS, {"not_recorded": (StreamQuery("Stick"),)}, False),
        (RATINGS, {"not_recorded": (StreamQuery("x"),)}, True),
        (RATINGS, {"not_recorded": (StreamQuery("Stick"),), "record_all": True}, True),
        (OHMS, {}, True),
        (OHMS, {"not_recorded": (StreamQuery("Ohms"),)}, False),
        (FRAMES, {}, False),
        (FRAMES, {"outputs": OutputSettings(screen=True)}, True),
        (FRAMES, {"outputs": OutputSettings(screen=True), "not_recorded": (StreamQuery("Screen"),)}, False),
        (AMP, {"record_all": True}, False),
        (OWN, {"record_all": True}, False),
        (replace(RATINGS, type="Slider"), {}, False),
        (replace(RATINGS, type="Slider"), {"participants": (Participant("Q"), RATED)}, True),
    ],
)
def test_a_stream_without_a_role_is_recorded_where_it_is_asked_for_or_needs_not_be(info, settings, recorded):
    found = StreamRoles(PROFILES, SessionSettings(**settings))
    found.had(AMP, EEG)
    assert found.is_recorded_too(info) is recorded


@pytest.mark.parametrize(
    ("info", "before", "recorded", "also", "left_out"),
    [
        (HEART, {}, True, (query_of(HEART),), ()),
        (HEART, {}, False, (), ()),
        (HEART, {"also_recorded": (StreamQuery("Heart"), StreamQuery("x"))}, False, (StreamQuery("x"),), ()),
        (HEART, {"also_recorded": (StreamQuery("Heart"),)}, True, (query_of(HEART),), ()),
        (TEXTS, {}, True, (), ()),
        (TEXTS, {}, False, (), (query_of(TEXTS),)),
        (TEXTS, {"not_recorded": (StreamQuery("Stim"), StreamQuery("x"))}, True, (), (StreamQuery("x"),)),
        (TEXTS, {"not_recorded": (StreamQuery("Stim"),)}, False, (), (query_of(TEXTS),)),
        (RATINGS, {}, False, (), (query_of(RATINGS),)),
        (RATINGS, {"not_recorded": (StreamQuery("Stick"),)}, True, (), ()),
    ],
)
def test_whether_a_stream_is_recorded_stands_in_one_list_of_the_settings(info, before, recorded, also, left_out):
    found = StreamRoles(PROFILES, SessionSettings(**before))
    found.record(info, recorded=recorded)
    assert (found.settings.also_recorded, found.settings.not_recorded) == (also, left_out)


# Pins and other settings.


def test_a_pin_counts_from_the_next_time_and_not_for_another_recording():
    found = roles(queries={GAZE: StreamQuery("Eye")})
    found.pin(EEG, StreamQuery("Amp"))
    found.pin(GAZE, StreamQuery("First"))
    found.pin(GAZE, StreamQuery("Second"))
    found.pin(MARKERS, None)
    assert found.queries == {EEG: StreamQuery("Amp"), GAZE: StreamQuery("Second")}
    anew = found.anew()
    assert anew.queries == {GAZE: StreamQuery("Eye")}
    assert (anew.filled, anew.profiles) == (frozenset(), PROFILES)
    found.adopt(replace(found.settings, notes="n"))
    assert found.anew().queries == {EEG: StreamQuery("Amp"), GAZE: StreamQuery("Second")}


def test_other_settings_take_all_roles_back_and_forget_what_was_left_out():
    found = roles()
    found.leave_out("Oz", out=True)
    found.adopt(SessionSettings(eeg_map={"C3": ""}))
    assert found.filled == frozenset()
    assert found.left_out == ("C3",)
    assert found.settings.eeg_map == {"C3": ""}
    found.adopt(SessionSettings(eeg_map={"Oz": "Pz"}))
    found.leave_out("Pz", out=True)
    found.adopt(SessionSettings(eeg_map={"Oz": ""}))
    assert found.left_out == ("Oz",)


def test_settings_are_checked_against_the_streams_that_are_read_by_them():
    found = roles()
    nose = {"Oz": "Nose"}
    for queries in ({}, {EEG: StreamQuery("Amp")}):
        with pytest.raises(RtemoError, match="cannot be placed"):
            found.check(SessionSettings(eeg_map=nose, queries=queries))
    found.check(SessionSettings(eeg_map=nose, queries={EEG: StreamQuery("Another")}))
    found.take_back(EEG)
    found.check(SessionSettings(eeg_map=nose))


# Channels.


def test_a_channel_is_left_out_by_its_label_or_the_name_that_the_settings_give():
    found = roles(eeg_map={"Oz": "Pz", "Fp1": ""})
    found.leave_out("C3", out=True)
    found.leave_out("Pz", out=True)
    assert found.settings.eeg_map == {"Oz": "", "Fp1": "", "C3": ""}
    assert found.left_out == ("Pz", "Fp1", "C3")
    found.leave_out("C3", out=False)
    found.leave_out("Pz", out=False)
    assert found.settings.eeg_map == {"Oz": "Pz", "Fp1": ""}
    found.leave_out("Fp1", out=False)
    assert (found.settings.eeg_map, found.left_out) == ({"Oz": "Pz"}, ())
    found.leave_out("never", out=False)
    assert found.settings.eeg_map == {"Oz": "Pz"}


def test_a_stream_is_read_with_units_and_latencies_of_the_settings():
    found = roles(units={EEG: "uV"}, latencies={EEG: StampLatency(12.5), GAZE: StampLatency(-4.0)})
    eeg, gaze = found.layout(AMP, EEG), found.layout(EYES, GAZE)
    assert (eeg.scale[0], eeg.latency_s, gaze.latency_s) == (1.0, 0.0125, -0.004)
    assert (roles().layout(AMP, EEG).scale[0], roles().layout(AMP, EEG).latency_s) == (1000.0, 0.0)


@pytest.mark.parametrize(("second", "first"), [("right", "left"), ("left", "right")])
def test_of_two_streams_each_is_one_eye_and_both_are_as_late(second, first):
    other = replace(EYES, name="Eye2")
    asked = {GAZE: StreamQuery("Eye"), SECOND: StreamQuery("Eye2")}
    late = {GAZE: StampLatency(8.0)}
    found = roles(EYES, other, queries=asked, second_eye=SecondEyeTable(eye=second), latencies=late)
    one, two = found.layout(EYES, GAZE), found.layout(other, SECOND)
    assert (one.pair, two.pair) == ("first", "second")
    assert (one.latency_s, two.latency_s) == (0.008, 0.008)
    columns = {"left": (0, 1), "right": (2, 3)}
    for eye, found in ((first, one), (second, two)):
        own, none = (found.left, found.right) if eye == "left" else (found.right, found.left)
        assert ((own.x, own.y), none.x) == (columns[eye], None)


def test_a_profile_of_one_eye_makes_it_the_second_unless_the_settings_say_which():
    one_eye = [replace(one, gaze=replace(one.gaze, eye="left")) for one in PROFILES]
    found = StreamRoles(one_eye)
    found.choose([EYES])
    read = found.layout(EYES, GAZE)
    assert (read.pair, read.left.x, read.right.x) == ("first", 0, None)


def test_without_a_second_eye_a_stream_has_both():
    read = roles(EYES).layout(EYES, GAZE)
    assert (read.pair, read.left.x, read.right.x, read.unit) == ("", 0, 2, "normalized")
    moved = roles(EYES, gaze_map={"3": "left_x", "4": "left_y"}).layout(EYES, GAZE)
    assert (moved.left.x, moved.left.y, moved.right.x) == (2, 3, None)
