"""SEED-IV: what the writer puts on disk the loader gives back, and nothing wrong gets a label."""

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from offline.datasets.seed import seed_iv
from offline.datasets.seed.event_lists import EyeEvents
from offline.simulated_datasets import seed_iv as layout
from rtemo.core.errors import RtemoError
from rtemo.core.gaze.features import GAZE_FEATURES

NAMES = [feature.name for feature in GAZE_FEATURES]

# Typed in again from the published vectors, so that a slip in the loader's table shows.
PUBLISHED = {
    1: "sad fear happy neutral fear neutral neutral sad neutral sad fear sad sad sad fear happy fear fear happy happy "
    "neutral happy neutral happy",
    2: "fear sad happy neutral neutral fear neutral fear happy happy fear happy fear neutral sad sad fear sad neutral "
    "happy neutral sad happy sad",
    3: "sad fear fear sad happy happy happy sad sad fear sad neutral fear happy happy neutral fear happy neutral "
    "neutral fear neutral sad neutral",
}
SECONDS = {session: [4 + 4 * ((session * trial + trial // 2 + 1) % 3) for trial in range(24)] for session in (1, 2, 3)}


def eeg(rng, session):
    return [rng.normal(0, 20, (62, 200 * s + 1)) for s in SECONDS[session]]


def eye(rng, session):
    return [rng.normal(10, 1, (31, s // 4)) for s in SECONDS[session]]


def events(rng, session):
    return [
        EyeEvents(
            blink_ms=rng.uniform(80, 300, s // 3),
            fixation_ms=rng.uniform(100, 400, 2 * s),
            pupil_px=rng.uniform(5, 90, (2 * s, 4)),
            saccade=rng.uniform(1, 60, (2 * s - 1, 2)),
            statistics=rng.uniform(0, 9, 28),
        )
        for s in SECONDS[session]
    ]


def write(root, rng, subjects=(1, 2, 3), parts=("eeg", "eye")):
    for subject in subjects:
        for session in (1, 2, 3):
            if "eeg" in parts:
                layout.write_eeg(root, subject, session, eeg(rng, session))
            if "eye" in parts:
                layout.write_eye_features(root, subject, session, eye(rng, session))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("seed-iv")
    write(root, np.random.default_rng(1), subjects=(1, 2, 10))
    return root


@pytest.fixture
def copy(folder, tmp_path):
    """To be changed: subject 1 and subject 2's first session. The rest are links, to be removed or moved only."""

    def place(source, target):
        name = Path(source).name
        (shutil.copy if name.startswith("1_") or name == "2_20150915.mat" else os.link)(source, target)

    return shutil.copytree(folder, tmp_path / "copy", copy_function=place)


def entry(dataset, subject, session):
    return next(e for e in dataset.entries if (e.subject, e.session) == (str(subject), str(session)))


def why(dataset, word):
    return [str(omission) for omission in dataset.omissions if word in str(omission)]


def test_three_people_give_three_times_three_times_24_trials_with_the_published_labels_in_order(folder):
    dataset = seed_iv.load(folder)
    assert [(e.subject, e.session) for e in dataset.entries] == [(s, n) for s in ("1", "2", "10") for n in "123"]
    for item in dataset.entries:
        recording = item.load()
        assert [trial.label for trial in recording.trials] == PUBLISHED[int(item.session)].split()
        assert [trial.number for trial in recording.trials] == list(range(1, 25))
        assert recording.trials[4].clip == f"seed-iv/{item.session}/5"
        assert recording.omissions == ()
    assert dataset.omissions == ()


def test_the_samples_come_back_in_order_with_regular_stamps_and_a_gap_between_trials(folder):
    recording = entry(seed_iv.load(folder), 2, 3).load()
    chunks = list(recording.items(block_s=0.7))
    stamps = np.concatenate([chunk.stamps for chunk in chunks])
    values = np.concatenate([chunk.values for chunk in chunks])
    raw = loadmat(folder / "eeg_raw_data" / "3" / "2_20151012.mat")
    assert values.dtype == np.float32
    assert np.array_equal(values, np.hstack([raw[f"ha_eeg{k}"] for k in range(1, 25)]).T.astype(np.float32))
    starts = [trial.start_s for trial in recording.trials]
    assert all(start % 4.0 == 0.0 for start in starts)
    for trial in recording.trials:
        inside = stamps[(stamps >= trial.start_s) & (stamps <= trial.stop_s)]
        assert len(inside) == 200 * SECONDS[3][trial.number - 1] + 1
        assert np.array_equal(inside, trial.start_s + np.arange(len(inside)) / 200)
    assert np.diff(stamps)[np.diff(stamps) > 0.01].min() >= 20.0
    assert recording.streams[0].info.labels[57] == "CB1"
    assert max(len(chunk) for chunk in chunks) == 140


def test_the_folder_has_the_layout_of_the_release(folder):
    path = folder / "eeg_raw_data" / "2" / "1_20161125.mat"
    assert path.read_bytes()[:19] == b"MATLAB 5.0 MAT-file"
    raw = loadmat(path)
    assert [key for key in raw if not key.startswith("__")] == [f"cz_eeg{k}" for k in range(1, 25)]
    assert raw["cz_eeg1"].dtype == np.float64
    eyes = loadmat(folder / "eye_feature_smooth" / "2" / "1_20161125.mat")
    assert eyes["eye_24"].shape == (31, SECONDS[2][23] // 4)


def test_released_eye_features_land_in_the_schema_and_blink_durations_stay_invalid(folder):
    windows = entry(seed_iv.load(folder), 1, 1).load().eye_windows["released"]
    raw = loadmat(folder / "eye_feature_smooth" / "1" / "1_20160518.mat")
    assert list(windows) == list(range(1, 25))
    assert windows[3].values.shape == (SECONDS[1][2] // 4, 33)
    assert np.array_equal(windows[3].values[:, :31], raw["eye_3"].T.astype(np.float32))
    assert windows[3].valid.sum(axis=0).tolist() == [len(windows[3].values)] * 31 + [0, 0]
    assert not windows[3].causal


def test_event_files_give_windows_of_their_own_with_blink_durations(folder, copy, rng):
    trials = events(rng, 1)
    layout.write_eye_events(copy, 1, 1, trials)
    recording = entry(seed_iv.load(copy), 1, 1).load()
    windows = recording.eye_windows["events"]
    longest = SECONDS[1].index(12)
    last = dict(zip(NAMES, windows[longest + 1].values[-1].tolist(), strict=True))
    lists = trials[longest]
    assert len(windows[longest + 1].values) == 3
    assert last["blink_frequency"] == pytest.approx(len(lists.blink_ms) / 12)
    assert last["fixation_frequency"] == pytest.approx(len(lists.fixation_ms) / 12)
    assert last["fixation_duration_max"] == pytest.approx(lists.fixation_ms.max(), rel=1e-5)
    assert last["saccade_amplitude_average"] == pytest.approx(lists.saccade[:, 1].mean(), rel=1e-5)
    assert last["blink_duration_mean"] == pytest.approx(lists.blink_ms.mean(), rel=1e-5)
    assert {name for name, value in last.items() if np.isnan(value)} == {
        *(name for name in NAMES if name.startswith(("pupil", "dispersion")) or "dispersion" in name),
        "saccade_latency_average",
    }
    assert windows[longest + 1].causal
    assert {path.name for path in recording.files} >= {"1_20160518_blink.mat", "1_20160518_pupil.mat"}


def test_event_files_are_found_in_session_folders_too_and_an_incomplete_set_is_listed(copy, rng):
    for path in layout.write_eye_events(copy, 1, 1, events(rng, 1)):
        target = copy / "eye_raw_data" / "1" / path.name
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    assert "events" in entry(seed_iv.load(copy), 1, 1).load().eye_windows
    (copy / "eye_raw_data" / "1" / "1_20160518_pupil.mat").unlink()
    recording = entry(seed_iv.load(copy), 1, 1).load()
    assert "events" not in recording.eye_windows
    assert "lacks pupil" in str(recording.omissions[0])


def test_a_trial_without_any_blink_has_an_empty_cell_and_a_frequency_of_zero(copy, rng):
    trials, n = events(rng, 1), SECONDS[1].index(12) + 1
    seen = trials[n - 1]
    trials[n - 1] = EyeEvents(np.empty(0), seen.fixation_ms, seen.pupil_px, seen.saccade, seen.statistics)
    layout.write_eye_events(copy, 1, 1, trials)
    longest = entry(seed_iv.load(copy), 1, 1).load().eye_windows["events"][n]
    assert longest.values[-1, NAMES.index("blink_frequency")] == 0
    assert not longest.valid[:, 31:].any()


def test_raw_eeg_and_eye_features_alone_are_enough(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["eeg_raw_data", "eye_feature_smooth"]
    recording = entry(seed_iv.load(folder), 10, 2).load()
    assert len(recording.files) == 2


def test_eeg_alone_loads_and_the_missing_eyes_are_listed(copy):
    shutil.rmtree(copy / "eye_feature_smooth")
    recording = entry(seed_iv.load(copy), 1, 1).load()
    assert recording.eye_windows == {}
    assert [omission.kind for omission in recording.omissions] == ["eye"]


def test_shipped_eeg_features_are_read_as_window_channel_band(copy, rng):
    layout.write_eeg_features(copy, 1, 1, eeg(rng, 1))
    path = copy / "eeg_feature_smooth" / "1" / "1_20160518.mat"
    keys = [key for key in loadmat(path) if not key.startswith("__")]
    assert keys[:5] == ["de_movingAve1", "de_LDS1", "psd_movingAve1", "psd_LDS1", "de_movingAve2"]
    assert len(keys) == 96
    released = entry(seed_iv.load(copy), 1, 1).load().eeg_windows["de_LDS"]()
    assert released[5].values.shape == (SECONDS[1][4] // 4, 62, 5)
    assert np.array_equal(released[5].values[1, 7], loadmat(path)["de_LDS5"][7, 1].astype(np.float32))


def test_a_missing_file_is_one_listed_recording(copy):
    (copy / "eeg_raw_data" / "2" / "10_20151021.mat").unlink()
    dataset = seed_iv.load(copy)
    assert len(dataset.entries) == 8
    assert why(dataset, "subject 10 session 2") == [
        "recording left out: seed-iv subject 10 session 2: no EEG file for it"
    ]


def test_no_eeg_at_all_is_an_error_that_says_where_it_looked(tmp_path):
    with pytest.raises(RtemoError, match=r"no SEED-IV EEG.*eeg_raw_data"):
        seed_iv.load(tmp_path)


def rewrite(path, change):
    arrays = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    change(arrays)
    savemat(path, arrays)


def test_a_file_with_a_trial_too_few_loses_that_trial_and_the_others_keep_their_labels(copy):
    path = copy / "eeg_raw_data" / "1" / "2_20150915.mat"
    rewrite(path, lambda arrays: arrays.pop("ha_eeg7"))
    recording = entry(seed_iv.load(copy), 2, 1).load()
    assert [str(o) for o in recording.omissions] == [
        "trial left out: seed-iv subject 2 session 1 trial 7: it is not in the file"
    ]
    assert [t.number for t in recording.trials] == [k for k in range(1, 25) if k != 7]
    assert [t.label for t in recording.trials] == [w for k, w in enumerate(PUBLISHED[1].split(), 1) if k != 7]


def test_the_order_of_the_arrays_in_the_file_does_not_matter(folder, copy):
    path = copy / "eeg_raw_data" / "1" / "2_20150915.mat"
    arrays = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    savemat(path, dict(sorted(arrays.items())))
    shuffled, ordered = (entry(seed_iv.load(root), 2, 1).load() for root in (copy, folder))
    assert shuffled.trials == ordered.trials
    for one, other in zip(shuffled.items(50.0), ordered.items(50.0), strict=True):
        assert np.array_equal(one.values, other.values)


def test_a_file_with_a_trial_too_many_is_left_out(copy, rng):
    path = copy / "eeg_raw_data" / "1" / "2_20150915.mat"
    rewrite(path, lambda arrays: arrays.update(ha_eeg25=rng.normal(size=(62, 2001))))
    dataset = seed_iv.load(copy)
    assert len(dataset.entries) == 8
    assert "it holds trials 1 to 25, a session has 24" in why(dataset, "2_20150915")[0]


def test_trials_that_were_renumbered_are_noticed_by_their_lengths(copy):
    path = copy / "eeg_raw_data" / "1" / "2_20150915.mat"

    def shift(arrays):
        for k in range(7, 24):
            arrays[f"ha_eeg{k}"] = arrays[f"ha_eeg{k + 1}"]
        arrays.pop("ha_eeg24")

    rewrite(path, shift)
    dataset = seed_iv.load(copy)
    assert len(dataset.entries) == 8
    assert "are not session 1's" in why(dataset, "2_20150915")[0]


def test_one_trial_of_another_length_than_everybody_elses_is_left_out(copy, rng):
    path = copy / "eeg_raw_data" / "1" / "2_20150915.mat"
    rewrite(path, lambda arrays: arrays.update(ha_eeg3=rng.normal(size=(62, 801))))
    recording = entry(seed_iv.load(copy), 2, 1).load()
    assert [o.kind for o in recording.omissions] == ["trial"]
    assert "trial 3: it is 4.0 s long" in str(recording.omissions[0])


def test_a_truncated_file_keeps_the_trials_before_the_cut(copy):
    path = copy / "eeg_raw_data" / "3" / "1_20161126.mat"
    path.write_bytes(path.read_bytes()[:-1000])
    recording = entry(seed_iv.load(copy), 1, 3).load()
    assert [str(o) for o in recording.omissions] == [
        "trial left out: seed-iv subject 1 session 3 trial 24: the file ends before it"
    ]
    assert len(list(recording.items(1000.0))) == 23


@pytest.mark.parametrize("content", [b"", b"no MATLAB file" * 50, b"MATLAB 7.3 MAT-file".ljust(600)])
def test_a_file_that_is_no_matlab_v5_is_left_out_with_the_reason(copy, content):
    (copy / "eeg_raw_data" / "3" / "1_20161126.mat").write_bytes(content)
    dataset = seed_iv.load(copy)
    assert len(dataset.entries) == 8
    assert "cannot be read as MATLAB v5" in why(dataset, "1_20161126")[0]


def test_damage_inside_a_compressed_file_raises_when_it_is_read(copy):
    path = copy / "eeg_raw_data" / "3" / "1_20161126.mat"
    savemat(path, {k: v for k, v in loadmat(path).items() if k[0] != "_"}, do_compression=True)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    path.write_bytes(bytes(content))
    with pytest.raises(RtemoError, match="cannot be read as MATLAB v5"):
        list(entry(seed_iv.load(copy), 1, 3).load().items())


def test_a_file_in_the_wrong_sessions_folder_is_noticed_by_its_name(copy):
    first, second = copy / "eeg_raw_data" / "1" / "1_20160518.mat", copy / "eeg_raw_data" / "2" / "1_20161125.mat"
    shutil.move(first, second.parent)
    shutil.move(second, first.parent)
    dataset = seed_iv.load(copy)
    assert len(dataset.entries) == 7
    assert any(
        "lies in session 2's folder; its name is one of session 1's" in text for text in why(dataset, "1_20160518")
    )


def test_contents_swapped_under_the_right_names_are_noticed_by_the_trial_lengths(copy):
    first, second = copy / "eeg_raw_data" / "1" / "1_20160518.mat", copy / "eeg_raw_data" / "2" / "1_20161125.mat"
    first_bytes, second_bytes = first.read_bytes(), second.read_bytes()
    first.write_bytes(second_bytes)
    second.write_bytes(first_bytes)
    dataset = seed_iv.load(copy)
    assert len(dataset.entries) == 7
    assert any("they are session 2's: are two files swapped?" in text for text in why(dataset, "1_20160518"))
    assert any("they are session 1's: are two files swapped?" in text for text in why(dataset, "1_20161125"))


def test_one_persons_swapped_sessions_are_noticed_by_the_published_lengths(tmp_path, rng):
    published = [n // 2000 for n in seed_iv.SEED_IV_SESSION_1_SAMPLES]
    layout.write_eeg(tmp_path, 1, 2, [rng.normal(size=(62, 200 * s + 1)) for s in published])
    layout.write_eeg(tmp_path, 1, 1, eeg(rng, 1))
    dataset = seed_iv.load(tmp_path)
    assert dataset.entries == ()
    assert len([o for o in dataset.omissions if "session 1's published" in o.why]) == 2


def test_two_files_for_one_session_are_both_left_out(copy):
    folder = copy / "eeg_raw_data" / "1"
    shutil.copy(folder / "1_20160518.mat", folder / "1_20160519.mat")
    assert "more than one file" in why(seed_iv.load(copy), "1_20160519")[0]


def test_a_stray_file_is_listed(copy):
    (copy / "eeg_raw_data" / "1" / "backup.mat").write_bytes(b"")
    assert "is not <subject>_<date>.mat" in why(seed_iv.load(copy), "backup")[0]


def test_eye_windows_one_short_are_used_and_listed_and_two_short_are_not(copy, rng):
    trials = eye(rng, 1)
    trials[0], trials[1] = trials[0][:, :-1], trials[1][:, :-2]
    layout.write_eye_features(copy, 1, 1, trials)
    recording = entry(seed_iv.load(copy), 1, 1).load()
    windows = recording.eye_windows["released"]
    assert sorted(set(range(1, 25)) - set(windows)) == [2]
    assert len(windows[1].values) == SECONDS[1][0] // 4 - 1
    assert [o.kind for o in recording.omissions] == ["eye", "eye"]
    assert "its last window has no eye features" in recording.omissions[0].why
    assert "the EEG has" in recording.omissions[1].why


def test_eye_features_of_another_session_do_not_fit_and_are_left_out(copy, rng):
    layout.write_eye_features(copy, 1, 1, [features[:, ::2] for features in eye(rng, 1)])
    recording = entry(seed_iv.load(copy), 1, 1).load()
    assert len(recording.omissions) == 24


def test_nan_cells_are_invalid_and_counted(copy, rng):
    trials = eye(rng, 1)
    trials[2][5, 1] = np.nan
    trials[2][6, 0] = np.inf
    layout.write_eye_features(copy, 1, 1, trials)
    recording = entry(seed_iv.load(copy), 1, 1).load()
    third = recording.eye_windows["released"][3]
    assert not third.valid[1, 5]
    assert not third.valid[0, 6]
    assert np.isnan(third.values[0, 6])
    assert "2 of its values are not finite" in recording.omissions[0].why


def test_an_eye_file_that_cannot_be_read_costs_the_eyes_only(copy):
    (copy / "eye_feature_smooth" / "1" / "1_20160518.mat").write_bytes(b"broken")
    recording = entry(seed_iv.load(copy), 1, 1).load()
    assert len(recording.trials) == 24
    assert "cannot be read as MATLAB v5" in recording.omissions[0].why


def test_pupil_bands_that_look_interleaved_are_said(copy, rng):
    trials = eye(rng, 1)
    for features in trials:
        features[5:12:2] = features[4:12:2] + rng.normal(0, 0.1, features[4:12:2].shape)
    layout.write_eye_features(copy, 1, 1, trials)
    assert "rows 5-12 correlate as X1 Y1" in entry(seed_iv.load(copy), 1, 1).load().notes[0]
    assert entry(seed_iv.load(copy), 1, 2).load().notes == ()


def test_entries_and_recordings_can_be_sent_to_another_process(folder):
    item = seed_iv.load(folder).entries[0]
    recording = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(item)).load()))
    assert len(next(iter(recording.items(1.0)))) == 200


def test_a_mapping_file_is_refused(folder, tmp_path):
    with pytest.raises(RtemoError, match="no mapping file"):
        seed_iv.load(folder, tmp_path / "mapping.toml")
