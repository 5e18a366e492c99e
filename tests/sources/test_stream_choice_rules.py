"""Queries and the choice among streams, rule by rule, with what a user is told of streams that cannot be told apart."""

from __future__ import annotations

import re
import socket
from dataclasses import replace

import pytest
from eeg_devices import OTHERS

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.devices.profile_schema import MatchRule
from rtemo.sources.stream_choice import (
    StreamQuery,
    choose,
    choose_markers,
    is_further,
    is_own,
    is_rating,
    is_screen,
    screen_source,
)
from rtemo.sources.xdf.recording_log import log_info

PROFILES = load_profiles(resources.devices())
CHANNELS = tuple(Channel(label, "EEG", "uV") for label in ("Fp1", "Fp2", "C3", "C4", "Oz"))
AMP = StreamInfo("1", "Amp", "EEG", "float32", 250.0, CHANNELS, "s1", "pc")
ODD = StreamInfo("5", "Odd", "Biosignale", "float32", 250.0, (Channel(), Channel()), "o", "pc")
TEXTS = StreamInfo("6", "Stim", "Markers", "string", 0.0, (Channel(),), "m", "pc")


def eyes(stream_id, *labels, name="Eye"):
    return StreamInfo(
        stream_id, name, "Gaze", "float32", 120.0, tuple(Channel(x, unit="normalized") for x in labels), "e"
    )


BOTH = eyes("2", "left_x", "left_y", "right_x", "right_y")


def error_of(call):
    with pytest.raises(RtemoError) as caught:
        call()
    return caught.value.fact, caught.value.found, caught.value.todo


# Queries.


@pytest.mark.parametrize(("text", "number"), [("1", 1), (" 42 ", 42), ("9999999999", 9999999999)])
def test_a_number_is_that_in_a_recording(text, number):
    assert StreamQuery.parse(text) == StreamQuery(number=number)


@pytest.mark.parametrize("text", ["0", "01", "-1", "10000000000", "1.0", "1,2"])
def test_what_is_no_number_from_1_to_10_digits_is_no_query(text):
    assert error_of(lambda: StreamQuery.parse(text)) == (
        "a stream query must be key=value[,key=value]",
        f"found {text!r}",
        "use each of name, type, source_id, hostname at most once, for example name=Muse,type=EEG",
    )


def test_nothing_is_called_nothing():
    for text in ("", "  "):
        assert error_of(lambda text=text: StreamQuery.parse(text))[1] == "found nothing"


def test_all_keys_are_read_and_written_in_one_order():
    query = StreamQuery("a", "b", "c", "d")
    assert StreamQuery.parse("hostname=d,source_id=c,type=b,name=a") == query
    assert str(query) == "name=a,type=b,source_id=c,hostname=d"
    assert str(StreamQuery()) == ""
    assert str(StreamQuery(number=7)) == "7"
    assert str(StreamQuery("a", number=7)) == "name=a"
    assert str(StreamQuery(type="b")) == "type=b"


@pytest.mark.parametrize(
    ("text", "name"), [("name=a,b", "a,b"), ("name=a, b ", "a, b"), ("name=a=b", "a=b"), ("name=a=b,type=x", "a=b")]
)
def test_a_comma_and_an_equals_sign_may_be_in_a_value(text, name):
    assert StreamQuery.parse(text).name == name


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        (StreamQuery(), True),
        (StreamQuery(number=1), True),
        (StreamQuery(number=2), False),
        (StreamQuery("aMP", number=1), True),
        (StreamQuery("Other", number=1), False),
        (StreamQuery("Amp", "EEG", "s1", "pc"), True),
        (StreamQuery("Amp", "EEG", "s1", "pc2"), False),
        (StreamQuery("Amp", "EEG", "s", "pc"), False),
        (StreamQuery("Amp", "Gaze", "s1", "pc"), False),
    ],
)
def test_a_query_fits_where_all_that_it_says_is_equal(query, fits):
    assert query.fits(AMP) is fits
    assert query.fits(replace(AMP, name=" Amp ", hostname="PC")) is fits


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (StreamQuery(), StreamQuery("a"), True),
        (StreamQuery("A"), StreamQuery("a", "EEG"), True),
        (StreamQuery("a", "EEG"), StreamQuery("a"), False),
        (StreamQuery("a"), StreamQuery("b"), False),
        (StreamQuery(number=1), StreamQuery(number=1), True),
        (StreamQuery(number=1), StreamQuery(number=2), False),
        (StreamQuery(), StreamQuery(number=2), False),
        (StreamQuery(hostname="h"), StreamQuery(source_id="h"), False),
    ],
)
def test_a_query_covers_another_one_that_asks_for_as_much_or_more(one, other, covers):
    assert one.covers(other) is covers


