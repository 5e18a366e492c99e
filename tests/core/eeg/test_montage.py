import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo import resources
from rtemo.core.eeg.head_geometry import table
from rtemo.core.eeg.montage import describe_column, is_electrode, place
from rtemo.core.errors import RtemoError


def words(text):
    return text.split()


SEED = words(
    "FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5 C3 C1 CZ C2 C4 C6 T8 "
    "TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2 CB2"
)


def biosemi(size):
    return [f"{'ABCDEFGH'[i // 32]}{i % 32 + 1}" for i in range(size)]


def degrees_between(one, other):
    return np.degrees(np.arccos(np.clip(np.sum(one * other, axis=-1), -1, 1)))


def test_every_channel_of_seed_is_placed_once():
    placement = place(SEED)

    assert placement.columns == tuple(range(62))
    assert len(np.unique(placement.positions, axis=0)) == 62
    assert dict(placement.unplaced) == {}
    assert placement.labels[0] == "Fp1"
    assert placement.labels[57] == "CB1"


def test_cb1_and_cb2_lie_between_their_neighbours_at_the_back():
    cb1, po7, o1 = place(["CB1", "PO7", "O1"]).positions
    cb2 = place(["CB2"]).positions[0]

    assert degrees_between(cb1, po7) == pytest.approx(degrees_between(cb1, o1), abs=0.1)
    assert degrees_between(cb1, po7) + degrees_between(cb1, o1) == pytest.approx(degrees_between(po7, o1), abs=0.1)
    assert cb1[1] < -0.8
    assert cb1[0] < 0 < cb2[0]


def test_positions_are_unit_vectors_with_x_right_y_front_z_up():
    fp1, fp2, t7, t8, oz, cz = place(["Fp1", "Fp2", "T7", "T8", "Oz", "Cz"]).positions

    assert np.linalg.norm([fp1, fp2, t7, t8, oz, cz], axis=1) == pytest.approx(1.0, abs=1e-5)
    assert fp1[0] < 0 < fp2[0]
    assert t7[0] < -0.95
    assert t8[0] > 0.95
    assert min(fp1[1], fp2[1]) > 0.9
    assert oz[1] < -0.95
    assert cz[2] > 0.99
    assert fp1.dtype == np.float32


def test_the_columns_tell_which_of_the_labels_were_placed():
    placement = place(["Trig1", "Cz", "EOG", "Pz", ""])

    assert placement.columns == (1, 3)
    assert placement.labels == ("Cz", "Pz")
    assert set(placement.unplaced) == {"Trig1", "EOG", "column 5"}
    assert set(placement.reasons) == {0, 2, 4}


def test_the_second_of_two_channels_at_one_electrode_is_left_out_and_named_with_its_column():
    placement = place(["Cz", "T3", "T7", "Cz"])

    assert placement.labels == ("Cz", "T7")
    assert placement.unplaced == {
        "T7": "the same electrode as column 2",
        "Cz (column 4)": "the same electrode as column 1",
    }


def test_mastoids_and_earlobes_are_left_out_as_references():
    placement = place(["M1", "M2", "A1", "A2", "Cz"])

    assert placement.labels == ("Cz",)
    assert all("reference" in reason for reason in placement.unplaced.values())


def test_no_label_at_all_gives_an_empty_placement():
    placement = place([])

    assert placement.positions.shape == (0, 3)
    assert placement.columns == ()


@pytest.mark.parametrize(("size", "vertex"), [(32, "Cz"), (64, "Cz"), (128, "Cz"), (128, "E129"), (256, "E257")])
def test_an_egi_net_is_placed_with_its_vertex(size, vertex):
    placement = place([*(f"E{i + 1}" for i in range(size)), vertex])

    assert len(placement.columns) == size + 1
    assert placement.labels[-1] == "Cz"
    assert placement.positions[-1][2] > 0.98
    assert placement.source == f"EGI HydroCel net of {size}"


@pytest.mark.parametrize(
    ("sensor", "name"),
    [("E22", "Fp1"), ("E9", "Fp2"), ("E24", "F3"), ("E124", "F4"), ("E36", "C3"), ("E104", "C4"), ("E52", "P3"),
     ("E92", "P4"), ("E70", "O1"), ("E83", "O2"), ("E45", "T7"), ("E108", "T8"), ("E58", "P7"), ("E96", "P8")],
)  # fmt: skip
def test_sensors_of_the_128_net_lie_at_their_published_10_20_equivalents(sensor, name):
    net = place([f"E{i + 1}" for i in range(128)])

    assert degrees_between(net.positions[int(sensor[1:]) - 1], place([name]).positions[0]) < 16


