import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rtemo.core.channel_map import EyeColumns, Flag, GazeChannelMap, Scene, Screen, ViewGeometry
from rtemo.core.errors import RtemoError

VIEW = ViewGeometry.of_screen(Screen())
NAN = np.nan
# x, y, pupil of the left eye, then of the right one, then a flag
BOTH_EYES = GazeChannelMap(left=EyeColumns(0, 1, 2), right=EyeColumns(3, 4, 5), view=VIEW)
CYCLOPEAN = GazeChannelMap(left=EyeColumns(0, 1), right=EyeColumns(0, 1), view=VIEW)


def canonical(channel_map, *row):
    return channel_map.canonical(np.array([row], float))[0]


def with_(channel_map, **changes):
    return dataclasses.replace(channel_map, **changes)


def test_two_eyes_come_out_in_canonical_order():
    found = canonical(BOTH_EYES, 0.1, 0.2, 3.0, 0.3, 0.4, 4.0)

    assert found == pytest.approx([0.1, 0.2, 0.3, 0.4, 3.0, 4.0])


def test_one_gaze_point_fills_both_eyes():
    assert canonical(CYCLOPEAN, 0.1, 0.9) == pytest.approx([0.1, 0.9, 0.1, 0.9, NAN, NAN], nan_ok=True)


def test_an_eye_without_columns_is_invalid():
    left_only = GazeChannelMap(left=EyeColumns(0, 1, 2), right=EyeColumns(), view=VIEW)

    assert canonical(left_only, 0.1, 0.2, 3.0) == pytest.approx([0.1, 0.2, NAN, NAN, 3.0, NAN], nan_ok=True)


@pytest.mark.parametrize(
    ("unit", "size", "given_xy"),
    [
        ("normalized", (1920, 1080), (0.25, 0.75)),
        ("percent", (1920, 1080), (25, 75)),
        ("pixels", (1920, 1080), (480, 810)),
        ("pixels", (1600, 1200), (400, 900)),
    ],
)
def test_every_unit_becomes_a_share_of_the_picture(unit, size, given_xy):
    assert canonical(with_(CYCLOPEAN, unit=unit, size=size), *given_xy)[:2] == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize(
    ("origin", "given_xy"), [("top-left", (0.25, 0.75)), ("bottom-left", (0.25, 0.25)), ("center", (-0.25, -0.25))]
)
def test_every_origin_becomes_top_left(origin, given_xy):
    assert canonical(with_(CYCLOPEAN, origin=origin), *given_xy)[:2] == pytest.approx([0.25, 0.75])


def test_a_bottom_left_origin_in_pixels_is_turned_over_after_scaling():
    channel_map = with_(CYCLOPEAN, unit="pixels", size=(1000, 500), origin="bottom-left")

    assert canonical(channel_map, 250, 125)[:2] == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize(
    "xy",
    [(NAN, 0.5), (0.5, NAN), (0, 0), (-1, -1), (-32768, -32768), (-32768, 0.5), (np.inf, 0.5), (1e8, 1e8), (-40, 0.5)],
)
def test_a_code_for_missing_is_no_gaze(xy):
    assert np.isnan(canonical(CYCLOPEAN, *xy)[:4]).all()


@pytest.mark.parametrize("xy", [(0.0, 0.5), (-0.2, 1.3), (1.0, 1.0), (-1.0, 0.4)])
def test_gaze_at_and_beyond_the_edge_stays(xy):
    assert canonical(CYCLOPEAN, *xy)[:2] == pytest.approx(xy)


def test_missing_codes_of_a_device_replace_the_usual_ones():
    channel_map = with_(CYCLOPEAN, missing=(-9.0,))

    assert np.isnan(canonical(channel_map, -9, -9)[:2]).all()
    assert canonical(channel_map, 0, 0)[:2] == pytest.approx([0, 0])


def test_an_int16_minimum_is_missing_on_the_largest_screen_too():
    channel_map = with_(CYCLOPEAN, unit="pixels", size=(7680, 4320))

    assert np.isnan(canonical(channel_map, -32768, -32768)[:2]).all()
    assert np.isnan(canonical(channel_map, 500, -32768)[:2]).all()


def test_single_precision_is_computed_in_double_precision():
    channel_map = with_(CYCLOPEAN, unit="pixels", size=(1920, 1080))

    assert channel_map.canonical(np.array([[333, 777]], np.float32))[0, :2].tolist() == [333 / 1920, 777 / 1080]