# The choice.


def test_the_choice_has_the_profile_and_the_reason():
    found = choose([BOTH, AMP], Modality.EEG, None, PROFILES)
    assert (found.info, found.match.profile.id) == (AMP, "generic-eeg")
    named = choose([ODD, AMP], Modality.EEG, StreamQuery("Odd"), PROFILES)
    assert (named.info, named.match.profile.id, named.match.score, named.match.why) == (
        ODD, "generic-eeg", 0.0, "named by the query",
    )  # fmt: skip
    gaze = choose([ODD], Modality.GAZE, StreamQuery("Odd"), PROFILES)
    assert gaze.match.profile.id == "generic-gaze"


def test_what_is_not_named_is_not_taken_though_it_fits():
    assert choose([AMP, ODD], Modality.EEG, StreamQuery("Odd"), PROFILES).info == ODD
    assert choose([AMP, ODD], Modality.EEG, StreamQuery("Nobody"), PROFILES) is None
    assert choose([ODD], Modality.EEG, None, PROFILES) is None


@pytest.mark.parametrize(
    "info",
    [
        TEXTS,
        replace(ODD, type="my Trigger"),
        replace(ODD, name="rtemo"),
        replace(ODD, source_id="rtemo_values:x"),
        BOTH,
        log_info(""),
    ],
)
def test_a_query_makes_no_eeg_of_markers_gaze_or_what_is_our_own(info):
    assert choose([info], Modality.EEG, StreamQuery(info.name), PROFILES) is None


def test_the_second_eye_is_a_stream_that_says_so_or_is_named():
    assert choose([BOTH], Modality.SECOND_EYE, None, PROFILES) is None
    assert choose([BOTH], Modality.SECOND_EYE, StreamQuery("Eye"), PROFILES).info == BOTH
    assert choose([AMP], Modality.SECOND_EYE, StreamQuery("Amp"), PROFILES) is None
    assert choose([ODD], Modality.SECOND_EYE, StreamQuery("Odd"), PROFILES).match.profile.id == "generic-gaze"


def with_right_eye():
    """The profiles with one more, of a tracker's right eye."""
    both = next(one for one in PROFILES if one.id == "generic-gaze")
    rule = MatchRule(type=re.compile("Gaze"), name=re.compile("Right"))
    return (*PROFILES, replace(both, id="right", gaze=replace(both.gaze, eye="right"), match=(rule,)))


def test_of_two_streams_of_one_eye_each_the_right_one_is_the_second():
    profiles = with_right_eye()
    right = eyes("3", "left_x", "left_y", "right_x", "right_y", name="Right")
    assert choose([BOTH, right], Modality.SECOND_EYE, None, profiles).info == right
    assert choose([BOTH, right], Modality.GAZE, None, profiles).info == BOTH
    assert choose([right], Modality.GAZE, StreamQuery("Right"), profiles).info == right


@pytest.mark.parametrize(
    ("infos", "query", "fact", "todo"),
    [
        (
            [AMP, replace(AMP, name="Other")],
            None,
            "2 streams could be the eeg stream with no --eeg query",
            "name one, for example --eeg name=Amp",
        ),
        (
            [AMP, replace(AMP, source_id="s2"), replace(AMP, source_id="s3")],
            StreamQuery("Amp"),
            "3 streams could be the eeg stream with the query name=Amp",
            "name one, for example --eeg source_id=s1",
        ),
        (
            [replace(AMP, stream_id="a"), replace(AMP, stream_id="b")],
            None,
            "2 streams could be the eeg stream with no --eeg query",
            "stop all but one of them: nothing tells them apart",
        ),
        (
            [replace(AMP, stream_id="4"), replace(AMP, stream_id="7")],
            None,
            "2 streams could be the eeg stream with no --eeg query",
            "name one by its number in the recording, for example --eeg 4: nothing tells them apart",
        ),
        (
            [replace(AMP, stream_id="4"), replace(AMP, stream_id="b")],
            None,
            "2 streams could be the eeg stream with no --eeg query",
            "stop all but one of them: nothing tells them apart",
        ),
    ],
)
def test_several_that_fit_are_all_named_with_what_tells_them_apart(infos, query, fact, todo):
    listed = " | ".join(info.describe() for info in infos)
    assert error_of(lambda: choose([*infos, BOTH], Modality.EEG, query, PROFILES)) == (fact, listed, todo)


