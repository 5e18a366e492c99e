import numpy as np
import pytest

from rtemo.core.eeg.head_geometry import angles_deg, neighbours, regions
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
