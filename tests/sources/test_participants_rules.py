"""The participants of a session, rule by rule: their ids, their streams, what is written of them and who is refused."""

from __future__ import annotations

import pytest

from rtemo.core.channel_map import Scene, Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo
from rtemo.sources.participants import (
    EegTable,
    GazeTable,
    Participant,
    RatingsTable,
    SecondEyeTable,
    StampLatency,
    check_participants,
    latency_of,
    merged,
    new_participant,
    parse_participant,
    participant_document,
)
from rtemo.sources.session_settings import parse_settings
from rtemo.sources.stream_choice import StreamQuery

A, B, C = StreamQuery("A"), StreamQuery("B"), StreamQuery("C")
EXAMPLE = 'write for example "P01: eeg=name=AmpA; gaze=name=TrackerA"'
NAME_THEM = 'name the streams of each, for example "P01: eeg=name=AmpA; gaze=name=TrackerA"'
FULL = Participant(
    "P01",
    "P01.json",
    ("a.json", "b.json"),
    EegTable(A, "uV", 12.5, 1.5, {"1": "Fp1"}),
    GazeTable(B, "pixels", -3.0, 0.0, {"x": "left_x"}),
    RatingsTable(StreamQuery("R")),
    SecondEyeTable(C, "left"),
    Screen(distance_mm=700.0),
    Scene(1600, 1200, 103.0, 77.0),
)


def error_of(call):
    with pytest.raises(RtemoError) as caught:
        call()
    return caught.value.fact, caught.value.found, caught.value.todo


# Who a participant is.


@pytest.mark.parametrize("id_", ["P", "0", "a-_9", "P" * 40])
def test_an_id_has_up_to_40_letters_digits_hyphens_and_underscores(id_):
    assert new_participant(id_) == Participant(id_)
    assert parse_participant(id_) == Participant(id_)


@pytest.mark.parametrize("id_", ["", "-P", "_P", "P 1", "É", "P\n", "P" * 41, "x" * 100])
def test_what_is_no_id_is_refused_in_short(id_):
    assert error_of(lambda: new_participant(id_)) == (
        "a participant has an id of letters, digits, - and _", f"found {id_!r}"[:86], "for example P01",
    )  # fmt: skip


def test_what_is_wrong_on_the_command_line_is_named_with_an_example():
    fact = "a participant has an id of letters, digits, - and _"
    assert error_of(lambda: parse_participant("P 1: eeg=name=A")) == (fact, "found 'P 1'", EXAMPLE)
    cannot = "this is nothing that participant P1 can have"
    long = "x" * 100
    for piece in ("eeg", "eeg=", "=name=A", "markers=name=A", "Eeg=name=A", long):
        said = f"found {piece!r}"[:86]
        assert error_of(lambda piece=piece: parse_participant(f"P1: {piece}")) == (cannot, said, EXAMPLE)
    for twice in ("eeg=name=A", "gaze=name=A", "second_eye=name=A", "ratings=name=A", "baseline=x"):
        said = f"found {twice!r}"
        assert error_of(lambda twice=twice: parse_participant(f"P1: {twice}; {twice}")) == (cannot, said, EXAMPLE)


def test_the_command_line_says_all_that_a_participant_can_have():
    text = "P1: eeg=name=A; gaze=name=B;; second_eye=name=C; ratings=name=R; baseline=b=1; person=a; person=b ;"
    assert parse_participant(text) == Participant(
        "P1", "b=1", ("a", "b"), EegTable(A), GazeTable(B), RatingsTable(StreamQuery("R")), SecondEyeTable(C)
    )
    assert SecondEyeTable(C).eye == "right"
    assert parse_participant("P1 :") == Participant("P1")


# The streams of one.


def test_the_streams_that_are_named_are_found_by_their_roles():
    assert FULL.queries == {Modality.EEG: A, Modality.GAZE: B, Modality.SECOND_EYE: C}
    assert Participant("P", second_eye=SecondEyeTable()).queries == {}
    assert Participant("P", ratings=RatingsTable(A)).queries == {}


