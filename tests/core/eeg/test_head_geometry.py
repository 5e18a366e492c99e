import numpy as np
import pytest

from rtemo.core.eeg.head_geometry import angles_deg, directions_of, neighbours, regions
from rtemo.core.eeg.montage import place


def words(text):
    return text.split()


TEN_TWENTY = words("Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2")


@pytest.mark.parametrize(
    ("label", "region"),
    [
        ("Fp1", "frontal-left"),
        ("AF4", "frontal-right"),
        ("Fz", "frontal-midline"),
        ("FC3", "central-left"),
        ("Cz", "central-midline"),
        ("T7", "temporal-left"),
        ("TP10", "temporal-right"),
        ("P3", "parietal-left"),
        ("Pz", "parietal-midline"),
        ("O2", "occipital-right"),
        ("CB1", "occipital-left"),
    ],
)
def test_an_electrode_belongs_to_the_region_of_its_name(label, region):
    assert regions(place([label]).positions) == (region,)


def test_sensors_without_a_10_20_name_get_a_region_too():
    found = regions(place([f"E{i + 1}" for i in range(128)]).positions)

    assert found[21] == "frontal-left"  # E22
    assert found[82] == "occipital-right"  # E83


def test_neighbours_are_mutual_and_no_channel_is_its_own():
    near = neighbours(place(TEN_TWENTY).positions)

    assert np.array_equal(near, near.T)
    assert not near.diagonal().any()


def test_neighbours_are_the_ring_around_an_electrode_on_sparse_and_dense_caps():
    sparse = neighbours(place(TEN_TWENTY).positions)
    around_cz = {TEN_TWENTY[i] for i in np.flatnonzero(sparse[TEN_TWENTY.index("Cz")])}
    dense = neighbours(place([f"E{i + 1}" for i in range(128)]).positions)

    assert {"Fz", "C3", "C4", "Pz"} <= around_cz
    assert "O1" not in around_cz
    assert 4 <= np.median(dense.sum(axis=1)) <= 9


def test_channels_far_apart_are_no_neighbours_even_if_they_are_the_nearest():
    near = neighbours(place(["Fp1", "O2"]).positions)

    assert not near.any()


def test_one_channel_and_none_have_no_neighbours():
    assert neighbours(place(["Cz"]).positions).tolist() == [[False]]
    assert neighbours(place([]).positions).shape == (0, 0)


def test_angles_are_those_on_the_sphere():
    axes = np.eye(3, dtype=np.float32)

    assert angles_deg(axes, axes).tolist() == [[0, 90, 90], [90, 0, 90], [90, 90, 0]]


def sphere(n, radius=85.0, centre=(0.0, 0.0, 0.0), seed=0):
    """Unit vectors (n, 3) of the upper half, and points on a sphere in those directions."""
    directions = np.random.default_rng(seed).normal(size=(n, 3))
    directions[:, 2] = np.abs(directions[:, 2])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions, dict(enumerate(map(tuple, np.asarray(centre) + radius * directions)))


def found(points, named=None):
    """Directions as rows, in order; empty where the points are not plausible."""
    return np.array([direction for _, direction in sorted(directions_of(points, named or {}).items())])


def test_ten_points_settle_where_the_middle_of_the_head_is():
    directions, points = sphere(10, centre=(5.0, -20.0, 40.0))
    np.testing.assert_allclose(found(points), directions, atol=1e-5)


def test_with_fewer_points_the_origin_is_the_middle():
    directions, points = sphere(9)
    np.testing.assert_allclose(found(points), directions, atol=1e-6)
    _, moved = sphere(9, centre=(0.0, 0.0, 20.0))
    expected = np.array(list(moved.values()))
    np.testing.assert_allclose(found(moved), expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-6)


def test_points_in_one_plane_settle_no_middle():
    angle = np.linspace(0.0, 2 * np.pi, 12, endpoint=False)
    ring = np.column_stack([80.0 * np.cos(angle), 80.0 * np.sin(angle), np.full(12, 30.0)])
    np.testing.assert_allclose(found(dict(enumerate(map(tuple, ring)))), ring / np.hypot(80.0, 30.0), atol=1e-6)


@pytest.mark.parametrize(("radius", "plausible"), [
    (49.0, False), (51.0, True), (129.0, True), (131.0, False),  # millimetres
    (8.5, True), (0.085, True), (0.85, False),  # centimetres, metres, and neither
])  # fmt: skip
def test_a_head_has_a_radius_of_50_to_130_millimetres(radius, plausible):
    directions, points = sphere(12, radius)
    assert len(found(points)) == (12 if plausible else 0)
    if plausible:
        np.testing.assert_allclose(found(points), directions, atol=1e-5)


@pytest.mark.parametrize(("off_mm", "plausible"), [(24.0, True), (26.0, False)])
def test_a_point_may_lie_25_millimetres_off_the_sphere(off_mm, plausible):
    directions, points = sphere(9)  # so few that the middle is the origin
    points[4] = tuple((85.0 + off_mm) * directions[4])
    assert bool(len(found(points))) == plausible


