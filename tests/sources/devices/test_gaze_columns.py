from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_builder import stream, words

from rtemo import resources
from rtemo.core.channel_map import Flag, Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel
from rtemo.sources.devices.gaze_column_roles import gaze_unit, millimetres_per, role_of
from rtemo.sources.devices.profile import gaze_channel_map, load_profiles

PROFILES = {profile.id: profile for profile in load_profiles(resources.devices())}
GENERIC = PROFILES["generic-gaze"]


def tracker(channels, **more):
    return stream("tracker", "Gaze", channels, **more)


@pytest.mark.parametrize(
    ("label", "kind", "eye"),
    [
        ("left_x", "x", "left"),
        ("leftEyeX", "x", "left"),
        ("rightEyeY", "y", "right"),
        ("R_GazeX", "x", "right"),
        ("L_GazeY", "y", "left"),
        ("norm_pos_x", "x", "both"),
        ("gaze_x", "x", "both"),
        ("gazeX", "x", "both"),
        ("GAZE_Y", "y", "both"),
        ("x", "x", "both"),
        ("X", "x", "both"),
        ("LPOGX", "x", "left"),
        ("RPOGY", "y", "right"),
        ("BPOGX", "x", "both"),
        ("GazePointXLeft", "x", "left"),
        ("Gaze point right Y", "y", "right"),
        ("Screen_X_left", "x", "left"),
        ("LeftEye_GazePoint_X", "x", "left"),
        ("x.position_on_display_area.gaze_point.left_eye", "x", "left"),
        ("left_pupil", "pupil", "left"),
        ("pupilDiameterRight", "pupil", "right"),
        ("LeftEye_PupilDiameter", "pupil", "left"),
        ("leftPupilArea", "pupil", "left"),
        ("R_PupilSize", "pupil", "right"),
        ("LPUPILD", "pupil", "left"),
        ("diameter.pupil.left_eye", "pupil", "left"),
        ("pupil", "pupil", "both"),
        ("confidence", "confidence", "both"),
        ("Confidence_left", "confidence", "left"),
        ("LPOGV", "valid", "left"),
        ("LeftEye_Found", "valid", "left"),
        ("valid.gaze_point.right_eye", "valid", "right"),
    ],
)
def test_a_label_of_an_eye_tracker_is_understood(label, kind, eye):
    role = role_of(Channel(label))

    assert (role.kind, role.eye) == (kind, eye)


@pytest.mark.parametrize(
    "label",
    [
        "",
        "z",
        "gaze_point_3d_x",
        "eye_center0_3d_x",
        "gaze_normal1_y",
        "EyePosition_X_left",
        "Target_PositionX",
        "ResolutionX",
        "pixelsPerDegreeX",
        "FPOGX",
        "CX",
        "LPCX",
        "LEYEX",
        "Pupil_X_left",
        "LeftEye_Pupil_Y",
        "LeftEye_Glint0_X",
        "head_x",
        "x.position_in_user_coordinates.gaze_point.left_eye",
        "valid.gaze_origin.left_eye",
        "available.gaze_point.left_eye",
        "diameter.eye_openness.left_eye",
        "EyeDirection_X_left",
        "timestamp",
        "FrameNumber",
        "validity_left",
        "eyelink_timestamp",
        "PupilConfidence_left",
        "Fp1",
        "ch1",
        "LSL_timestamp",
        "LPUPILV",
        "diameter0_3d",
    ],
)
def test_a_label_of_something_else_has_no_role(label):
    assert role_of(Channel(label)) is None


def test_the_type_of_the_gaze_specification_comes_before_the_label():
    assert role_of(Channel("a", "ScreenX", "pixels", "left")).kind == "x"
    assert role_of(Channel("x", "PositionX", "mm", "left")) is None
    assert role_of(Channel("a", "Radius", "mm", "right")).shape == "radius"
    assert role_of(Channel("left_x", "eyetracking")).eye == "left"


@given(label=st.text(max_size=30), kind=st.sampled_from(["", "Gaze", "ScreenX", "Diameter", "other"]))
def test_any_label_has_a_role_or_none(label, kind):
    role = role_of(Channel(label, kind))

    assert role is None or role.eye in ("left", "right", "both")


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("pixels", "pixels"),
        ("px", "pixels"),
        ("Normalized", "normalized"),
        ("screencoords", "normalized"),
        ("percent", "percent"),
        ("%", "percent"),
        ("", ""),
        ("unknown", ""),
        ("mm", None),
        ("degrees", None),
    ],
)
def test_units_of_gaze_are_read(text, unit):
    assert gaze_unit(text) == unit


@pytest.mark.parametrize(
    ("text", "factor"), [("mm", 1.0), ("millimeters", 1.0), ("m", 1000.0), ("pixels", None), ("", None)]
)
def test_units_of_pupils_are_read(text, factor):
    assert millimetres_per(text) == factor


def test_an_eye_takes_its_own_columns_and_what_it_lacks_from_both():
    channel_map = gaze_channel_map(tracker(["x", "y", "left_x", "left_y", "pupil"]), GENERIC)

    assert (channel_map.left.x, channel_map.left.y, channel_map.left.pupil) == (2, 3, 4)
    assert (channel_map.right.x, channel_map.right.y, channel_map.right.pupil) == (0, 1, 4)