@pytest.mark.parametrize(
    ("part", "query", "changed"),
    [
        (Modality.EEG, C, {"eeg": EegTable(C)}),
        (Modality.EEG, None, {"eeg": EegTable()}),
        (Modality.GAZE, C, {"gaze": GazeTable(C)}),
        (Modality.GAZE, None, {"gaze": GazeTable()}),
        (Modality.SECOND_EYE, A, {"second_eye": SecondEyeTable(A)}),
        (Modality.SECOND_EYE, None, {"second_eye": None}),
        (Modality.EEG, A, {}),
        (Modality.GAZE, B, {}),
        (Modality.SECOND_EYE, C, {}),
    ],
)
def test_with_another_stream_goes_what_was_said_of_the_one_before_and_nothing_else(part, query, changed):
    names = ("id", "baseline", "person", "eeg", "gaze", "ratings", "second_eye", "screen", "scene")
    expected = {name: getattr(FULL, name) for name in names} | changed
    assert FULL.with_query(part, query) == Participant(**expected)


def test_one_without_a_second_eye_stays_so():
    one = Participant("P", eeg=EegTable(A))
    assert one.with_query(Modality.SECOND_EYE, None) == one


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        (A, {Modality.GAZE: B, Modality.SECOND_EYE: C}),
        (StreamQuery("a", type="EEG"), {Modality.GAZE: B, Modality.SECOND_EYE: C}),  # one of those that are named A
        (C, {Modality.EEG: A, Modality.GAZE: B}),
        (StreamQuery(type="EEG"), {Modality.EEG: A, Modality.GAZE: B, Modality.SECOND_EYE: C}),
    ],
)
def test_a_stream_is_taken_from_whoever_has_it(taken, left):
    assert FULL.without(taken).queries == left
    assert FULL.without(taken).ratings == FULL.ratings


def test_a_stream_that_is_named_for_two_roles_is_taken_from_both():
    assert Participant("P", eeg=EegTable(A), gaze=GazeTable(A)).without(A) == Participant("P")


@pytest.mark.parametrize(
    ("query", "name", "format_", "fits"),
    [(A, "a", "float32", True), (A, "a", "string", False), (A, "b", "float32", False), (None, "a", "float32", False)],
)
def test_ratings_are_numbers_of_the_stream_that_is_named(query, name, format_, fits):
    info = StreamInfo("1", name, "Slider", format_, 10.0, (Channel(),))
    assert RatingsTable(query).fits(info) is fits


def test_a_latency_is_one_that_was_measured_with_its_spread():
    assert latency_of(EegTable(latency_ms=12.5, latency_spread_ms=1.5)) == StampLatency(12.5, 1.5)
    assert latency_of(GazeTable(latency_ms=0.0)) == StampLatency(0.0, 0.0)
    assert latency_of(EegTable(latency_spread_ms=1.5)) is None


def test_what_is_not_said_is_nothing():
    assert (StampLatency().ms, StampLatency().spread_ms) == (0.0, 0.0)
    for table in (EegTable(), GazeTable()):
        assert (table.query, table.unit, table.latency_ms, table.latency_spread_ms) == (None, "", None, 0.0)
        assert dict(table.map) == {}


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("eeg", 'unit = "parsec"'),
        ("eeg", "latency_ms = -1000.5"),
        ("eeg", "latency_ms = 1000.5"),
        ("gaze", "latency_spread_ms = 1001.0"),
        ("gaze", 'unit = "uV"'),
        ("second_eye", 'eye = "both"'),
    ],
)
def test_what_no_table_can_hold_is_refused(table, text):
    with pytest.raises(RtemoError, match=text.split(" ")[0]):
        parse_settings(f'[[participants]]\nid = "P"\n[participants.eeg]\nquery = "name=A"\n{in_table(table, text)}')


def in_table(table, text):
    return text if table == "eeg" else f"[participants.{table}]\n{text}"


@pytest.mark.parametrize("ms", [-1000.0, 1000.0])
def test_a_latency_of_a_second_is_read(ms):
    text = f'[[participants]]\nid = "P"\n[participants.eeg]\nquery = "name=A"\nlatency_ms = {ms}\nunit = ""\n'
    assert parse_settings(text).participants[0].eeg == EegTable(A, latency_ms=ms)


# Several.


def one(id_, eeg=None, gaze=None, ratings=None):
    return Participant(id_, eeg=EegTable(eeg), gaze=GazeTable(gaze), ratings=RatingsTable(ratings))


def test_there_are_at_most_4():
    several = [one(f"P{name}", StreamQuery(name)) for name in "12345"]
    check_participants(several[:4])
    assert error_of(lambda: check_participants(several)) == (
        "a session has at most 4 participants", "found 5", "record the others in another session",
    )  # fmt: skip