@pytest.mark.parametrize(("turn_deg", "plausible"), [(34.0, True), (36.0, False)])
def test_names_and_locations_must_agree_within_35_degrees_on_average(turn_deg, plausible):
    directions, points = sphere(12)
    turn = np.radians(turn_deg)
    axis = np.cross(directions[0], [1.0, 0.0, 0.0])
    axis /= np.linalg.norm(axis)
    turned = np.cos(turn) * directions[0] + np.sin(turn) * np.cross(axis, directions[0])
    assert bool(len(found(points, {0: turned.astype(np.float32)}))) == plausible
    assert len(found(points, {99: turned.astype(np.float32)})) == 12  # of a channel without a location
    halves = {0: turned.astype(np.float32), 1: directions[1].astype(np.float32)}
    assert len(found(points, halves)) == 12


def test_places_that_are_alike_unknown_or_at_the_origin_are_no_locations():
    _, points = sphere(12)
    assert len(found({**points, 12: points[3]})) == 0
    assert len(found({**points, 12: (np.nan, 1.0, 2.0), 13: (0.0, 0.0, 0.0)})) == 12
    assert len(found({})) == 0


def test_electrodes_within_one_and_six_tenths_of_the_usual_distance_are_neighbours():
    # on the equator at these degrees: the nearest ones are 10, 10, 15, 15, 20 away, in the median 15: reach 24
    angle = np.radians([0.0, 10.0, 33.0, 48.0, 68.0])
    ring = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle]).astype(np.float32)
    expected = np.zeros((5, 5), bool)
    for i, j in ((0, 1), (1, 2), (2, 3), (3, 4)):
        expected[i, j] = expected[j, i] = True
    np.testing.assert_array_equal(neighbours(ring), expected)
    # without the one at 33 degrees: nearest 10, 10, 20, 20, in the median 15, so 38 degrees are too far
    pairs = np.zeros((4, 4), bool)
    pairs[0, 1] = pairs[1, 0] = pairs[2, 3] = pairs[3, 2] = True
    np.testing.assert_array_equal(neighbours(ring[[0, 1, 3, 4]]), pairs)
    assert neighbours(ring[:1]).tolist() == [[False]]
    far = ring[[0, 4]].copy()  # 68 degrees apart: beyond 60, however sparse the cap is
    assert not neighbours(far).any()


AXES = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1))


@pytest.mark.parametrize(
    ("radii", "plausible"),
    [
        ([50.0] * 5, True),
        ([49.9] * 5, False),
        ([130.0] * 5, True),
        ([130.1] * 5, False),
        ([80.0] * 4 + [105.0], True),  # 25 mm off
        ([80.0] * 4 + [105.1], False),
        ([80.0] * 4 + [55.0], True),
        ([5.0] * 5, True),  # centimetres
        ([0.05] * 5, True),  # metres
        ([0.13] * 5, True),
        ([0.5] * 5, False),
    ],
)
def test_radii_exactly_at_the_limits_of_a_head_are_those_of_one(radii, plausible):
    points = {k: tuple(r * x for x in axis) for k, (axis, r) in enumerate(zip(AXES, radii, strict=True))}
    assert found(points).tolist() == ([[float(x) for x in axis] for axis in AXES] if plausible else [])


def test_directions_are_of_the_columns_that_they_were_measured_at():
    points = {3: (0.0, 80.0, 0.0), 7: (80.0, 0.0, 0.0), 9: (0.0, 0.0, 0.0)}
    assert {column: way.tolist() for column, way in directions_of(points, {}).items()} == {
        3: [0.0, 1.0, 0.0], 7: [1.0, 0.0, 0.0],
    }  # fmt: skip
    assert all(way.dtype == np.float32 for way in directions_of(points, {}).values())


def test_one_location_is_a_direction_too():
    assert directions_of({0: (0.0, 0.0, 90.0)}, {})[0].tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize(("degrees", "beside"), [(59.9, True), (60.1, False)])
def test_no_neighbours_lie_more_than_sixty_degrees_apart(degrees, beside):
    angle = np.radians([0.0, degrees])
    pair = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    assert neighbours(pair).tolist() == [[False, beside], [beside, False]]


@pytest.mark.parametrize(("degrees", "beside"), [(31.9, True), (32.1, False)])
def test_neighbours_lie_within_sixteen_tenths_of_the_usual_distance(degrees, beside):
    """Three at 20 degrees from their nearest, and a fourth further away."""
    angle = np.radians([0.0, 20.0, 40.0, 40.0 + degrees])
    ring = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    assert neighbours(ring)[2, 3] == beside


def test_opposite_places_are_half_a_turn_apart_whatever_rounding_does():
    one = np.array([[1.0, 1.0, 1.0]]) / np.sqrt(3.0) * (1.0 + 1e-12)
    assert angles_deg(one, -one).tolist() == [[180.0]]
    assert angles_deg(one, one).tolist() == [[0.0]]