def test_an_x_without_its_y_is_no_gaze():
    channel_map = gaze_channel_map(tracker(["left_x", "right_x", "right_y"]), GENERIC)

    assert channel_map.left.x is None
    assert channel_map.right.x == 1


def test_raw_gaze_comes_before_filtered():
    channel_map = gaze_channel_map(tracker(["filtered_x", "filtered_y", "raw_x", "raw_y"]), GENERIC)

    assert (channel_map.left.x, channel_map.left.y) == (2, 3)


def test_a_radius_and_an_area_become_diameters():
    radius = gaze_channel_map(tracker(["x", "y", Channel("PupilRadius", "", "mm")]), GENERIC)
    area = gaze_channel_map(tracker(["x", "y", "pupilArea"]), GENERIC)

    assert radius.canonical(np.array([[0.5, 0.5, 2.0]]))[0, 4] == pytest.approx(4.0)
    assert radius.pupil_unit == "mm"
    assert area.canonical(np.array([[0.5, 0.5, np.pi]]))[0, 4] == pytest.approx(2.0)
    assert area.pupil_unit == ""


def test_a_confidence_is_used_and_it_is_said():
    channel_map = gaze_channel_map(tracker(["x", "y", "confidence"]), GENERIC)

    assert np.isnan(channel_map.canonical(np.array([[0.5, 0.5, 0.1]]))).all()
    assert "confidence" in channel_map.notes[0]


def test_pixels_are_those_of_the_sessions_screen():
    info = tracker([Channel("x", "", "pixels"), Channel("y", "", "pixels")])
    channel_map = gaze_channel_map(info, GENERIC, Screen(1000, 500, 400, 200, 600))

    assert channel_map.canonical(np.array([[250, 250]]))[0, :2] == pytest.approx([0.25, 0.5])
    assert channel_map.view.half_width == pytest.approx(200 / 600)


def test_columns_can_be_named_by_number_or_label():
    names = {"1": "left_x", "b": "left_y", "3": "left_pupil", "4": "confidence", "5": ""}
    channel_map = gaze_channel_map(tracker(["", "b", "", "", ""]), GENERIC, None, names)

    assert (channel_map.left.x, channel_map.left.y, channel_map.left.pupil) == (0, 1, 2)
    assert channel_map.left.flags == (Flag(3, at_least=0.5),)
    assert channel_map.right.x is None


def test_a_map_replaces_what_the_labels_and_the_profile_say():
    info = tracker(["left_x", "left_y", "left_pupil", "right_x", "right_y", "right_pupil"])
    channel_map = gaze_channel_map(info, PROFILES["tobii-pro"], None, {"4": "x", "5": "y"})

    assert (channel_map.left.x, channel_map.right.x, channel_map.left.pupil) == (3, 3, None)
    assert channel_map.unit == "normalized"


@pytest.mark.parametrize(
    ("channels", "rename", "message"),
    [
        (3, None, "has no gaze columns"),
        (["a", "b"], None, "its columns are a, b"),
        (["left_x", "right_y"], None, "has no gaze columns"),
        (2, {"1": "x"}, "has no gaze columns"),
        (2, {"1": "x", "2": "Fp1"}, "unknown name"),
        (2, {"1": "x", "9": "y"}, "not one column"),
        ([Channel("x", "", "degrees"), Channel("y", "", "degrees")], None, "'degrees'"),
    ],
)
def test_gaze_that_cannot_be_told_is_refused_in_one_line_with_what_to_do(channels, rename, message):
    with pytest.raises(RtemoError, match=message) as refused:
        gaze_channel_map(tracker(channels, xml=False), GENERIC, None, rename)

    assert refused.value.todo
    assert "\n" not in str(refused.value)


def test_what_is_not_needed_is_listed():
    channel_map = gaze_channel_map(tracker(["x", "y", "head_x"]), GENERIC)

    assert dict(channel_map.left_out) == {"head_x": "not needed"}


def packed(channels, **rules):
    return gaze_channel_map(tracker(channels), replace(GENERIC, gaze=replace(GENERIC.gaze, **rules)))


def test_a_row_with_two_samples_gives_both_in_their_order():
    labels = words("left_x left_y left_pupil right_x right_y right_pupil clock")
    found = packed([*labels, *labels, "counter"], samples_per_row=2, sample_width=7)
    row = np.array([[0.1, 0.2, 3.0, 0.3, 0.4, 4.0, 9.0, 0.5, 0.6, 5.0, 0.7, 0.8, 6.0, 9.0, 1.0]])
    wanted = [[0.1, 0.2, 0.3, 0.4, 3.0, 4.0], [0.5, 0.6, 0.7, 0.8, 5.0, 6.0]]
    assert found.canonical(np.concatenate([row, row])) == pytest.approx(np.array(wanted * 2))
    assert set(found.left_out) == {"clock", "counter"}


@pytest.mark.parametrize(("n_columns", "rules"), [(7, {}), (6, {"sample_width": 4}), (4, {}), (6, {"sample_width": 2})])
def test_a_row_that_cannot_hold_the_samples_is_refused(n_columns, rules):
    labels = [*words("x y pupil"), *(f"more{k}" for k in range(n_columns - 3))]
    with pytest.raises(RtemoError, match="cannot hold 2 samples"):
        packed(labels, samples_per_row=2, **rules)
