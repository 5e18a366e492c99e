import dataclasses

import pytest
from eeg_devices import EEG_DEVICES, OTHERS
from gaze_devices import GAZE_DEVICES
from stream_builder import TEN_TWENTY, stream

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.stream_choice import StreamQuery, choose, choose_markers

PROFILES = load_profiles(resources.devices())
EEG, GAZE = EEG_DEVICES["liveamp"][0], GAZE_DEVICES["tobii pro connector"][0]
MARKERS = stream("Stimuli", "Markers", 1, fmt="string", rate=0)
MUSE = [OTHERS["muse accelerometer"], OTHERS["muse ppg"], EEG_DEVICES["muse-lsl"][0]]


def chosen(infos, modality, query=None):
    choice = choose(infos, modality, StreamQuery.parse(query) if query else None, PROFILES)
    return choice.info if choice else None


def numbered(*infos):
    return [dataclasses.replace(info, stream_id=str(i)) for i, info in enumerate(infos)]


def test_the_only_eeg_and_the_only_eye_tracker_are_chosen_without_a_query():
    infos = [*OTHERS.values(), MARKERS, GAZE, EEG]

    assert chosen(infos, Modality.EEG) == EEG
    assert chosen(infos, Modality.GAZE) == GAZE


@pytest.mark.parametrize("modality", [Modality.EEG, Modality.GAZE])
def test_without_a_candidate_nothing_is_chosen(modality):
    assert chosen(list(OTHERS.values()), modality) is None
    assert chosen([], modality) is None


def test_the_choice_says_by_which_profile():
    choice = choose([EEG], Modality.EEG, None, PROFILES)

    assert choice.match.profile.id == "liveamp"
    assert "LiveAmpSN" in choice.match.why


def test_of_four_muse_streams_with_one_name_only_the_eeg_is_taken():
    assert chosen(MUSE, Modality.EEG) == MUSE[2]
    assert chosen(MUSE, Modality.EEG, "name=Muse") == MUSE[2]
    assert chosen(MUSE, Modality.GAZE) is None


def test_several_candidates_are_refused_with_all_of_them_and_a_way_out():
    other = EEG_DEVICES["biosemi"][0]
    with pytest.raises(RtemoError) as refused:
        chosen([EEG, GAZE, other], Modality.EEG)

    text = str(refused.value)
    assert EEG.describe() in text
    assert other.describe() in text
    assert GAZE.describe() not in text
    assert f"--eeg name={EEG.name}" in text
    assert "\n" not in text


def test_a_query_settles_what_several_candidates_leave_open():
    other = EEG_DEVICES["biosemi"][0]

    assert chosen([EEG, other], Modality.EEG, "name=biosemi") == other


def test_two_streams_that_fit_the_query_are_refused():
    twins = numbered(EEG, EEG)
    with pytest.raises(RtemoError, match="nothing tells them apart") as refused:
        chosen(twins, Modality.EEG, f"name={EEG.name}")

    assert refused.value.found.count(EEG.name) >= 2


def test_a_query_that_fits_nothing_chooses_nothing():
    assert chosen([EEG, GAZE], Modality.EEG, "name=Nobody") is None


def test_a_query_does_not_turn_gaze_or_motion_into_eeg():
    assert chosen([GAZE], Modality.EEG, f"name={GAZE.name}") is None
    assert chosen([MARKERS], Modality.EEG, "name=Stimuli") is None


def test_a_named_stream_of_an_unknown_type_is_taken():
    odd = stream("My amp", "Biosignale", TEN_TWENTY)

    assert chosen([odd], Modality.EEG) is None
    assert chosen([odd], Modality.EEG, "name=My amp") == odd
    assert choose([odd], Modality.EEG, StreamQuery(name="My amp"), PROFILES).match.profile.id == "generic-eeg"


def test_a_query_for_a_stream_that_a_profile_rules_out_says_why():
    with pytest.raises(RtemoError, match="not gaze; use pupil_capture"):
        chosen([OTHERS["pupil core pupillometry"]], Modality.GAZE, "name=pupil_capture_pupillometry_only")


def test_pupillometry_beside_the_gaze_stream_makes_no_ambiguity():
    gaze = GAZE_DEVICES["pupil core"][0]

    assert chosen([OTHERS["pupil core pupillometry"], gaze, OTHERS["pupil core fixations"]], Modality.GAZE) == gaze


def test_streams_are_told_apart_by_host():
    rda = EEG_DEVICES["brainvision rda"][0]
    here, there = rda, dataclasses.replace(rda, hostname="other")

    assert chosen([here, there], Modality.EEG, "hostname=other") == there
    with pytest.raises(RtemoError, match="hostname="):
        chosen([here, there], Modality.EEG)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("name=Muse", StreamQuery(name="Muse")),
        ("name=Muse,type=EEG", StreamQuery(name="Muse", type="EEG")),
        (" type = EEG , name = My amp ", StreamQuery(name="My amp", type="EEG")),
        ("source_id=a:b=c,hostname=pc", StreamQuery(source_id="a:b=c", hostname="pc")),
        ("name=left, right", StreamQuery(name="left, right")),
    ],
)
def test_a_query_is_read(text, query):
    assert StreamQuery.parse(text) == query


@pytest.mark.parametrize(
    "text", ["", " ", "Muse", "name", "name=", "=EEG", "nam=Muse", "name=a,name=b", "name=a,colour=red", "uid=1"]
)
def test_a_bad_query_is_refused_with_the_keys_that_there_are(text):
    with pytest.raises(RtemoError, match="name, type, source_id, hostname"):
        StreamQuery.parse(text)


def test_a_query_compares_whole_values_without_regard_to_case():
    assert StreamQuery(name="muse").fits(MUSE[2])
    assert not StreamQuery(name="Mus").fits(MUSE[2])
    assert StreamQuery(name="Muse", type="EEG").fits(MUSE[2])
    assert not StreamQuery(name="Muse", type="ACC").fits(MUSE[2])


def test_a_query_is_written_as_it_is_read():
    query = StreamQuery(name="Muse", hostname="pc")

    assert StreamQuery.parse(str(query)) == query


def test_all_marker_streams_are_taken_strings_and_numbers():
    numbers = stream("Blinky", "Markers", 1, fmt="int32", rate=0)
    ours = [stream("rtemo_events", "Markers", 1, fmt="string", rate=0), OTHERS["our own predictions"]]

    assert choose_markers([EEG, MARKERS, GAZE, numbers, *ours], None, PROFILES) == (MARKERS, numbers)


def test_a_gaze_stream_with_events_in_its_type_is_no_marker_stream():
    gaze = stream("GP3", "Gaze events", ["LPOGX", "LPOGY", "RPOGX", "RPOGY"])

    assert choose_markers([gaze, MARKERS], None, PROFILES) == (MARKERS,)


def test_our_own_predictions_are_never_taken_for_input():
    assert chosen([OTHERS["our own predictions"]], Modality.EEG, "name=rtemo") is None


def test_markers_can_be_named_and_may_be_missing():
    other = stream("Buttons", "Markers", 1, fmt="string", rate=0)

    assert choose_markers([MARKERS, other], StreamQuery(name="Buttons"), PROFILES) == (other,)
    assert choose_markers([EEG], None, PROFILES) == ()


def test_our_own_annotations_are_taken_when_they_are_asked_for():
    ours = stream("rtemo_events", "Markers", 1, fmt="string", rate=0)

    assert choose_markers([ours], StreamQuery(name="rtemo_events"), PROFILES) == (ours,)
