import dataclasses

import numpy as np
import pytest
from eeg_devices import EEG_DEVICES, EEGO
from gaze_devices import GAZE_DEVICES
from stream_builder import TEN_TWENTY

from rtemo import resources
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality
from rtemo.sources.devices.profile import eeg_channel_map, gaze_channel_map, load_profiles, match

PROFILES = load_profiles(resources.devices())
SCREEN = Screen(1000, 500, 500.0, 250.0, 600.0)


def channel_map_of(info, screen=SCREEN):
    profile = match(info, PROFILES).profile
    return eeg_channel_map(info, profile) if profile.kind is Modality.EEG else gaze_channel_map(info, profile, screen)


def canonical(info, **values):
    """Canonical gaze of one sample that holds these values in the columns with these labels, NaN elsewhere."""
    row = np.full((1, info.n_channels), np.nan)
    for label, value in values.items():
        for column, channel in enumerate(info.channels):
            if channel.label == label:
                row[0, column] = value
    return channel_map_of(info).canonical(row)[0]


@pytest.mark.parametrize("device", GAZE_DEVICES)
def test_every_eye_tracker_gives_gaze_for_both_eyes(device):
    channel_map = channel_map_of(GAZE_DEVICES[device][0])

    assert channel_map.left.x is not None
    assert channel_map.right.y is not None


def test_tobii_pro_is_normalized_with_pupils_in_mm():
    found = canonical(
        GAZE_DEVICES["tobii pro connector"][0],
        left_x=0.1,
        left_y=0.2,
        left_pupil=3,
        right_x=0.3,
        right_y=0.4,
        right_pupil=4,
    )

    assert found == pytest.approx([0.1, 0.2, 0.3, 0.4, 3, 4])
    assert channel_map_of(GAZE_DEVICES["tobii pro connector"][0]).pupil_unit == "mm"


def test_titta_uses_the_display_area_and_the_validity_of_each_eye():
    point = "position_on_display_area.gaze_point"
    values = {f"{axis}.{point}.{eye}_eye": 0.1 for axis in "xy" for eye in ("left", "right")}
    values |= {f"diameter.pupil.{eye}_eye": 3.0 for eye in ("left", "right")}
    values |= {"valid.gaze_point.left_eye": 1.0, "valid.gaze_point.right_eye": 0.0}
    info = GAZE_DEVICES["titta"][0]

    assert info.n_channels == 37
    assert canonical(info, **values) == pytest.approx([0.1, 0.1, np.nan, np.nan, 3.0, np.nan], nan_ok=True)


def test_pupil_core_is_turned_over_and_eye_0_is_the_right_one():
    info = GAZE_DEVICES["pupil core"][0]
    seen = canonical(info, confidence=0.9, norm_pos_x=0.1, norm_pos_y=0.2, diameter0_3d=3.0, diameter1_3d=4.0)
    lost = canonical(info, confidence=0.3, norm_pos_x=0.1, norm_pos_y=0.2, diameter0_3d=3.0)

    assert info.n_channels == 22
    assert seen == pytest.approx([0.1, 0.8, 0.1, 0.8, 4.0, 3.0])
    assert np.isnan(lost).all()
    assert channel_map_of(info).view.width_deg == 103


@pytest.mark.parametrize(
    ("device", "x", "y", "width_deg"),
    [("neon", 400, 300, 103), ("neon relay", 400, 300, 103), ("pupil invisible relay", 272, 270, 82)],
)
def test_pupil_labs_glasses_are_in_pixels_of_their_scene_camera(device, x, y, width_deg):
    info = GAZE_DEVICES[device][0]

    assert canonical(info, x=x, y=y)[:4] == pytest.approx([0.25] * 4)
    assert channel_map_of(info).view.width_deg == width_deg


@pytest.mark.parametrize("device", ["neon with eye state", "neon without eyes named"])
def test_neon_pupils_are_told_apart_by_eye_or_by_order(device):
    info = GAZE_DEVICES[device][0]
    channel_map = channel_map_of(info)

    assert (channel_map.left.pupil, channel_map.right.pupil) == (2, 6)
    assert channel_map.pupil_unit == "mm"


