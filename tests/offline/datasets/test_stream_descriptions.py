"""Every stream that a loader makes is understood by the generic profiles, and mistaken for no device."""

import numpy as np
import pytest

from offline.datasets.eeg_files import mne_raw
from offline.datasets.eegeyenet import dataset as eegeyenet
from offline.datasets.eegeyenet import synchronised as eegeyenet_raw
from offline.datasets.seed import tobii_tsv
from offline.datasets.seed import trial_files as trialwise
from offline.simulated_datasets import eegeyenet as layout
from rtemo.resources import devices
from rtemo.sources.devices.profile import eeg_channel_map, gaze_channel_map, load_profiles, match

PROFILES = load_profiles(devices())


def test_seeds_62_channels_are_all_placed_and_in_microvolts():
    fit = match(trialwise.EEG_INFO, PROFILES)
    found = eeg_channel_map(trialwise.EEG_INFO, fit.profile)
    assert fit.profile.id == "generic-eeg"
    assert len(found.labels) == 62
    assert (found.scale == 1.0).all()


def test_tobii_exports_give_gaze_for_both_eyes_and_pupils_in_mm():
    fit = match(tobii_tsv._INFO, PROFILES)
    found = gaze_channel_map(tobii_tsv._INFO, fit.profile)
    assert fit.profile.id == "generic-gaze"
    assert found.canonical(np.array([[960.0, 540.0, 3.0, 4.0]]))[0].tolist() == [0.5, 0.5, 0.5, 0.5, 3.0, 4.0]
    assert found.pupil_unit == "mm"


@pytest.fixture
def egi(tmp_path, rng):
    samples = rng.normal(0, 20, (600, 133))
    samples[:, 130:] = [400, 150, np.pi]
    layout.write_v5(tmp_path, "dots", "EP10", 1, samples)
    return eegeyenet.load(tmp_path).entries[0].load()


def test_eegeyenets_net_is_placed_and_its_pupil_is_an_area(egi):
    eeg, gaze = egi.streams
    fit = match(eeg.info, PROFILES)
    assert fit.profile.id == "generic-eeg"
    found = eeg_channel_map(eeg.info, fit.profile)
    assert len(found.labels) == 129
    assert (found.scale == 1.0).all()  # in microvolts; NaN would mean that nobody knows
    fit = match(gaze.info, PROFILES)
    assert fit.profile.id == "generic-gaze"
    canonical = gaze_channel_map(gaze.info, fit.profile, eegeyenet_raw.SCREEN).canonical(next(gaze.chunks(1.0)).values)
    assert np.allclose(canonical[0, [0, 1, 4]], [0.5, 0.25, 2.0])
    assert np.isnan(canonical[0, [2, 3, 5]]).all()


def test_prepared_epochs_and_files_that_mne_reads_are_in_microvolts(tmp_path, rng):
    labels = np.array([[1.0, 400.0, 300.0]])
    layout.write_prepared(tmp_path, "Position_task", "dots", rng.normal(0, 20, (1, 500, 129)), labels)
    prepared = eegeyenet.load(tmp_path).entries[0].load().streams[0].info
    for info, n in ((prepared, 129), (mne_raw.eeg_info(("Fp1", "Fp2", "Cz", "Oz"), 500.0), 4)):
        found = eeg_channel_map(info, match(info, PROFILES).profile)
        assert found.scale.tolist() == [1.0] * n
