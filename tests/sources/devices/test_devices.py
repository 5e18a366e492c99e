import pytest
from eeg_devices import EEG_DEVICES, OTHERS, UNNAMED
from gaze_devices import GAZE_DEVICES
from stream_builder import TEN_TWENTY, eeg_channels, stream

from rtemo import resources
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.sources.devices.profile import GENERIC, check_profiles, eeg_channel_map, load_profiles, match

PROFILES = load_profiles(resources.devices())
SCREEN = Screen(1000, 500, 500.0, 250.0, 600.0)


@pytest.mark.parametrize("device", GAZE_DEVICES)
def test_every_eye_tracker_is_recognised(device):
    info, profile = GAZE_DEVICES[device]

    assert match(info, PROFILES).profile.id == profile


@pytest.mark.parametrize("device", EEG_DEVICES)
def test_every_amplifier_is_recognised_and_its_electrodes_placed(device):
    info, profile, n_placed = EEG_DEVICES[device]

    assert match(info, PROFILES).profile.id == profile
    assert len(eeg_channel_map(info, match(info, PROFILES).profile).columns) == n_placed


@pytest.mark.parametrize("name", OTHERS)
def test_a_stream_that_is_neither_eeg_nor_gaze_is_not_taken_for_it(name):
    assert match(OTHERS[name], PROFILES) is None


@pytest.mark.parametrize("device", [*GAZE_DEVICES, *EEG_DEVICES])
def test_no_two_profiles_fit_a_device_equally_well(device):
    info = (GAZE_DEVICES.get(device) or EEG_DEVICES[device])[0]
    best = match(info, PROFILES)
    if best.profile.id in GENERIC.values():
        return  # a generic profile fits only where no other does
    second = match(info, [profile for profile in PROFILES if profile is not best.profile])

    assert second is None or second.score < best.score
    assert best.why


def test_the_profiles_that_come_with_rtemo_are_all_right():
    assert check_profiles(resources.devices()) == []


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.id)
def test_every_profile_says_where_its_facts_come_from_and_has_notes(profile):
    assert profile.facts
    assert profile.notes


def test_every_profile_has_a_stream_among_these_tests():
    tested = {profile for _, profile in GAZE_DEVICES.values()} | {profile for _, profile, _ in EEG_DEVICES.values()}

    tested |= {profile for _, profile in UNNAMED.values()}

    assert {profile.id for profile in PROFILES} == tested
    assert len(PROFILES) >= 36


@pytest.mark.parametrize("device", UNNAMED)
def test_an_amplifier_without_electrode_names_is_recognised_and_works_once_they_are_given(device):
    info, profile = UNNAMED[device]
    found = match(info, PROFILES).profile

    assert found.id == profile
    with pytest.raises(RtemoError, match=r"eeg\.map"):
        eeg_channel_map(info, found)
    assert eeg_channel_map(info, found, rename={"1": "Fp1", "2": "Fp2", "3": "C3", "4": "C4"}).labels == (
        "Fp1",
        "Fp2",
        "C3",
        "C4",
    )


def test_a_few_electrode_names_among_many_other_columns_make_no_eeg():
    assert match(stream("log", "data", [*TEN_TWENTY[:4], *(f"value{i}" for i in range(16))]), PROFILES) is None
    assert match(stream("log", "data", TEN_TWENTY[:3]), PROFILES) is None


def test_a_big_cap_that_holds_the_four_muse_electrodes_is_no_muse():
    labels = [*TEN_TWENTY, "TP9", "AF7", "AF8", "TP10"]

    assert match(stream("amp", "EEG", eeg_channels(labels)), PROFILES).profile.id == "generic-eeg"