def test_one_eye_missing_leaves_the_other():
    found = canonical(BOTH_EYES, 0, 0, 0, 0.3, 0.4, 4.0)

    assert found == pytest.approx([NAN, NAN, 0.3, 0.4, NAN, 4.0], nan_ok=True)


@pytest.mark.parametrize("pupil", [0.0, -1.0, NAN, -32768.0, np.inf])
def test_a_pupil_that_is_no_size_is_missing_and_leaves_the_gaze(pupil):
    found = canonical(BOTH_EYES, 0.1, 0.2, pupil, 0.3, 0.4, 4.0)

    assert np.isnan(found[4])
    assert found[:2] == pytest.approx([0.1, 0.2])


def test_a_zero_pupil_is_a_blink_where_the_device_says_so():
    channel_map = with_(BOTH_EYES, zero_pupil_is_blink=True)

    assert np.isnan(canonical(channel_map, 0.1, 0.2, 0.0, 0.3, 0.4, 4.0)[[0, 1, 4]]).all()
    assert canonical(channel_map, 0.1, 0.2, 0.0, 0.3, 0.4, 4.0)[[2, 3, 5]] == pytest.approx([0.3, 0.4, 4.0])


@pytest.mark.parametrize(
    ("scale", "is_area", "raw", "diameter"),
    [(1.0, False, 3.0, 3.0), (2.0, False, 1.5, 3.0), (1000.0, False, 0.003, 3.0), (1.0, True, np.pi, 2.0)],
)
def test_a_pupil_becomes_a_diameter(scale, is_area, raw, diameter):
    channel_map = with_(BOTH_EYES, pupil_scale=scale, pupil_is_area=is_area)

    assert canonical(channel_map, 0.1, 0.2, raw, 0.3, 0.4, raw)[4:] == pytest.approx([diameter, diameter])


@pytest.mark.parametrize(
    ("flag", "value", "valid"),
    [
        (Flag(6, at_least=0.5), 1.0, True),
        (Flag(6, at_least=0.5), 0.0, False),
        (Flag(6, at_least=0.6), 0.6, True),
        (Flag(6, at_least=0.6), 0.59, False),
        (Flag(6, at_least=0.6), NAN, False),
        (Flag(6, at_most=1.0), 0.0, True),
        (Flag(6, at_most=1.0), 4.0, False),
    ],
)
def test_a_flag_takes_gaze_and_pupil_of_its_eye(flag, value, valid):
    channel_map = with_(BOTH_EYES, left=EyeColumns(0, 1, 2, (flag,)))
    found = canonical(channel_map, 0.1, 0.2, 3.0, 0.3, 0.4, 4.0, value)

    assert np.isnan(found[[0, 1, 4]]).tolist() == [not valid] * 3
    assert found[[2, 3, 5]] == pytest.approx([0.3, 0.4, 4.0])


def test_all_flags_must_hold():
    channel_map = with_(CYCLOPEAN, left=EyeColumns(0, 1, None, (Flag(2, at_least=0.5), Flag(3, at_least=0.5))))

    assert np.isnan(canonical(channel_map, 0.1, 0.2, 1.0, 0.0)[0])


@pytest.mark.parametrize(
    ("values", "unit"),
    [([[0.2, 0.7], [1.1, 0.4]], "normalized"), ([[40.0, 60.0]], "percent"), ([[960.0, 540.0]], "pixels")],
)
def test_a_missing_unit_is_told_from_the_size_of_the_values(values, unit):
    channel_map, reason = with_(CYCLOPEAN, unit="").checked(np.array(values))

    assert channel_map.unit == unit
    assert unit in reason


@pytest.mark.parametrize("gaze", [(960.0, 540.0), (0.4, 0.6)])
def test_the_unit_is_told_from_gaze_and_not_from_codes_for_missing(gaze):
    values = np.array([[-1.0, -1.0]] * 90 + [[-32768.0, -32768.0]] * 90 + [gaze] * 20)

    assert with_(CYCLOPEAN, unit="").checked(values)[0].unit == ("pixels" if gaze[0] > 1 else "normalized")


def test_a_look_into_the_corner_does_not_hide_that_the_unit_is_pixels():
    values = np.array([[2.0, 1.0]] * 60 + [[900.0, 500.0]] * 40)

    assert with_(CYCLOPEAN, unit="").checked(values)[0].unit == "pixels"


