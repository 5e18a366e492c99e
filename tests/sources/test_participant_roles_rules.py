"""Whose stream is which, rule by rule: names of roles, settings that change, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamDown, StreamInfo, StreamState, StreamUp
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.participant_roles import ItemsOfEach, ParticipantRoles, role_name, told_apart, with_stream
from rtemo.sources.participants import EegTable, GazeTable, Participant, RatingsTable, SecondEyeTable
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles

PROFILES = load_profiles(resources.devices())
EEG, GAZE, SECOND, MARKERS = Modality.EEG, Modality.GAZE, Modality.SECOND_EYE, Modality.MARKERS
AMP_A, AMP_B, EYE_A = (StreamQuery(name) for name in ("AmpA", "AmpB", "EyeA"))
P1 = Participant("P1", eeg=EegTable(AMP_A), gaze=GazeTable(EYE_A))
P2 = Participant("P2", eeg=EegTable(AMP_B), ratings=RatingsTable(StreamQuery("Stick")))
TWO = SessionSettings(subject="dyad", queries={MARKERS: StreamQuery(type="Markers")}, participants=(P1, P2))


def amp(name, stream_id=""):
    channels = tuple(Channel(label, "EEG", "mV") for label in ("Fp1", "Fp2", "C3", "C4", "Oz"))
    return StreamInfo(stream_id or name, name, "EEG", "float32", 250.0, channels, name)


def eye(name):
    channels = tuple(Channel(label, unit="normalized") for label in ("left_x", "left_y", "right_x", "right_y"))
    return StreamInfo(name, name, "Gaze", "float32", 120.0, channels, name)


TEXTS = StreamInfo("m", "Stim", "Markers", "string", 0.0, (Channel("text"),), "m")
HEART = StreamInfo("h", "Heart", "ECG", "float32", 250.0, (Channel("ECG"),), "h")


def given(settings=TWO):
    roles = ParticipantRoles(PROFILES, settings)
    infos = [amp("AmpA"), amp("AmpB"), eye("EyeA")]
    for who, own in roles.each.items():
        for part in own.queries:
            if part is not MARKERS:
                roles.choose_for(who, part, infos)
    roles.take_marker(TEXTS)
    return roles


def error_of(call):
    with pytest.raises(RtemoError) as caught:
        call()
    return caught.value.fact, caught.value.found, caught.value.todo


@pytest.mark.parametrize(
    ("participant", "part", "name"),
    [("P1", EEG, "P1:eeg"), ("P1", SECOND, "P1:second_eye"), ("P1", MARKERS, "markers"), ("", EEG, "eeg")],
)
def test_a_role_has_the_name_of_its_participant_unless_it_is_everybodys(participant, part, name):
    assert role_name(participant, part) == name


def test_the_streams_that_are_asked_for_are_listed_by_the_names_of_their_roles():
    assert given().queries == {
        "P1:eeg": AMP_A,
        "P1:gaze": EYE_A,
        "P2:eeg": AMP_B,
        "markers": StreamQuery(type="Markers"),
    }
    assert ParticipantRoles(PROFILES, SessionSettings(queries={EEG: AMP_A})).queries == {"eeg": AMP_A}


def test_a_stream_has_an_owner_unless_it_is_for_all_or_has_no_role():
    roles = given()
    assert [roles.owner_of(info) for info in (amp("AmpA"), amp("AmpB"), TEXTS, HEART)] == ["P1", "P2", "", ""]
    assert [roles.role_of(info) for info in (amp("AmpB"), eye("EyeA"), HEART)] == ["P2:eeg", "P1:gaze", ""]
    assert roles.filled == {EEG, GAZE, MARKERS}


def test_one_is_found_by_the_id_and_the_first_without_any():
    roles = given()
    assert roles.of("P2") is roles.each["P2"]
    assert roles.of("") is roles.each["P1"]
    assert error_of(lambda: roles.of("P3")) == (
        "there is no participant 'P3'", "found P1, P2", "name one of them",
    )  # fmt: skip
    alone = ParticipantRoles(PROFILES, SessionSettings())
    assert error_of(lambda: alone.of("P3"))[1] == "found nobody is told apart from others"


def test_roles_around_those_of_somebody_alone_are_those_and_of_several_are_new():
    alone = StreamRoles(PROFILES, SessionSettings(queries={EEG: AMP_A}))
    assert list(ParticipantRoles.around(alone).each.values()) == [alone]
    several = StreamRoles(PROFILES, TWO)
    around = ParticipantRoles.around(several)
    assert list(around.each) == ["P1", "P2"]
    assert several not in around.each.values()
    around.adopt(SessionSettings(subject="S"))
    assert around.each == {"": several}
    assert several.settings.subject == "S"


def test_settings_of_somebody_alone_have_what_was_chosen_by_hand_and_those_of_several_what_was_asked_for():
    alone = ParticipantRoles(PROFILES, SessionSettings())
    alone.each[""].pin(EEG, AMP_A)
    assert alone.settings.queries == {EEG: AMP_A}
    assert given().settings == TWO


def test_a_marker_stream_is_pinned_for_all():
    roles = given()
    roles.pin("P2", MARKERS, StreamQuery("Other"))
    assert roles.settings.queries == {MARKERS: StreamQuery("Other")}
    assert [own.queries[MARKERS] for own in roles.each.values()] == [StreamQuery("Other")] * 2
    roles.pin("", MARKERS, None)
    assert roles.settings.queries == {}
    assert roles.settings.participants == (P1, P2)
    assert [MARKERS in own.queries for own in roles.each.values()] == [False, False]


def test_an_own_stream_is_pinned_for_one_and_the_roles_of_all_are_given_anew():
    roles = given()
    before = roles.each["P2"]
    roles.pin("P2", GAZE, StreamQuery("EyeB"))
    assert roles.queries["P2:gaze"] == StreamQuery("EyeB")
    assert roles.each["P2"] is before
    assert roles.role_of(amp("AmpA")) == ""
    roles.pin("P3", EEG, StreamQuery("AmpC"))
    assert list(roles.each) == ["P1", "P2", "P3"]
    assert error_of(lambda: roles.pin("", EEG, StreamQuery("AmpD")))[0].startswith("a participant has an id")


def test_an_own_stream_of_somebody_alone_is_pinned_where_it_is():
    roles = ParticipantRoles(PROFILES, SessionSettings(queries={GAZE: EYE_A}))
    roles.pin("", EEG, AMP_A)
    assert roles.each[""].queries == {GAZE: EYE_A, EEG: AMP_A}
    roles.pin("", GAZE, None)
    assert roles.settings.queries == {EEG: AMP_A}


def test_settings_that_a_stream_could_not_be_read_by_change_nothing():
    roles = given()
    broken = replace(P2, eeg=replace(P2.eeg, map={"Oz": "Nose"}))
    with pytest.raises(RtemoError, match="cannot be placed"):
        roles.adopt(replace(TWO, participants=(P1, broken)))
    assert roles.settings == TWO
    assert roles.role_of(amp("AmpB")) == "P2:eeg"


def test_other_participants_take_the_place_of_those_before_and_who_stays_keeps_the_roles_object():
    roles = given()
    first = roles.each["P1"]
    roles.adopt(replace(TWO, participants=(P1, Participant("P9", eeg=EegTable(StreamQuery("AmpC"))))))
    assert list(roles.each) == ["P1", "P9"]
    assert roles.each["P1"] is first
    assert first.settings.subject == "P1"
    assert roles.each["P9"].queries == {MARKERS: StreamQuery(type="Markers"), EEG: StreamQuery("AmpC")}


def test_what_is_about_no_stream_is_taken_over_by_all():
    roles = given()
    roles.describe(notes="n", run=3)
    assert (roles.settings.notes, roles.settings.run, roles.settings.subject) == ("n", 3, "dyad")
    assert [(own.settings.notes, own.settings.subject) for own in roles.each.values()] == [("n", "P1"), ("n", "P2")]


def test_what_is_recorded_besides_is_the_same_for_all():
    roles = given()
    assert not roles.is_recorded_too(HEART)
    roles.record(HEART, recorded=True)
    query = StreamQuery("Heart", "ECG", "h")
    assert roles.settings.also_recorded == (query,)
    assert [own.settings.also_recorded for own in roles.each.values()] == [(query,), (query,)]
    assert roles.is_recorded_too(HEART)
    roles.record(TEXTS, recorded=False)
    assert roles.settings.not_recorded == (StreamQuery("Stim", "Markers", "m"),)
    assert not roles.is_recorded_too(amp("AmpB"))


def test_a_channel_is_left_out_for_one_and_stands_in_the_settings():
    roles = given()
    roles.leave_out("P2", "Fp1", out=True)
    assert [one.eeg.map for one in roles.settings.participants] == [{}, {"Fp1": ""}]
    assert [own.settings.eeg_map for own in roles.each.values()] == [{}, {"Fp1": ""}]
    roles.leave_out("P2", "Fp1", out=False)
    assert [one.eeg.map for one in roles.settings.participants] == [{}, {}]
    roles.leave_out("", "Oz", out=True)
    assert [one.eeg.map for one in roles.settings.participants] == [{"Oz": ""}, {}]


def test_all_roles_are_taken_back_and_markers_that_are_for_all_are_missing_once():
    roles = given()
    roles.give_back()
    assert roles.filled == frozenset()
    assert roles.missing() == (
        "markers (type=Markers)", "P1:eeg (name=AmpA)", "P1:gaze (name=EyeA)", "P2:eeg (name=AmpB)",
    )  # fmt: skip


def test_what_is_missing_is_named_with_its_query():
    roles = ParticipantRoles(PROFILES, TWO)
    roles.choose_for("P1", EEG, [amp("AmpA")])
    roles.take_marker(TEXTS)
    assert roles.missing() == ("P1:gaze (name=EyeA)", "P2:eeg (name=AmpB)")


def test_a_stream_that_is_anothers_is_refused_and_stays_the_others():
    settings = replace(TWO, participants=(P1, Participant("P2", eeg=EegTable(StreamQuery(source_id="AmpA")))))
    roles = ParticipantRoles(PROFILES, settings)
    assert roles.choose_for("P1", EEG, [amp("AmpA")]) == amp("AmpA")
    assert error_of(lambda: roles.choose_for("P2", EEG, [amp("AmpA")])) == (
        "one stream would be two participants'",
        f"{amp('AmpA').describe()} is P1's and P2's",
        "name the streams of each",
    )
    assert roles.each["P2"].role_of(amp("AmpA")) is None
    assert roles.role_of(amp("AmpA")) == "P1:eeg"
    assert roles.choose_for("P1", EEG, [amp("AmpA")]) == amp("AmpA")
    assert roles.choose_for("P1", GAZE, []) is None


@pytest.mark.parametrize(
    ("role", "info", "found"),
    [
        ("P1:eeg", amp("AmpA"), "P1:eeg"),
        ("P1:gaze", eye("EyeA"), "P1:gaze"),
        ("markers", TEXTS, "markers"),
        ("P2:markers", TEXTS, "markers"),
        ("", amp("AmpA"), ""),
        ("eeg", amp("AmpA"), ""),
        ("P9:eeg", amp("AmpA"), ""),
        ("P1:other", amp("AmpA"), ""),
    ],
)
def test_a_role_is_given_by_its_name_where_there_is_one(role, info, found):
    roles = ParticipantRoles(PROFILES, TWO)
    roles.give(role, info)
    assert roles.role_of(info) == found
    alone = ParticipantRoles(PROFILES, SessionSettings())
    alone.give("eeg", amp("AmpA"))
    assert alone.role_of(amp("AmpA")) == "eeg"


def test_a_marker_stream_is_for_all():
    roles = ParticipantRoles(PROFILES, TWO)
    assert roles.take_marker(TEXTS)
    assert [own.role_of(TEXTS) for own in roles.each.values()] == [MARKERS, MARKERS]
    assert not roles.take_marker(amp("AmpA"))
    assert not roles.take_marker(replace(TEXTS, type="Other"))


def test_ratings_that_are_seen_count_only_where_they_are_left_out_on_purpose():
    roles = given()
    stick = StreamInfo("s", "Stick", "Slider", "float32", 10.0, (Channel("valence"),), "s")
    missing = ("P2:ratings (name=Stick)",)
    assert roles.missing_ratings([], [stick]) == missing
    assert roles.missing_ratings([stick], []) == ()
    assert roles.missing_ratings([replace(stick, name="Other")], [replace(stick, name="Other")]) == missing
    roles.describe(not_recorded=(StreamQuery("Stick"), StreamQuery("Other")))
    assert roles.missing_ratings([], [replace(stick, name="Other")]) == missing
    assert roles.missing_ratings([], [stick]) == ()


# Settings with another stream.


def test_a_stream_is_taken_from_whoever_had_it_and_who_has_none_left_goes():
    changed = with_stream(TWO, "P1", EEG, StreamQuery("AmpB"))
    assert changed.participants == (replace(P1, eeg=EegTable(AMP_B)),)
    assert (changed.subject, changed.queries) == ("dyad", {MARKERS: StreamQuery(type="Markers")})
    assert with_stream(TWO, "P2", SECOND, EYE_A).participants == (
        replace(P1, gaze=GazeTable()),
        replace(P2, second_eye=SecondEyeTable(EYE_A)),
    )


def test_who_is_not_there_yet_is_added_and_without_a_stream_gone():
    added = with_stream(TWO, "P3", GAZE, StreamQuery("EyeC"))
    assert added.participants == (P1, P2, Participant("P3", gaze=GazeTable(StreamQuery("EyeC"))))
    assert with_stream(added, "P3", GAZE, None).participants == (P1, P2)
    assert with_stream(TWO, "P1", GAZE, None).participants == (replace(P1, gaze=GazeTable()), P2)
    assert with_stream(TWO, "P3", EEG, None) == TWO


def test_a_subject_that_only_lists_the_participants_goes_with_them_and_another_stays():
    listed = replace(TWO, subject="P1+P2", queries={EEG: AMP_A, MARKERS: StreamQuery("m")})
    one = told_apart(listed, [P2])
    assert (one.subject, one.queries, one.participants) == ("P2", {MARKERS: StreamQuery("m")}, (P2,))
    assert told_apart(TWO, [P2, P1]).subject == "dyad"
    assert told_apart(listed, []) == replace(
        listed, subject="anonymous", queries={MARKERS: StreamQuery("m")}, participants=()
    )


# Items.


def test_what_is_known_of_a_stream_goes_with_whatever_takes_its_place():
    roles = given()
    of_each = ItemsOfEach(roles.each)
    later, unknown = amp("Later"), amp("Unknown")
    items = [
        StreamUp(amp("AmpB")),
        StreamUp(later, "AmpB"),
        StreamDown("Later", StreamState.LOST, ""),
        StreamUp(unknown),
        StreamUp(TEXTS, "AmpB"),
        StreamDown("never seen", StreamState.LOST, ""),
    ]
    assert of_each.split(items) == {"P1": [items[3], items[4], items[5]], "P2": [*items[:3], items[4]]}
    assert of_each.split([]) == {"P1": [], "P2": []}
    after = StreamDown("m", StreamState.LOST, "")
    assert of_each.split([after]) == {"P1": [after], "P2": [after]}