def test_eyelink_is_in_pixels_with_an_area_as_pupil_and_zeros_for_an_eye_that_is_not_there():
    info = GAZE_DEVICES["eyelink"][0]
    found = canonical(info, leftEyeX=500, leftEyeY=250, leftPupilArea=np.pi, rightEyeX=0, rightEyeY=0, rightPupilArea=0)

    assert found == pytest.approx([0.5, 0.5, np.nan, np.nan, 2.0, np.nan], nan_ok=True)
    assert channel_map_of(info).pupil_unit == ""


def test_the_two_eyelink_layouts_are_told_apart_by_their_labels():
    found = canonical(
        GAZE_DEVICES["eyelink neurobooth"][0],
        R_GazeX=500,
        R_GazeY=250,
        R_PupilSize=900,
        L_GazeX=100,
        L_GazeY=50,
        L_PupilSize=800,
    )

    assert found == pytest.approx([0.1, 0.1, 0.5, 0.5, 800, 900])


def test_eyelogic_radius_is_doubled_and_the_eyes_own_points_are_used():
    found = canonical(
        GAZE_DEVICES["eyelogic"][0],
        Screen_X_raw=1,
        Screen_Y_raw=1,
        Screen_X_left=500,
        Screen_Y_left=250,
        Screen_X_right=250,
        Screen_Y_right=250,
        Diameter_left=1.5,
        Diameter_right=2.0,
    )

    assert found == pytest.approx([0.5, 0.5, 0.25, 0.5, 3.0, 4.0])


@pytest.mark.parametrize(("device", "unit"), [("smi red", "mm"), ("smi hispeed", "")])
def test_smi_pupils_are_in_the_unit_that_the_stream_states(device, unit):
    info = GAZE_DEVICES[device][0]
    found = canonical(info, Screen_X_left=500, Screen_Y_left=250, Screen_X_right=0, Screen_Y_right=0, Diameter_left=3.5)

    assert found == pytest.approx([0.5, 0.5, np.nan, np.nan, 3.5, np.nan], nan_ok=True)
    assert channel_map_of(info).pupil_unit == unit


def test_gazepoint_pupils_come_in_metres_and_validity_flags_count():
    found = canonical(
        GAZE_DEVICES["gazepoint"][0],
        LPOGX=0.1,
        LPOGY=0.2,
        LPOGV=1,
        RPOGX=0.3,
        RPOGY=0.4,
        RPOGV=0,
        BPOGX=0.2,
        BPOGY=0.3,
        BPOGV=1,
        LPUPILD=0.0035,
        RPUPILD=0.004,
    )

    assert found == pytest.approx([0.1, 0.2, np.nan, np.nan, 3.5, np.nan], nan_ok=True)


def test_eyetech_is_in_percent_and_reads_found_flags():
    found = canonical(
        GAZE_DEVICES["eyetech"][0],
        LeftEye_GazePoint_X=50,
        LeftEye_GazePoint_Y=25,
        LeftEye_Found=1,
        LeftEye_PupilDiameter=3,
        RightEye_GazePoint_X=50,
        RightEye_GazePoint_Y=25,
        RightEye_Found=0,
        RightEye_PupilDiameter=3,
        WeightedGazePoint_Valid=1,
    )

    assert found == pytest.approx([0.5, 0.25, np.nan, np.nan, 3.0, np.nan], nan_ok=True)


def test_eyeware_confidence_of_zero_is_invalid():
    info = GAZE_DEVICES["eyeware beam"][0]

    assert np.isnan(canonical(info, gaze_x=0.4, gaze_y=0.4, confidence=0)).all()
    assert canonical(info, gaze_x=0.4, gaze_y=0.4, confidence=1)[0] == pytest.approx(0.4)


