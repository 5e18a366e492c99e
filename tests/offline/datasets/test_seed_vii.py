import shutil

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from offline.datasets.seed import seed_vii
from offline.datasets.seed.published import CHANNELS
from offline.simulated_datasets.cnt import write_cnt

PUBLISHED = {
    1: "happy neutral disgust sad anger anger sad disgust neutral happy happy neutral disgust sad anger anger sad "
    "disgust neutral happy",
    2: "anger sad fear neutral surprise surprise neutral fear sad anger anger sad fear neutral surprise surprise "
    "neutral fear sad anger",
    3: "happy surprise disgust fear anger anger fear disgust surprise happy happy surprise disgust fear anger anger "
    "fear disgust surprise happy",
    4: "disgust sad fear surprise happy happy surprise fear sad disgust disgust sad fear surprise happy happy "
    "surprise fear sad disgust",
}
EXTRA = ("M1", "M2", "ECG", "HEO", "VEO")
BEGAN = 9 * 3600 + 30 * 60 + 12.5  # of the eye tracker's recording, seconds of the day
EYE_LEAD = 7.25  # the eye tracker began this long before the EEG


def trial_times(session):
    lengths = [4 if (session * k + k // 3) % 2 else 8 for k in range(20)]
    starts = np.cumsum([1.0, *[length + 1.0 for length in lengths[:-1]]])
    return [(float(start), float(start + length)) for start, length in zip(starts, lengths, strict=True)]


def write_eeg(root, stem, session, rng, triggers=True):
    times = trial_times(session)
    marks = [(round(t * 1000), code) for pair in times for t, code in zip(pair, (1, 2), strict=True)]
    path = root / "EEG_raw" / f"{stem}.cnt"
    samples = rng.normal(0, 20, (int(times[-1][1] + 2) * 1000, 67))
    write_cnt(path, (*CHANNELS, *EXTRA), 1000, [samples], marks if triggers else [])
    return samples


def clock(seconds):
    return f"{int(seconds // 3600):02d}:{int(seconds % 3600 // 60):02d}:{seconds % 60:09.6f}"


def write_triggers(root, stem, session, eeg_began):
    rows = [
        f"{code},2022-10-02 {clock(eeg_began + t)}"
        for p in trial_times(session)
        for t, code in zip(p, (1, 2), strict=True)
    ]
    (root / "save_info").mkdir(exist_ok=True)
    (root / "save_info" / f"{stem}_trigger_info.csv").write_text("\n".join(rows) + "\n")


def write_gaze(root, stem, seconds, resolution=True):
    names = ["Recording timestamp", "Recording start time", "Gaze point X", "Gaze point Y"]
    names += ["Pupil diameter left", "Pupil diameter right", "Eye movement type"]
    names += ["Recording resolution width", "Recording resolution height"] * resolution
    lines = ["\t".join(names)]
    for k in range(int(seconds * 250)):
        cells = [str(4000 * k), clock(BEGAN)[:-3], str(k % 1920), str(k % 1080), "3,25", "" if k == 5 else "3,5"]
        cells += ["Fixation", *["1920", "1080"] * resolution]
        lines.append("\t".join(cells))
        if k == 100:
            lines.append(
                "\t".join([str(4000 * k), clock(BEGAN)[:-3], "", "", "", "", "", *["1920", "1080"] * resolution])
            )
    (root / "EYE_raw").mkdir(exist_ok=True)
    (root / "EYE_raw" / f"{stem}.tsv").write_text("\n".join(lines), encoding="utf-8-sig")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("seed-vii"), np.random.default_rng(2)
    for subject, session in ((2, 1), (10, 1), (3, 1)):
        write_eeg(root, f"{subject}_2022100{session}_{session}", session, rng)
    write_triggers(root, "2_20221001_1", 1, BEGAN + EYE_LEAD)
    write_gaze(root, "2_20221001_1", trial_times(1)[-1][1] + EYE_LEAD + 1)
    (root / "EYE_features").mkdir()
    (root / "EEG_features").mkdir()
    lengths = [int(b - a) // 4 for session in (1, 2, 3, 4) for a, b in trial_times(session)]
    savemat(root / "EYE_features" / "2.mat", {str(k): rng.uniform(1, 9, (w, 33)) for k, w in enumerate(lengths, 1)})
    de = {f"de_LDS_{k}": rng.normal(size=(w, 5, 62)) for k, w in enumerate(lengths, 1)}
    savemat(root / "EEG_features" / "2.mat", de)
    return root


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def load_one(root, subject="2"):
    return next(e for e in seed_vii.load(root).entries if e.subject == subject).load()


def test_all_published_labels_in_order():
    words = {code: word for word, code in seed_vii.SEED_VII_LABELS.items()}
    assert {n: [words[c] for c in codes] for n, codes in seed_vii.SEED_VII_TRIALS.items()} == {
        n: text.split() for n, text in PUBLISHED.items()
    }


def test_trials_run_from_trigger_to_trigger(folder):
    dataset = seed_vii.load(folder)
    assert [e.subject for e in dataset.entries] == ["2", "3", "10"]
    recording = load_one(folder)
    assert [trial.label for trial in recording.trials] == PUBLISHED[1].split()
    assert np.allclose([(t.start_s, t.stop_s) for t in recording.trials], trial_times(1))
    assert recording.streams[0].info.labels == CHANNELS
    assert len([o for o in dataset.omissions if "no EEG file" in o.why]) == 9


def test_gaze_is_put_on_the_eegs_clock_by_the_triggers_and_read_with_decimal_commas(folder):
    stream = load_one(folder).streams[1]
    chunks = list(stream.chunks(0.5))
    stamps, values = (np.concatenate([getattr(c, name) for c in chunks]) for name in ("stamps", "values"))
    assert stamps[0] == pytest.approx(-EYE_LEAD, abs=0.002)
    assert np.allclose(np.diff(stamps), 0.004)
    assert values[10].tolist() == [10.0, 10.0, 3.25, 3.5]
    assert np.isnan(values[5, 3])
    assert stream.screen.width_px == 1920
    assert max(c.stamps[-1] - c.stamps[0] for c in chunks) < 0.5


def test_items_of_both_streams_come_in_the_order_of_arrival(folder):
    ends = [chunk.stamps[-1] for chunk in load_one(folder).items(0.5)]
    assert ends == sorted(ends)


def test_released_features_follow_the_authors_columns(folder):
    recording = load_one(folder)
    windows = recording.eye_windows["released"]
    released = loadmat(folder / "EYE_features" / "2.mat")["3"]
    ours = windows[3].values
    columns = [8, 10, 9, 11, 0, 1, 2, 3, 4, 5, 6, 7, 14, 15, 16, 17, 12, 13, 18, 20, 19, 21, 24, 25, 26, 28, 27]
    assert np.allclose(ours, released[:, [*columns, 29, 30, 31, 32, 22, 23]])
    de = loadmat(folder / "EEG_features" / "2.mat")["de_LDS_3"]
    assert np.allclose(recording.eeg_windows["de_LDS"]()[3].values[0, 61, 4], de[0, 4, 61])


def test_without_triggers_or_gaze_the_eeg_stands_and_the_gaze_is_listed(copy):
    assert [o.kind for o in load_one(copy, "10").omissions] == ["gaze", "eye"]
    write_triggers(copy, "2_20221001_1", 2, BEGAN + EYE_LEAD)
    assert "triggers disagree" in load_one(copy).omissions[0].why
    (copy / "save_info" / "2_20221001_1_trigger_info.csv").write_text("1,2022-10-02 25:0")
    assert "no time of the day" in load_one(copy).omissions[0].why


def test_an_export_without_a_resolution_or_without_gaze_is_said(copy):
    write_gaze(copy, "2_20221001_1", 3, resolution=False)
    assert "default screen is assumed" in load_one(copy).notes[0]
    (copy / "EYE_raw" / "2_20221001_1.tsv").write_text("Recording timestamp\tX\n1\t2\n")
    assert "no Tobii export" in load_one(copy).omissions[0].why


def test_a_wrong_number_of_triggers_leaves_the_recording_out(copy, rng):
    write_eeg(copy, "2_20221001_1", 1, rng, triggers=False)
    dataset = seed_vii.load(copy)
    assert "2" not in [e.subject for e in dataset.entries]
    assert any("found 0 triggers, expected 40" in o.why for o in dataset.omissions)


def test_a_file_of_another_session_is_noticed_by_the_trials_lengths(copy, rng):
    write_eeg(copy, "10_20221001_1", 2, rng)
    reasons = [str(o) for o in seed_vii.load(copy).omissions]
    assert any("are not session 1's" in reason for reason in reasons)


def test_the_two_files_with_wrong_triggers_use_save_info(copy, rng):
    write_eeg(copy, "14_20221015_1", 1, rng, triggers=False)
    write_triggers(copy, "14_20221015_1", 1, 14 * 3600 + 25 * 60 + 34.0)
    assert [t.start_s for t in load_one(copy, "14").trials] == pytest.approx([a for a, _ in trial_times(1)], abs=1e-5)