def test_what_a_profile_rules_out_is_refused_with_its_reason():
    pupils = OTHERS["pupil core pupillometry"]
    fact, found, todo = error_of(lambda: choose([AMP, pupils], Modality.GAZE, StreamQuery(pupils.name), PROFILES))
    assert (fact, todo) == (f"the stream {pupils.name!r} cannot be used as gaze", "name another one")
    assert "not gaze; use pupil_capture" in found
    assert choose([pupils], Modality.GAZE, None, PROFILES) is None


# Markers and what else there is.


@pytest.mark.parametrize(
    ("info", "taken", "named"),
    [
        (TEXTS, True, True),
        (replace(TEXTS, type="Anything"), True, True),
        (replace(ODD, type="StimEvents"), True, True),
        (replace(ODD, type="my trigger"), True, True),
        (ODD, False, False),
        (replace(eyes("7", "LPOGX", "LPOGY", "RPOGX", "RPOGY", name="GP3"), type="Gaze events"), False, False),
        (replace(TEXTS, name="rtemo_events"), False, True),
        (replace(TEXTS, source_id="rtemo_events:P01"), False, True),
        (log_info("s"), False, False),
    ],
)
def test_markers_are_texts_and_numbers_that_say_so_and_our_own_only_by_name(info, taken, named):
    assert choose_markers([info], None, PROFILES) == ((info,) if taken else ())
    assert choose_markers([info], StreamQuery(info.name), PROFILES) == ((info,) if named else ())
    assert choose_markers([info], StreamQuery("another"), PROFILES) == ()


@pytest.mark.parametrize(
    ("type_", "format_", "rating"),
    [("Ratings", "float32", True), ("rating", "int8", True), ("RATINGS", "string", False), ("Ratings2", "int8", False)],
)
def test_ratings_are_numbers_of_that_type(type_, format_, rating):
    assert is_rating(replace(ODD, type=type_, channel_format=format_)) is rating


@pytest.mark.parametrize(
    ("changes", "further"),
    [
        ({}, True),
        ({"channel_format": "string"}, False),
        ({"name": "rtemo"}, False),
        ({"source_id": "rtemo:x"}, False),
        ({"type": "Impedance"}, False),
    ],
)
def test_numbers_that_are_neither_our_own_nor_impedances_are_shown(changes, further):
    assert is_further(replace(ODD, **changes)) is further


def test_the_frames_of_this_computers_screen_are_told_from_anothers():
    frames = replace(ODD, type="VideoFrames", source_id=f"rtemo-screen@{socket.gethostname()}:0")
    assert screen_source() == f"rtemo-screen@{socket.gethostname()}:"
    assert is_screen(frames)
    assert not is_screen(replace(frames, type="Frames"))
    assert not is_screen(replace(frames, source_id="rtemo-screen@another:0"))


@pytest.mark.parametrize(
    ("name", "source_id", "own"),
    [
        ("rtemo", "", True),
        ("rtemo_events", "", True),
        ("rtemo2", "", False),
        ("x", "rtemo:1", True),
        ("x", "rtemo_events:1", True),
        ("x", "rtemo_values:1", True),
        ("x", "rtemo_texts:1", True),
        ("x", "rtemo_other:1", False),
        ("x", "my rtemo:1", False),
        ("x", "rtemo", False),
    ],
)
def test_what_rtemo_sends_itself_is_known_by_its_name_or_source(name, source_id, own):
    assert is_own(replace(ODD, name=name, source_id=source_id)) is own
    assert is_own(log_info(""))
