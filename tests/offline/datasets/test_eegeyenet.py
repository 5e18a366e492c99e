import numpy as np
import pytest
from scipy.io import savemat

from offline.datasets.eegeyenet import dataset as eegeyenet
from offline.simulated_datasets import eegeyenet as layout
from rtemo.core.errors import RtemoError

WRITERS = {"v5": layout.write_v5, "hdf5": layout.write_hdf5}
EVENTS = (layout.EyeEvent("10      ", 100), layout.EyeEvent("L_saccade", 180, 40, 220, 5.0, 400, 300, 150, 300))


def samples(rng, n):
    values = rng.normal(0, 20, (n, 133))
    values[:, 129] = np.arange(n) * 2
    values[:, 130:132] = rng.uniform(0, 600, (n, 2))
    values[:, 132] = rng.uniform(500, 900, n)
    values[50:60, 132] = 0
    return values


@pytest.fixture(params=WRITERS)
def write(request):
    return WRITERS[request.param]


def joined(stream, block_s=0.3):
    chunks = list(stream.chunks(block_s))
    return np.concatenate([c.stamps for c in chunks]), np.concatenate([c.values for c in chunks])


def test_runs_come_back_in_order_as_eeg_and_gaze_with_a_gap_between(tmp_path, rng, write):
    first, second = samples(rng, 1200), samples(rng, 700)
    write(tmp_path, "dots", "EP10", 2, second, EVENTS)
    write(tmp_path, "dots", "EP10", 1, first, EVENTS)
    dataset = eegeyenet.load(tmp_path)
    recording = dataset.entries[0].load()
    eeg, gaze = recording.streams
    stamps, values = joined(eeg)
    assert eeg.info.labels == (*(f"E{k}" for k in range(1, 129)), "Cz")
    assert np.array_equal(values, np.vstack([first, second])[:, :129].astype(np.float32))
    assert np.array_equal(stamps[:1200], recording.trials[0].start_s + np.arange(1200) / 500)
    assert stamps[1200] == recording.trials[1].start_s >= stamps[1199] + 20
    gaze_stamps, seen = joined(gaze)
    assert np.array_equal(gaze_stamps, stamps)
    assert np.array_equal(seen[:50], first[:50, 130:133].astype(np.float32))
    assert np.isnan(seen[50:60]).all()
    assert (gaze.screen.width_px, gaze.screen.height_px) == (800, 600)
    assert [c.eye for c in gaze.info.channels] == ["left"] * 3
    assert [trial.label for trial in recording.trials] == [None, None]
    assert recording.omissions == ()
    assert "filtered over whole files" in recording.notes[0]


def test_tasks_and_subjects_are_found_under_data_measured_too_and_sorted_as_numbers(tmp_path, rng):
    for task, subject in (("dots", "EP12"), ("dots", "EP02"), ("antisaccade", "AA7"), ("processing_speed", "BY2")):
        layout.write_v5(tmp_path / "data", task, subject, 1, samples(rng, 600))
    (tmp_path / "data" / "measured" / "dots_data" / "synchronised_min" / "EP02" / "notes.mat").write_bytes(b"")
    dataset = eegeyenet.load(tmp_path)
    assert [(e.subject, e.session) for e in dataset.entries] == [
        ("AA7", "antisaccade"),
        ("BY2", "processing_speed"),
        ("EP02", "dots"),
        ("EP12", "dots"),
    ]
    assert [o.kind for o in dataset.omissions] == ["file"]


def test_a_damaged_run_is_listed_and_the_others_stay(tmp_path, rng, write):
    write(tmp_path, "dots", "EP10", 1, samples(rng, 600))
    bad = write(tmp_path, "dots", "EP10", 2, samples(rng, 600))
    bad.write_bytes(bad.read_bytes()[:3000])
    recording = eegeyenet.load(tmp_path).entries[0].load()
    assert len(recording.trials) == 1
    assert "cannot be read as an EEGEyeNet recording" in recording.omissions[0].why