def test_without_any_gaze_the_unit_stays_open():
    channel_map, reason = with_(CYCLOPEAN, unit="").checked(np.full((10, 2), NAN))

    assert channel_map.unit == ""
    assert reason is None


def test_a_stated_unit_is_not_questioned():
    channel_map, reason = with_(CYCLOPEAN, unit="normalized").checked(np.array([[960.0, 540.0]]))

    assert channel_map.unit == "normalized"
    assert reason is None


@given(
    values=hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9).map(lambda s: (s[0], 7)),
        elements=st.floats(allow_nan=True, allow_infinity=True, width=64),
    ),
    cut=st.integers(0, 9),
)  # fmt: skip
def test_any_values_give_the_same_canonical_gaze_however_they_are_cut_and_are_left_as_they_are(values, cut):
    channel_map = with_(
        BOTH_EYES, unit="pixels", origin="bottom-left", left=EyeColumns(0, 1, 2, (Flag(6, at_least=0.5),))
    )
    before = values.copy()

    whole = channel_map.canonical(values)
    parts = np.concatenate([channel_map.canonical(values[:cut]), channel_map.canonical(values[cut:])])

    assert whole.shape == (len(values), 6)
    assert whole.dtype == np.float64
    assert np.array_equal(whole, parts, equal_nan=True)
    assert np.array_equal(values, before, equal_nan=True)
    assert not np.isinf(whole[:, :4]).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int32])
def test_every_number_format_is_understood(dtype):
    channel_map = with_(CYCLOPEAN, unit="pixels", size=(1000, 1000))

    assert channel_map.canonical(np.array([[250, 750]], dtype))[0, :2] == pytest.approx([0.25, 0.75])


def test_no_samples_give_no_gaze():
    assert BOTH_EYES.canonical(np.zeros((0, 6))).shape == (0, 6)


def test_degrees_on_a_screen_come_from_its_size_and_distance():
    view = ViewGeometry.of_screen(Screen(1000, 500, width_mm=400, height_mm=200, distance_mm=600))
    found = view.to_degrees(np.array([[0.5, 0.5], [1.0, 0.5], [0.5, 0.0], [NAN, 0.5]]))

    assert found[0] == pytest.approx([0, 0])
    assert found[1] == pytest.approx([np.degrees(np.arctan(200 / 600)), 0])
    assert found[2] == pytest.approx([0, -np.degrees(np.arctan(100 / 600))])
    assert np.isnan(found[3, 0])
    assert view.width_deg == pytest.approx(2 * found[1, 0])


def test_degrees_in_a_scene_camera_are_spread_evenly_over_its_field_of_view():
    view = ViewGeometry.of_scene(103, 77)

    assert view.to_degrees(np.array([[1.0, 0.0], [0.5, 0.75]])) == pytest.approx(np.array([[51.5, -38.5], [0, 19.25]]))


@pytest.mark.parametrize("field", ["width_px", "height_px", "width_mm", "height_mm", "distance_mm"])
def test_a_screen_without_size_is_refused(field):
    with pytest.raises(RtemoError, match=field):
        Screen(**{field: 0})


def test_an_unstated_screen_is_one_of_24_inches_at_65_centimetres():
    view = ViewGeometry.of_screen(Screen())
    # 2 atan(531 / 2 / 650) and 2 atan(299 / 2 / 650)
    assert (view.width_deg, view.height_deg) == pytest.approx((44.43625, 25.90553), abs=1e-5)
    corners = view.to_degrees(np.array([[0.0, 0.0], [1.0, 0.5], [0.5, 0.5]]))
    np.testing.assert_allclose(corners, [[-22.21813, -12.95276], [22.21813, 0.0], [0.0, 0.0]], atol=1e-3)
    assert (Screen().width_px, Screen().height_px) == (1920, 1080)


def test_pixels_are_those_of_full_hd_where_nothing_else_is_stated():
    pixels = with_(CYCLOPEAN, unit="pixels")
    assert canonical(pixels, 1440.0, 270.0)[:2] == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(
    ("view", "named"), [((1088, 0, 80.0, 60.0), "height_px = 0"), ((1088, 1080, 400.0, 60.0), "400 by 60 degrees")]
)
def test_a_scene_camera_that_cannot_be_is_refused_by_what_is_wrong(view, named):
    with pytest.raises(RtemoError, match=named):
        Scene(*view)