def test_ids_that_differ_in_case_or_hyphens_alone_are_one():
    several = [one("P-01", A), one("Q", B), one("p_01", C)]
    assert error_of(lambda: check_participants(several)) == (
        "two participants cannot be told apart", "P-01, p_01", "give each another id",
    )  # fmt: skip
    check_participants([one("P1", A), one("P11", B)])


@pytest.mark.parametrize(
    ("first", "second", "part", "said"),
    [
        (one("P1", A), one("P2", A), "eeg", "P1 and P2 both have name=A"),
        (one("P1", A), one("P2", StreamQuery("A", "EEG")), "eeg", "P1 and P2 both have name=A"),
        (one("P1", StreamQuery("A", "EEG")), one("P2", A), "eeg", "P1 and P2 both have name=A,type=EEG"),
        (one("P1", A, B), one("P2", C, B), "gaze", "P1 and P2 both have name=B"),
        (one("P1", A, None, C), one("P2", B, None, C), "ratings", "P1 and P2 both have name=C"),
    ],
)
def test_two_do_not_have_one_stream(first, second, part, said):
    assert error_of(lambda: check_participants([first, second])) == (
        f"two participants have the same {part} stream", said, NAME_THEM,
    )  # fmt: skip


def test_the_second_eye_is_one_persons_too_and_one_stream_may_have_two_roles_of_one():
    both = [Participant(id_, second_eye=SecondEyeTable(A)) for id_ in ("P1", "P2")]
    assert error_of(lambda: check_participants(both))[0] == "two participants have the same second_eye stream"
    check_participants([one("P1", A, A), one("P2", B)])
    check_participants([one("P1", A, B), one("P2", B, A)])


def test_whoever_has_no_stream_is_named():
    several = [one("P1", A), one("P2"), one("P3", None, None, C), one("P4", None, B)]
    assert error_of(lambda: check_participants(several)) == (
        "a participant has no stream", "none is named for P2, P3", NAME_THEM,
    )  # fmt: skip


def test_what_is_not_asked_for_is_as_it_is_known():
    other = one("P02", B)
    assert merged([FULL, other], []) == (FULL, other)
    assert merged([FULL, other], [Participant("P02"), Participant("P01")]) == (other, FULL)
    assert merged([FULL], [one("P09", C)]) == (one("P09", C),)
    asked = Participant(
        "P01", "new.json", ("c.json",), EegTable(StreamQuery("N1")), GazeTable(StreamQuery("N2")),
        RatingsTable(StreamQuery("N3")), SecondEyeTable(StreamQuery("N4")),
    )  # fmt: skip
    assert merged([FULL], [asked]) == (
        Participant(
            "P01",
            "new.json",
            ("c.json",),
            EegTable(StreamQuery("N1"), "uV", 12.5, 1.5, {"1": "Fp1"}),
            GazeTable(StreamQuery("N2"), "pixels", -3.0, 0.0, {"x": "left_x"}),
            RatingsTable(StreamQuery("N3")),
            SecondEyeTable(StreamQuery("N4")),
            Screen(distance_mm=700.0),
            Scene(1600, 1200, 103.0, 77.0),
        ),
    )


# What is written.


def test_all_that_is_set_is_written():
    document = participant_document(FULL)
    assert {key: document[key] for key in list(document)[:7]} == {
        "id": "P01",
        "baseline": "P01.json",
        "person": ["a.json", "b.json"],
        "eeg": {"query": "name=A", "unit": "uV", "latency_ms": 12.5, "latency_spread_ms": 1.5, "map": {"1": "Fp1"}},
        "gaze": {
            "query": "name=B",
            "unit": "pixels",
            "latency_ms": -3.0,
            "latency_spread_ms": 0.0,
            "map": {"x": "left_x"},
        },
        "ratings": {"query": "name=R"},
        "second_eye": {"query": "name=C", "eye": "left"},
    }
    assert list(document)[7:] == ["screen", "scene"]
    assert document["screen"]["distance_mm"] == 700.0
    assert document["scene"] == {"width_px": 1600, "height_px": 1200, "width_deg": 103.0, "height_deg": 77.0}


def test_what_is_not_set_is_left_out():
    assert participant_document(Participant("P")) == {"id": "P"}
    assert participant_document(Participant("P", eeg=EegTable(unit="uV", latency_spread_ms=2.0))) == {
        "id": "P",
        "eeg": {"unit": "uV"},
    }
    assert participant_document(Participant("P", second_eye=SecondEyeTable())) == {
        "id": "P",
        "second_eye": {"eye": "right"},
    }