def test_egi_labels_with_leading_zeros_and_references_are_read():
    plain = place([f"E{i + 1}" for i in range(128)])
    padded = place([f"E{i + 1:03d}" for i in range(128)])
    referenced = place([f"E{i + 1}-Ref" for i in range(128)])

    assert np.array_equal(padded.positions, plain.positions)
    assert np.array_equal(referenced.positions, plain.positions)


def test_a_few_e_labels_beside_10_05_names_are_no_net():
    placement = place([*SEED, "E1", "E2", "E3", "E4"])

    assert len(placement.columns) == 62
    assert set(placement.unplaced) == {"E1", "E2", "E3", "E4"}


def test_e_labels_counted_from_zero_are_not_placed_one_off():
    assert place([f"E{i}" for i in range(128)]).columns == ()


@pytest.mark.parametrize("size", [16, 32, 64, 128, 160, 256])
def test_a_biosemi_cap_is_placed_whole(size):
    placement = place(["Trig1", *biosemi(size), "EX1", "AUX1"])

    assert placement.columns == tuple(range(1, size + 1))
    assert set(placement.unplaced) == {"Trig1", "EX1", "AUX1"}
    assert str(size) in placement.source


@pytest.mark.parametrize(
    ("size", "label", "name"),
    [(16, "A1", "Fp1"), (16, "A16", "O2"), (32, "A1", "Fp1"), (32, "A32", "Cz"), (64, "A1", "Fp1"), (64, "A28", "Iz"),
     (64, "B1", "Fpz"), (64, "B16", "Cz"), (64, "B32", "O2")],
)  # fmt: skip
def test_small_biosemi_caps_are_10_20_caps_in_the_order_of_their_sheet(size, label, name):
    labels = biosemi(size)
    placement = place(labels)

    assert placement.labels[labels.index(label)] == name
    assert np.array_equal(placement.positions[labels.index(label)], place([name]).positions[0])


def test_large_biosemi_caps_have_their_own_positions():
    placement = place(biosemi(128))

    assert placement.labels[0] == "A1"
    assert placement.positions[0][2] == pytest.approx(1.0)  # A1 of the ABC layout is the vertex


def test_a1_alone_is_an_earlobe_and_no_biosemi_channel():
    assert "reference" in place(["A1", "A2", "Fp1", "Fp2"]).unplaced["A1"]


def locations_of(labels, scale=90.0, offset=(0.0, 0.0, 40.0)):
    return [tuple(float(v) for v in position * scale + offset) for position in place(labels).positions]


def test_channels_without_a_name_are_placed_by_the_streams_own_locations():
    wanted = place(SEED)
    placement = place([f"ch{i}" for i in range(62)], locations_of(SEED))

    assert placement.labels[:2] == ("ch0", "ch1")
    assert placement.source == "the stream's own locations"
    assert degrees_between(placement.positions, wanted.positions).max() < 1.0


@pytest.mark.parametrize("scale", [0.09, 9.0, 90.0])
def test_locations_in_metres_and_centimetres_are_recognised(scale):
    labels = [f"ch{i}" for i in range(62)]
    placement = place(labels, locations_of(SEED, scale, (0.0, 0.0, 0.0)))

    assert len(placement.columns) == 62


def test_a_few_unlabelled_channels_with_locations_join_the_named_ones():
    labels = [*SEED[:-2], "extra1", "extra2"]
    placement = place(labels, locations_of(SEED))

    assert placement.labels[-2:] == ("extra1", "extra2")
    assert placement.source == "10-05 names, and the stream's own locations for 2"


@pytest.mark.parametrize(
    "bend",
    [
        lambda x, y, z: (y, x, z),  # front and right exchanged
        lambda x, y, z: (-x, y, z),  # left and right exchanged
        lambda x, y, z: (x * 20, y * 20, z * 20),
        lambda x, y, z: (0.0, 0.0, 0.0),
        lambda x, y, z: (float("nan"), y, z),
    ],
)
def test_implausible_locations_are_not_used(bend):
    labels = [*SEED[:-2], "extra1", "extra2"]
    placement = place(labels, [bend(*location) for location in locations_of(SEED)])

    assert set(placement.unplaced) == {"extra1", "extra2"}


def test_a_location_does_not_turn_a_trigger_into_an_electrode():
    labels = [*SEED[:-1], "Trig1"]

    assert place(labels, locations_of(SEED)).unplaced == {"Trig1": "trigger"}


def test_a_missing_table_is_an_error_that_names_it():
    with pytest.raises(RtemoError, match="no-such-montage"):
        table("no-such-montage")


@given(labels=st.lists(st.text(max_size=8) | st.sampled_from(SEED), max_size=20))
def test_every_label_is_either_placed_or_reported(labels):
    placement = place(labels)

    assert sorted([*placement.columns, *placement.reasons]) == list(range(len(labels)))
    assert len(placement.unplaced) == len(placement.reasons)
    assert len(set(placement.labels)) == len(placement.labels)


