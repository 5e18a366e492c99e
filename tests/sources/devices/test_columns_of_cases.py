"""Descriptions that look usable and are not, and names that others give."""

from __future__ import annotations

import pytest

from rtemo import resources
from rtemo.core.channel_map import EegChannelMap, GazeChannelMap
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo
from rtemo.recordings.markers import marker_text
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.stream_xml import stream_xml

PROFILES = load_profiles(resources.devices())
TEN = ("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz")


def map_of(info, role, **settings) -> EegChannelMap | GazeChannelMap:
    roles = StreamRoles(PROFILES, SessionSettings(**settings))
    roles.choose([info])
    assert roles.role_of(info) is role
    return roles.layout(info, role)


def gaze(labels, units, name="Tobii", kind="Gaze"):
    channels = tuple(Channel(label, unit=unit) for label, unit in zip(labels, units, strict=True))
    return StreamInfo("g", name, kind, "float32", 120.0, channels, source_id="eye")


SPACE = [f"{eye}_{axis}" for eye in ("left", "right") for axis in "xyz"]


def test_a_point_in_space_without_a_unit_is_no_place_on_a_screen():
    with pytest.raises(RtemoError, match=r"point in space.*\[gaze\] unit = ") as refused:
        map_of(gaze(SPACE, [""] * 6), Modality.GAZE)
    assert "left_z" in str(refused.value)
    map_of(gaze(SPACE, ["px"] * 6), Modality.GAZE)
    named = map_of(gaze(SPACE, [""] * 6), Modality.GAZE, units={Modality.GAZE: "pixels"})
    assert named.unit == "pixels"


def test_a_unit_that_cannot_be_used_is_refused_with_the_setting_that_mends_it():
    with pytest.raises(RtemoError, match=r"is in 'mm'.*\[gaze\] unit = "):
        map_of(gaze(("left_x", "left_y", "right_x", "right_y"), ["mm"] * 4), Modality.GAZE)


def test_the_names_that_mne_gives_eye_channels_are_known():
    labels = ["xpos_left", "ypos_left", "pupil_left", "xpos_right", "ypos_right", "pupil_right"]
    found = map_of(gaze(labels, ["px", "px", "au"] * 2, name="PlayerGaze", kind=""), Modality.GAZE)
    assert (found.left.x, found.left.y, found.left.pupil) == (0, 1, 2)
    assert (found.right.x, found.right.y, found.right.pupil) == (3, 4, 5)
    assert found.unit == "pixels"


def test_more_described_channels_than_are_sent_are_refused_until_they_are_named():
    described = StreamInfo("e", "Amp", "EEG", "float32", 250.0, tuple(Channel(label) for label in TEN), "a")
    xml = stream_xml(described).replace("<channel_count>10<", "<channel_count>6<")
    sent = StreamInfo("e", "Amp", "EEG", "float32", 250.0, described.channels[:6], "a", xml=xml)
    with pytest.raises(RtemoError, match=r"10 are described and 6 are sent.*\[eeg.map\]"):
        map_of(sent, Modality.EEG)
    own = {str(k + 1): label for k, label in enumerate(TEN[4:10])}
    assert map_of(sent, Modality.EEG, eeg_map=own).labels == TEN[4:10]


@pytest.mark.parametrize(
    ("row", "kind", "text"),
    [
        (("clip", "sad_3"), "string", "clip sad_3"),
        (("clip", ""), "string", "clip"),
        (("", ""), "string", ""),
        ((7.0, 2.5), "float32", "7 2.5"),
    ],
)
def test_every_column_of_a_marker_is_kept(row, kind, text):
    assert marker_text(row, kind) == text


BIOSEMI = [f"{box}{number}" for box in "ABCD" for number in range(1, 33)]


@pytest.mark.parametrize("renamed", [{0: "VEOG"}, {4: "Ref2"}, {127: "ECG"}, {0: "VEOG", 40: "HEOG", 127: "ECG"}])
def test_a_biosemi_cap_with_a_few_renamed_channels_is_placed_as_one(renamed):
    labels = [renamed.get(column, label) for column, label in enumerate(BIOSEMI)]
    info = StreamInfo("e", "Amp", "EEG", "float32", 250.0, tuple(Channel(label) for label in labels), "a")
    found = map_of(info, Modality.EEG)
    whole = map_of(
        StreamInfo("e", "Amp", "EEG", "float32", 250.0, tuple(Channel(label) for label in BIOSEMI), "a"), Modality.EEG
    )
    assert len(whole.columns) == 128
    assert found.columns == tuple(column for column in range(128) if column not in renamed)
    assert [found.positions[k].tolist() for k in range(3)] == [
        whole.positions[whole.columns.index(column)].tolist() for column in found.columns[:3]
    ]


def test_a_cap_of_which_few_channels_are_placed_is_loud():
    labels = ["Fp1", "Fp2", "Cz", "Pz", *(f"X{k}" for k in range(20))]
    info = StreamInfo("e", "Amp", "EEG", "float32", 250.0, tuple(Channel(label) for label in labels), "a")
    assert (
        "only 4 of 24 channels have a place on the head: are these the cap's labels?"
        in map_of(info, Modality.EEG).notes
    )
