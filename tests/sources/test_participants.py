"""Several participants in one session: their settings, in files and on the command line, and whose stream is which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtemo import resources
from rtemo.commands.arguments import MOST_PARTICIPANTS
from rtemo.core.channel_map import Scene, Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, Modality, StreamDown, StreamInfo, StreamState, StreamUp
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.participant_roles import ItemsOfEach, ParticipantRoles
from rtemo.sources.participants import MOST, parse_participant
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text, with_participants
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles

PROFILES = load_profiles(resources.devices())
TWO = """
[session]
subject = "dyad 3"
baseline = "marker=rest,go"
[eeg]
unit = "uV"
[markers]
query = "type=Markers"
[screen]
distance_mm = 700.0
[[participants]]
id = "P01"
baseline = "P01.json"
person = ["P01.person.json"]
[participants.eeg]
query = "name=Amp,source_id=a"
latency_ms = 12.5
map = { 1 = "Fp1" }
[participants.gaze]
query = "name=Eye,source_id=a"
[participants.scene]
width_px = 1600
height_px = 1200
width_deg = 103.0
height_deg = 77.0
[[participants]]
id = "P02"
[participants.eeg]
query = "name=Amp,source_id=b"
unit = "mV"
[participants.ratings]
query = "name=Stick"
"""


def amp(source_id):
    channels = tuple(Channel(label, "EEG", "mV") for label in ("Fp1", "Fp2", "C3", "C4", "Oz"))
    return StreamInfo(f"e{source_id}", "Amp", "EEG", "float32", 250.0, channels, source_id)


def eye(source_id):
    channels = tuple(Channel(label, unit="normalized") for label in ("left_x", "left_y", "right_x", "right_y"))
    return StreamInfo(f"g{source_id}", "Eye", "Gaze", "float32", 120.0, channels, source_id)


MARKERS = StreamInfo("m", "Stim", "Markers", "string", 0.0, (Channel("text"),), "m")
OTHER = replace(amp("c"), stream_id="c")  # nobody's


def test_each_participant_has_what_a_session_of_that_one_alone_would_have():
    settings = parse_settings(TWO)
    first, second = settings.each
    assert (settings.subject, first.subject, second.subject) == ("dyad 3", "P01", "P02")
    assert (first.alone, second.alone, settings.alone) == ("P01", "P02", "")
    assert (first.baseline, second.baseline) == ("P01.json", "marker=rest,go")
    assert first.queries == {
        Modality.EEG: StreamQuery(name="Amp", source_id="a"),
        Modality.GAZE: StreamQuery(name="Eye", source_id="a"),
        Modality.MARKERS: StreamQuery(type="Markers"),
    }
    assert set(second.queries) == {Modality.EEG, Modality.MARKERS}
    assert first.eeg_map == {"1": "Fp1"}
    assert (first.units, second.units) == ({Modality.EEG: "uV"}, {Modality.EEG: "mV"})
    assert first.latencies[Modality.EEG].ms == 12.5
    assert not second.latencies
    assert (first.scene, second.scene) == (Scene(1600, 1200, 103.0, 77.0), None)
    assert second.screen == Screen(distance_mm=700.0)
    assert first.participants[0].person == ("P01.person.json",)


def test_what_was_written_is_read_back_also_of_one_participant_alone():
    settings = parse_settings(TWO)
    assert parse_settings(settings_text(settings)) == settings
    for own in settings.each:
        assert parse_settings(settings_text(own)).each == (own,)


def test_without_participants_nothing_is_told_apart():
    settings = SessionSettings(subject="P01")
    assert settings.each == (settings,)
    assert settings.of("") is settings
    assert settings.alone == ""
    assert "participants" not in settings_text(settings)


def test_the_command_line_says_the_same_and_chooses_among_those_that_are_known():
    said = [
        parse_participant("P01: eeg=name=Amp,source_id=a; gaze=name=Eye,source_id=a; person=a.json; person=b.json"),
        parse_participant(" P02 : eeg = name=Amp,source_id=b ; baseline=marker=rest,go; ratings=name=Stick"),
    ]
    settings = with_participants(SessionSettings(), said)
    assert settings.subject == "P01+P02"
    assert [sorted(own.queries) for own in settings.each] == [["eeg", "gaze"], ["eeg"]]
    assert settings.each[1].baseline == "marker=rest,go"
    assert settings.participants[0].person == ("a.json", "b.json")
    assert [one.ratings.query for one in settings.participants] == [None, StreamQuery(name="Stick")]
    known = parse_settings(TWO)
    assert with_participants(known, [parse_participant("P02")]).each == (known.of("P02"),)
    other = with_participants(known, [parse_participant("P02: eeg=name=New")]).each[0]
    assert (other.queries[Modality.EEG], other.units) == (StreamQuery(name="New"), {Modality.EEG: "mV"})
    assert other.participants[0].ratings.query == StreamQuery(name="Stick")


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        (["P01: eeg=name=A", "P01: eeg=name=B"], "told apart"),
        (["P-01: eeg=name=A", "p01: eeg=name=B"], "told apart"),
        (["P01: eeg=name=A", "P02: eeg=name=A"], "same eeg stream"),
        (["P01: eeg=name=A; ratings=name=R", "P02: eeg=name=B; ratings=name=R"], "same ratings stream"),
        (["P01: eeg=name=A", "P02"], "has no stream"),
        (["P01: ratings=name=A"], "has no stream"),
        (["P01"], "has no stream"),
        ([f"P{n}: eeg=name={n}" for n in "12345"], "at most 4"),
        (["P 01: eeg=name=A"], "an id of letters"),
        ([": eeg=name=A"], "an id of letters"),
        (["P01: colour=red"], "participant P01 can have"),
        (["P01: eeg=name=A; eeg=name=B"], "participant P01 can have"),
        (["P01: eeg="], "participant P01 can have"),
        (["P01: eeg=colour=red"], "stream query"),
    ],
)
def test_participants_that_cannot_be_told_apart_are_refused(texts, wrong):
    with pytest.raises(RtemoError, match=wrong):
        with_participants(SessionSettings(), [parse_participant(text) for text in texts])


def test_a_stream_that_is_nobodys_is_refused_beside_participants():
    one = parse_participant("P01: eeg=name=A")
    with pytest.raises(RtemoError, match="is nobody's"):
        with_participants(SessionSettings(queries={Modality.GAZE: StreamQuery(name="E")}), [one])


@pytest.mark.parametrize(
    "text", ['[[participants]]\nid = "../x"\n', "[[participants]]\n", "participants = 3\n", '[participants]\nid="P"\n']
)
def test_damaged_tables_are_refused(text):
    with pytest.raises(RtemoError):
        parse_settings(text)


def named(item):
    return item.info.stream_id if isinstance(item, StreamUp) else item.stream_id


def given(settings):
    roles = ParticipantRoles(PROFILES, settings)
    for who, own in roles.each.items():
        for part in own.queries:
            roles.choose_for(who, part, [amp("a"), amp("b"), eye("a"), eye("b"), OTHER])
    roles.take_marker(MARKERS)
    return roles


def test_each_has_the_streams_that_are_named_and_no_others():
    roles = given(parse_settings(TWO))
    found = {info.stream_id: roles.role_of(info) for info in (amp("a"), amp("b"), eye("a"), eye("b"), MARKERS, OTHER)}
    assert found == {"ea": "P01:eeg", "eb": "P02:eeg", "ga": "P01:gaze", "gb": "", "m": "markers", "c": ""}
    assert roles.each["P02"].choose_for(Modality.GAZE, [eye("b")]) is None
    again = ParticipantRoles(PROFILES, roles.settings)
    for info in (amp("a"), amp("b"), eye("a"), MARKERS):
        again.give(roles.role_of(info), info)
        assert again.role_of(info) == roles.role_of(info)


def stick(name, type_="Ratings", format_="float32"):
    return StreamInfo(name, name, type_, format_, 10.0, (Channel("valence"),), name)


def test_ratings_are_recorded_whoever_they_are_named_for_and_of_whatever_type():
    roles = given(parse_settings(TWO))
    sticks = [stick("Stick"), stick("Stick", "Slider"), stick("Other"), stick("Other", "Slider")]
    assert [roles.is_recorded_too(info) for info in sticks] == [True, True, True, False]
    assert not roles.is_recorded_too(stick("Stick", "Slider", "string"))
    assert not roles.is_recorded_too(amp("b"))  # it has a role
    everything = given(replace(parse_settings(TWO), record_all=True))
    assert [everything.is_recorded_too(info) for info in (amp("a"), amp("b"), OTHER)] == [False, False, True]


def test_ratings_that_are_named_are_missing_until_they_are_open_unless_they_are_left_out():
    roles = given(parse_settings(TWO))
    named = next(one for one in roles.settings.participants if one.ratings.query is not None)
    said = (f"{named.id}:ratings ({named.ratings.query})",)
    sticks = [stick("Stick"), stick("Stick", "Slider")]
    assert roles.missing_ratings([], []) == said
    assert roles.missing_ratings([amp("a"), stick("Stick", "Slider", "string")], sticks) == said  # seen and not open
    for one in sticks:
        assert roles.missing_ratings([one], []) == ()
    roles.record(sticks[0], recorded=False)
    assert roles.missing_ratings([], [sticks[0]]) == ()
    assert roles.missing_ratings([], []) == said


def test_a_stream_that_two_queries_fit_is_refused():
    settings = with_participants(
        SessionSettings(), [parse_participant("P01: eeg=name=Amp"), parse_participant("P02: eeg=source_id=a")]
    )
    roles = ParticipantRoles(PROFILES, settings)
    roles.choose_for("P01", Modality.EEG, [amp("a")])
    with pytest.raises(RtemoError, match="one stream would be two participants'"):
        roles.choose_for("P02", Modality.EEG, [amp("a")])
    assert roles.role_of(amp("a")) == "P01:eeg"


def test_every_item_goes_to_whom_it_concerns_and_what_is_nobodys_to_one():
    roles = given(parse_settings(TWO))
    back = replace(amp("b"), stream_id="eb2", source_id="b2")  # under another name, in the place of the lost one
    items = [StreamUp(info) for info in (amp("a"), amp("b"), eye("a"), MARKERS, OTHER)]
    items += [StreamDown("eb", StreamState.LOST, "gone"), StreamUp(back, "eb")]
    items += [Chunk(name, np.zeros(1), np.zeros((1, 1))) for name in ("ea", "eb2", "m", "c", "ga")]
    got = {who: [named(item) for item in own] for who, own in ItemsOfEach(roles.each).split(items).items()}
    assert got == {
        "P01": ["ea", "ga", "m", "c", "ea", "m", "c", "ga"],
        "P02": ["eb", "m", "eb", "eb2", "eb2", "m"],
    }


def test_one_participant_alone_has_everything():
    roles = ParticipantRoles(PROFILES, SessionSettings())
    items = [StreamUp(OTHER), StreamUp(MARKERS), Chunk("c", np.zeros(1), np.zeros((1, 1)))]
    assert ItemsOfEach(roles.each).split(items) == {"": items}


def test_the_command_line_knows_how_many_there_may_be():
    assert MOST_PARTICIPANTS == MOST


def test_another_stream_is_given_to_one_and_taken_from_whoever_had_it():
    roles = ParticipantRoles.around(StreamRoles(PROFILES, parse_settings(TWO)))
    amp_b = StreamQuery("Amp", "EEG", "b", "lab")  # all that is known of the second one's amplifier
    roles.pin("P01", Modality.EEG, amp_b)
    (one,) = roles.settings.participants  # P02 has nothing left
    assert one.queries == {Modality.EEG: amp_b, Modality.GAZE: StreamQuery("Eye", source_id="a")}
    assert one.eeg.latency_ms is None  # that was of the stream before
    assert (one.baseline, roles.settings.subject) == ("P01.json", "dyad 3")
    roles.pin("P03", Modality.GAZE, StreamQuery("Eye2"))
    assert list(roles.each) == ["P01", "P03"]
    roles.pin("P03", Modality.GAZE, None)
    assert list(roles.each) == ["P01"]
    with pytest.raises(RtemoError, match="letters, digits"):
        roles.pin("P 4", Modality.EEG, amp_b)
    roles.adopt(SessionSettings())
    assert list(roles.each) == [""]


def test_somebody_alone_is_nobody_who_is_told_apart():
    alone = StreamRoles(PROFILES)
    roles = ParticipantRoles.around(alone)
    assert roles.each[""] is alone
    roles.pin("", Modality.EEG, StreamQuery("Amp"))
    assert alone.queries == {Modality.EEG: StreamQuery("Amp")}
    assert roles.settings is alone.settings
    roles.adopt(parse_settings(TWO))
    assert roles.queries["P02:eeg"] == StreamQuery("Amp", source_id="b")
    assert alone.anew().settings.participants == roles.settings.participants  # a recording is opened with them
    roles.leave_out("P02", "Fz", out=True)
    assert roles.settings.of("P02").eeg_map == {"Fz": ""}
    assert roles.settings.of("P01").eeg_map == {"1": "Fp1"}
    with pytest.raises(RtemoError, match="no participant 'P09'"):
        roles.of("P09")


def test_two_names_of_one_stream_are_one_stream():
    said = ["P01: eeg=name=Amp", "P02: eeg=name=Amp,type=EEG"]
    with pytest.raises(RtemoError, match="the same eeg stream"):
        with_participants(SessionSettings(), [parse_participant(one) for one in said])


def test_a_stream_in_the_place_of_one_that_nobody_knows_goes_to_whom_it_fits():
    roles = given(parse_settings(TWO))
    items = [StreamUp(amp("b"), "gone"), Chunk("eb", np.zeros(1), np.zeros((1, 1))), StreamUp(OTHER, "gone")]
    found = ItemsOfEach(roles.each).split(items)
    assert found == {"P01": items[2:], "P02": items[:2]}