@given(order=st.permutations(SEED))
def test_positions_do_not_depend_on_the_order_of_the_channels(order):
    placement = place(order)
    wanted = dict(zip(place(SEED).labels, place(SEED).positions.tolist(), strict=True))

    assert dict(zip(placement.labels, placement.positions.tolist(), strict=True)) == wanted


def test_an_electrode_is_known_by_its_spelling():
    assert is_electrode("EEG FP1-LE")
    assert not is_electrode("Trig1")


@pytest.mark.parametrize(("numbers", "is_net"), [
    (range(1, 258), True), (range(1, 259), False),  # 256 electrodes and the vertex
    (range(1, 5), True), (range(1, 4), False),  # polysomnographs have E1 and E2
    (range(4), False),  # there is no E0
])  # fmt: skip
def test_labels_are_a_net_only_if_one_has_them_all(numbers, is_net):
    placed = place([f"E{number}" for number in numbers])
    assert placed.source.startswith("EGI" if is_net else "10-05")
    assert len(placed.columns) == (len(numbers) if is_net else 0)


def test_half_of_the_labels_must_be_those_of_a_net():
    net = ["E1", "E2", "E3", "E4", "E5"]
    assert place([*net, "Fz", "Cz", "Pz", "Oz"]).source.startswith("EGI")
    assert place([*net, "Fz", "Cz", "Pz", "Oz", "Fp1"]).source.startswith("10-05")


def test_where_no_column_is_placed_the_positions_are_an_empty_table_of_the_same_kind():
    placement = place(["", "x"])
    assert placement.columns == ()
    assert (placement.positions.shape, placement.positions.dtype) == ((0, 3), np.float32)


@pytest.mark.parametrize(
    ("labels", "source"),
    [
        ([f"A{n}" for n in range(3, 14)], "BioSemi 16-channel cap"),  # eleven of A3 to A16
        ([f"A{n}" for n in range(3, 13)], "10-05 names"),
        ([f"A{n}" for n in range(6, 17)], "BioSemi 16-channel cap"),
        ([f"A{n}" for n in range(7, 18)], "10-05 names"),
        ([f"A{n}" for n in range(1, 18)], "BioSemi 32-channel cap"),
        ([*biosemi(32), "B1"], "BioSemi 64-channel cap"),
        ([*biosemi(64), "C1"], "BioSemi 128-channel cap"),
        ([*biosemi(128), "E1"], "BioSemi 160-channel cap"),
        ([*biosemi(160), "F1"], "BioSemi 256-channel cap"),
        ([*biosemi(16), "A33", "B0"], "BioSemi 16-channel cap"),  # no box has those
        ([f"E{n}" for n in range(1, 34)], "EGI HydroCel net of 32"),  # with the vertex
        ([f"E{n}" for n in range(1, 35)], "EGI HydroCel net of 64"),
        ([f"E{n}" for n in range(1, 66)], "EGI HydroCel net of 64"),
        ([f"E{n}" for n in range(1, 67)], "EGI HydroCel net of 128"),
        ([f"E{n}" for n in range(1, 131)], "EGI HydroCel net of 256"),
    ],
)
def test_which_cap_the_labels_are_of(labels, source):
    assert place(labels).source == source


def test_the_second_at_one_electrode_is_the_twin_of_the_first():
    placement = place(["Cz", "T3", "T7", "Cz", "Fz"])
    assert placement.twins == {2: 1, 3: 0}
    assert placement.reasons == {2: "the same electrode as column 2", 3: "the same electrode as column 1"}
    assert placement.columns == (0, 1, 4)


def test_a_channel_without_a_label_is_called_by_its_column():
    labels = ["", "  own ", *[f"ch{i}" for i in range(60)]]
    placement = place(labels, locations_of(SEED))
    assert placement.labels[:3] == ("column 1", "own", "ch0")
    assert placement.unplaced == {}


def test_locations_of_channels_that_are_not_there_are_passed_over():
    placement = place(["ch0", "ch1"], [*locations_of(SEED), None])
    assert placement.columns == (0, 1)
    assert place(["ch0", "Cz"], [None, None]).source == "10-05 names"


@pytest.mark.parametrize(
    ("labels", "column", "text"),
    [
        (["Cz", "Pz"], 1, "Pz"),
        (["x", " X "], 0, "x (column 1)"),
        (["x", " X "], 1, "X (column 2)"),
        (["x", "  "], 1, "column 2"),
    ],
)
def test_how_a_column_is_called(labels, column, text):
    assert describe_column(labels, column) == text


def test_a_missing_table_says_where_it_was_looked_for():
    with pytest.raises(RtemoError) as refused:
        table("no-such")
    path = resources.assets() / "montages" / "no-such.csv"
    assert str(refused.value) == f"the montage table 'no-such' is missing; looked for {path}; install rtemo again"