def test_two_columns_without_labels_are_taken_as_x_and_y_and_it_is_said():
    channel_map = channel_map_of(GAZE_DEVICES["two columns without labels"][0])

    assert (channel_map.left.x, channel_map.left.y, channel_map.unit) == (0, 1, "")
    assert "no labels" in channel_map.notes[0]


@pytest.mark.parametrize(
    ("device", "left_out"),
    [
        ("liveamp", {"AUX1", "ACC_X", "ACC_Y", "ACC_Z", "SampleCounter", "DeviceTrigger", "STESync"}),
        ("actichamp", {"AUX1", "Markers", "SampleCounter"}),
        ("brainamp", {"triggerStream"}),
        ("brainvision rda", {"MkIdx"}),
        ("g.needaccess", {"Counter", "Digital IOs", "ACC X"}),
        ("egi", {"DIN"}),
        ("biosemi", {"Trig1", "EX1", "AUX1", "AIB1"}),
        ("emotiv", {"Timestamp", "Counter", "Interpolate", "HardwareMarker", "Markers"}),
        ("muse-lsl", {"Right AUX"}),
        ("neuroscan of SEED", {"M1", "M2", "VEO", "HEO"}),
    ],
)
def test_what_is_no_eeg_is_left_out_by_name_with_a_reason(device, left_out):
    channel_map = channel_map_of(EEG_DEVICES[device][0])

    assert set(channel_map.left_out) == left_out
    assert all(channel_map.left_out.values())


@pytest.mark.parametrize(
    "device", [name for name in EEG_DEVICES if name not in ("openvibe", "mne-lsl", "electrodes without a type")]
)
def test_stated_microvolts_are_microvolts(device):
    assert channel_map_of(EEG_DEVICES[device][0]).scale == pytest.approx(1.0)


@pytest.mark.parametrize("device", ["openvibe", "mne-lsl", "electrodes without a type"])
def test_an_unstated_unit_stays_open(device):
    assert np.isnan(channel_map_of(EEG_DEVICES[device][0]).scale).all()


def test_openbci_assumes_the_electrodes_of_its_gui_and_says_so():
    channel_map = channel_map_of(EEG_DEVICES["openbci gui"][0])

    assert channel_map.labels == ("Fp1", "Fp2", "C3", "C4", "P7", "P8", "O1", "O2")
    assert "assumed" in channel_map.notes[0]


def with_element(info, element, values):
    *parts, end = info.xml.split("</channel>")
    new = (f"{part}<{element}>{value}</{element}></channel>" for part, value in zip(parts, values, strict=True))
    return "".join(new) + end


def test_brainamp_in_raw_mode_is_multiplied_by_its_scaling_factor():
    info = EEG_DEVICES["brainamp"][0]
    xml = with_element(info, "scaling_factor", ["0.1"] * 19 + [""])

    raw = dataclasses.replace(info, channel_format="int16", xml=xml)
    assert channel_map_of(raw).scale == pytest.approx(0.1)


def test_egi_counts_become_microvolts_by_their_conversion():
    info = EEG_DEVICES["egi"][0]
    counted = dataclasses.replace(
        info,
        channel_format="int32",
        xml=with_element(info, "conversion", ["0.0244"] * 129 + [""]),
        channels=tuple(Channel(c.label, c.type, "counts" if c.type == "EEG" else c.unit) for c in info.channels),
    )

    assert channel_map_of(counted).scale == pytest.approx(0.0244)


def test_eego_is_in_volts_and_needs_the_researchers_electrode_names():
    profile = match(EEGO, PROFILES).profile
    with pytest.raises(RtemoError, match=r"\[eeg.map\]") as refused:
        eeg_channel_map(EEGO, profile)
    channel_map = eeg_channel_map(EEGO, profile, {f"Ch{i}": name for i, name in enumerate(TEN_TWENTY)})

    assert "\n" not in str(refused.value)
    assert channel_map.labels == tuple(TEN_TWENTY)
    assert channel_map.scale == pytest.approx(1e6)
