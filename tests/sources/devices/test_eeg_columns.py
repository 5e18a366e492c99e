import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stream_builder import TEN_TWENTY, eeg_channels, stream

from rtemo import resources
from rtemo.core.eeg.montage import place
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel
from rtemo.sources.devices.profile import eeg_channel_map, load_profiles
from rtemo.sources.stream_xml import channel_numbers

PROFILES = {profile.id: profile for profile in load_profiles(resources.devices())}
GENERIC = PROFILES["generic-eeg"]


def amp(channels, **more):
    return stream("amp", "EEG", channels, **more)


def test_columns_labels_positions_and_scale_belong_together():
    info = amp([Channel("Trig", "Trigger"), *eeg_channels(TEN_TWENTY[:4], "mV"), *eeg_channels(["Pz"], "uV")])
    channel_map = eeg_channel_map(info, GENERIC)

    assert channel_map.columns == (1, 2, 3, 4, 5)
    assert channel_map.labels == (*TEN_TWENTY[:4], "Pz")
    assert np.array_equal(channel_map.positions, place([*TEN_TWENTY[:4], "Pz"]).positions)
    assert channel_map.scale == pytest.approx([1e3, 1e3, 1e3, 1e3, 1.0])
    assert dict(channel_map.left_out) == {"Trig": "a channel of type Trigger"}


def test_types_that_say_nothing_of_eeg_are_not_believed():
    channel_map = eeg_channel_map(amp([Channel(label, "misc", "uV") for label in TEN_TWENTY]), GENERIC)

    assert len(channel_map.columns) == 19


@pytest.mark.parametrize("n_channels", [0, 1, 3, 64])
def test_columns_without_labels_are_refused_in_one_line_that_says_what_to_do(n_channels):
    with pytest.raises(RtemoError) as refused:
        eeg_channel_map(amp(n_channels), GENERIC)

    text = str(refused.value)
    assert "4 are needed" in text
    assert "[eeg.map]" in text
    assert "\n" not in text
    assert len(text) < 600


def test_three_channels_are_too_few_and_four_are_enough():
    with pytest.raises(RtemoError, match="placed: Fp1, Fp2, F7"):
        eeg_channel_map(amp(TEN_TWENTY[:3]), GENERIC)

    assert len(eeg_channel_map(amp(TEN_TWENTY[:4]), GENERIC).columns) == 4


def test_columns_can_be_named_by_number():
    channel_map = eeg_channel_map(amp(6), GENERIC, {"2": "Fp1", "3": "Fp2", "5": "O1", "6": "O2"})

    assert channel_map.columns == (1, 2, 4, 5)
    assert channel_map.labels == ("Fp1", "Fp2", "O1", "O2")
    assert set(channel_map.left_out) == {"column 1", "column 4"}


def test_columns_can_be_named_by_their_label_and_left_out_by_an_empty_name():
    labels = ["Ch0", "ch1", "Ch2", "Fz", "Cz", "Pz"]
    channel_map = eeg_channel_map(amp(labels), GENERIC, {"ch0": "Fp1", "Ch1": "Fp2", "Cz": ""})

    assert channel_map.labels == ("Fp1", "Fp2", "Fz", "Pz")
    assert set(channel_map.left_out) == {"Ch2", "Cz"}


def test_an_empty_name_leaves_the_column_out_and_says_so():
    channel_map = eeg_channel_map(amp(TEN_TWENTY), GENERIC, {"Fp1": ""})

    assert "Fp1" not in channel_map.labels
    assert channel_map.left_out["Fp1"] == "left out by the session's settings"


def test_a_mastoid_can_be_used_as_an_electrode_when_the_session_says_so():
    channel_map = eeg_channel_map(amp([*TEN_TWENTY, "M1"]), GENERIC, {"M1": "TP9"})

    assert channel_map.labels[-1] == "TP9"


def test_a_named_column_is_used_whatever_its_type_says():
    info = amp([*eeg_channels(TEN_TWENTY), Channel("AUX1", "AUX")])

    assert eeg_channel_map(info, GENERIC, {"AUX1": "TP9"}).labels[-1] == "TP9"


def test_a_map_of_the_session_replaces_the_profiles_default_electrodes():
    info = stream("obci_eeg1", "EEG", 8, source_id="openbcigui", xml=False)
    channel_map = eeg_channel_map(
        info, PROFILES["openbci"], {str(i + 1): name for i, name in enumerate(["F3", "F4", "P3", "P4"])}
    )

    assert channel_map.labels == ("F3", "F4", "P3", "P4")
    assert channel_map.notes == ()


@pytest.mark.parametrize(
    ("rename", "message"),
    [
        ({"Fp9": "Fp1"}, "not one column"),
        ({"99": "Fp1"}, "not one column"),
        ({"0": "Fp1"}, "not one column"),
        ({"": "Fp1"}, "not one column"),
        ({"Fp1": "Nonsense"}, "cannot be placed"),
        ({"Fp1": "Cz"}, "another column"),
        ({"O2": "Fp1"}, "another column"),
        ({"Fp1": "F1", "1": "F2"}, "twice"),
    ],
)
def test_a_mistake_in_the_map_is_refused(rename, message):
    with pytest.raises(RtemoError, match=message):
        eeg_channel_map(amp(TEN_TWENTY), GENERIC, rename)