def test_a_person_whose_only_run_is_damaged_is_an_error(tmp_path, rng):
    path = layout.write_v5(tmp_path, "dots", "EP10", 1, samples(rng, 600))
    path.write_bytes(b"nothing at all")
    with pytest.raises(RtemoError, match="no run of eegeyenet dots subject EP10"):
        eegeyenet.load(tmp_path).entries[0].load()


def test_a_mat_without_the_struct_is_refused_by_name(tmp_path, rng):
    path = layout.write_v5(tmp_path, "dots", "EP10", 1, samples(rng, 600))
    savemat(path, {"something": np.ones(3)})
    with pytest.raises(RtemoError, match="neither EEG nor sEEG"):
        eegeyenet.load(tmp_path).entries[0].load()


def prepared(rng, n=7):
    epochs = rng.normal(0, 20, (n, 500, 129))
    subjects = np.array([1, 1, 1, 2, 2, 10, 1])[:n]
    return epochs, np.column_stack([subjects, rng.uniform(0, 800, n), rng.uniform(0, 600, n)])


@pytest.mark.parametrize("folder", ["", "data", "prepared"])
def test_prepared_epochs_are_laid_end_to_end_with_their_targets(tmp_path, rng, folder):
    epochs, labels = prepared(rng)
    layout.write_prepared(tmp_path / folder, "Position_task", "dots", epochs, labels)
    dataset = eegeyenet.load(tmp_path)
    assert [e.subject for e in dataset.entries] == ["dots-1", "dots-2", "dots-10"]
    recording = dataset.entries[0].load()
    stamps, values = joined(recording.streams[0])
    assert np.array_equal(values, epochs[[0, 1, 2, 6]].reshape(-1, 129).astype(np.float32))
    assert np.array_equal(stamps, recording.trials[0].start_s + np.arange(2000) / 500)
    assert recording.trials[3].targets == {"x_px": labels[6, 1], "y_px": labels[6, 2]}
    assert [o.kind for o in recording.omissions] == ["gaze"]


def test_prepared_arrays_are_what_is_published(tmp_path, rng):
    path = layout.write_prepared(tmp_path, "Position_task", "dots", *prepared(rng))
    assert path.name == "Position_task_with_dots_synchronised_min.npz"
    with np.load(path) as archive:
        assert {name: archive[name].shape for name in archive.files} == {"EEG": (7, 500, 129), "labels": (7, 3)}


def test_recordings_are_preferred_to_what_was_cut_from_them(tmp_path, rng):
    layout.write_prepared(tmp_path, "Position_task", "dots", *prepared(rng))
    layout.write_v5(tmp_path, "dots", "EP10", 1, samples(rng, 600))
    dataset = eegeyenet.load(tmp_path)
    assert [e.subject for e in dataset.entries] == ["EP10"]
    assert "recordings that it was cut from" in dataset.omissions[0].why


def test_hilbert_compressed_misshapen_and_damaged_files_are_listed(tmp_path, rng):
    epochs, labels = prepared(rng)
    base = "Position_task_with_dots_synchronised_"
    np.savez(tmp_path / f"{base}min_hilbert.npz", EEG=epochs[:, :1], labels=labels)
    np.savez_compressed(tmp_path / f"{base}max.npz", EEG=epochs, labels=labels)
    np.savez(tmp_path / "LR_task_with_antisaccade_synchronised_min.npz", EEG=epochs, labels=labels)
    (tmp_path / "Direction_task_with_dots_synchronised_min.npz").write_bytes(b"PK\x03\x04")
    dataset = eegeyenet.load(tmp_path)
    assert dataset.entries == ()
    reasons = " | ".join(o.why for o in dataset.omissions)
    for word in ("Hilbert features", "compressed", "other shapes", "cannot be read"):
        assert word in reasons


def test_nothing_at_all_is_an_error(tmp_path):
    with pytest.raises(RtemoError, match="no EEGEyeNet data"):
        eegeyenet.load(tmp_path)