def test_a_label_that_two_columns_have_must_be_named_by_number():
    info = amp(["A", "A", *TEN_TWENTY])

    with pytest.raises(RtemoError, match="columns 1, 2 have that label"):
        eeg_channel_map(info, GENERIC, {"A": "TP9"})
    assert eeg_channel_map(info, GENERIC, {"2": "TP9"}).labels[0] == "TP9"


def test_a_label_that_looks_like_a_number_is_meant_before_the_number():
    info = amp(["3", "2", "1", *TEN_TWENTY])

    assert eeg_channel_map(info, GENERIC, {"1": "TP9"}).columns[0] == 2


def test_columns_are_counted_over_the_whole_stream_in_what_is_reported():
    channel_map = eeg_channel_map(amp([Channel("Trig", "Trigger"), *eeg_channels([*TEN_TWENTY, "T3"])]), GENERIC)

    assert channel_map.left_out["T3"] == "the same electrode as column 9"


def test_an_electrode_can_be_given_to_another_column_when_its_own_is_left_out():
    channel_map = eeg_channel_map(amp([*TEN_TWENTY, "spare"]), GENERIC, {"Cz": "", "spare": "Cz"})

    assert channel_map.columns[-1] == 19
    assert channel_map.labels[-1] == "Cz"


def test_a_factor_beside_a_unit_multiplies_it_and_beside_counts_it_is_microvolts():
    channels = [
        Channel(label, "EEG", unit)
        for label, unit in zip(TEN_TWENTY[:5], ["nV", "nV", "counts", "", "uV"], strict=True)
    ]
    info = amp(channels)
    for i in range(4):
        info = dataclasses.replace(
            info, xml=info.xml.replace(f"<label>{TEN_TWENTY[i]}</label>", f"<label>x</label><k>{50 + i}</k>")
        )
    scaled = dataclasses.replace(GENERIC, eeg=dataclasses.replace(GENERIC.eeg, scale_from="k"))

    assert eeg_channel_map(info, scaled).scale == pytest.approx([0.05, 0.051, 52, 53, 1])


def test_a_left_out_column_is_not_brought_back_by_its_location():
    at = place(TEN_TWENTY).positions * 90
    spots = [tuple(map(float, spot)) for spot in at]
    channels = [
        Channel(label, "EEG", "uV", location_mm=spot) for label, spot in zip(TEN_TWENTY[:-1], spots, strict=False)
    ]
    info = amp([*channels, Channel("sensor", "ACC", location_mm=spots[-1])])

    assert "sensor" in eeg_channel_map(info, GENERIC).left_out


def test_locations_in_the_description_place_unnamed_channels():
    at = place(TEN_TWENTY).positions * 90
    info = amp([Channel(f"ch{i}", "EEG", "uV", location_mm=tuple(map(float, at[i]))) for i in range(19)])
    channel_map = eeg_channel_map(info, GENERIC)

    assert len(channel_map.columns) == 19
    assert "own locations" in channel_map.notes[0]


@given(
    labels=st.lists(st.sampled_from([*TEN_TWENTY, "", "Trig", "M1", "EOG", "Ch1"]), max_size=24),
    types=st.lists(st.sampled_from(["EEG", "", "ACC", "misc"]), min_size=24, max_size=24),
)
def test_every_column_is_used_or_reported(labels, types):
    info = amp([Channel(label, kind, "uV") for label, kind in zip(labels, types, strict=False)], xml=False)
    placed = {canonical for canonical in TEN_TWENTY if canonical in labels}
    try:
        channel_map = eeg_channel_map(info, GENERIC)
    except RtemoError:
        return  # too few; refused for that reason alone, as the tests above say
    assert len(channel_map.columns) <= len(placed)
    assert len(channel_map.columns) + len(channel_map.left_out) == len(labels)
    assert len(channel_map.columns) == len(channel_map.labels) == len(channel_map.positions) == len(channel_map.scale)


@pytest.mark.parametrize("xml", ["", "no xml", "<info>", '<!DOCTYPE a [<!ENTITY b "c">]><info/>', "<info/>"])
def test_a_description_that_cannot_be_read_holds_no_numbers(xml):
    assert channel_numbers(xml, "scaling_factor") == {}


def test_numbers_are_read_per_channel_where_there_are_any():
    channels = "".join(f"<channel><f>{text}</f></channel>" for text in ("0.5", "x", "", "nan", "2"))

    assert channel_numbers(f"<info><desc><channels>{channels}</channels></desc></info>", "f") == {0: 0.5, 4: 2.0}
    assert channel_numbers(f"<info><desc>{channels}</desc></info>", "f") == {0: 0.5, 4: 2.0}


def test_a_latency_of_the_profile_is_handed_on():
    late = dataclasses.replace(GENERIC, latency_ms=20.0)

    assert eeg_channel_map(amp(TEN_TWENTY), late).latency_s == 0.02
