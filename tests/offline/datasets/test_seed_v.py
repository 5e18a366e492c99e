import pickle
import shutil

import numpy as np
import pytest

from offline.datasets.seed import seed_v
from offline.datasets.seed.published import SEED_V_END_S, SEED_V_START_S
from offline.simulated_datasets import seed_v as layout
from rtemo.core.errors import RtemoError

PUBLISHED = {
    1: "happy fear neutral sad disgust happy fear neutral sad disgust happy fear neutral sad disgust",
    2: "sad fear neutral disgust happy happy disgust neutral sad fear neutral happy fear sad disgust",
    3: "sad fear neutral disgust happy happy disgust neutral sad fear neutral happy fear sad disgust",
}
SECONDS = {session: [4 + 4 * ((session * trial + 1) % 3 == 0) for trial in range(15)] for session in (1, 2, 3)}


def times():
    given = {}
    for session, seconds in SECONDS.items():
        starts = np.cumsum([2, *[s + 1 for s in seconds[:-1]]]).tolist()
        given[session] = [(start, start + s) for start, s in zip(starts, seconds, strict=True)]
    return given


def eye(rng):
    """45 trials that hold what must hold if the inferred column order is right."""
    trials = []
    for session in (1, 2, 3):
        for seconds in SECONDS[session]:
            features = rng.uniform(1, 2, (seconds // 4, 33))
            features[:, 24:] = rng.uniform(1, 2, 9)
            features[:, 26] += features[:, 16].max()
            features[:, 27] += 50
            trials.append(features)
    return trials


def eeg(session, rng):
    return rng.normal(0, 20, ((times()[session][-1][1] + 1) * 1000, 62))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("seed-v"), np.random.default_rng(3)
    layout.write_times(root, times())
    for subject, sessions in ((2, (1, 2, 3)), (10, (2,))):
        for session in sessions:
            layout.write_eeg(root, subject, session, [eeg(session, np.random.default_rng(session))])
        layout.write_eye_features(root, subject, eye(rng))
    return root


@pytest.fixture
def copy(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("10_*.cnt", "2_3_*.cnt"))
    return tmp_path / "copy"


def entry(dataset, subject, session):
    return next(e for e in dataset.entries if (e.subject, e.session) == (str(subject), str(session)))


def test_labels_and_times_are_the_published_ones_in_order(folder):
    dataset = seed_v.load(folder)
    assert [(e.subject, e.session) for e in dataset.entries] == [("2", "1"), ("2", "2"), ("2", "3"), ("10", "2")]
    for item in dataset.entries:
        trials = item.load().trials
        assert [trial.label for trial in trials] == PUBLISHED[int(item.session)].split()
        assert [(t.start_s, t.stop_s) for t in trials] == times()[int(item.session)]
    assert [str(o) for o in dataset.omissions] == [
        "recording left out: seed-v subject 10 session 1: no EEG file for it",
        "recording left out: seed-v subject 10 session 3: no EEG file for it",
    ]


def test_the_published_times_have_the_published_sums_of_windows():
    windows = [sum((e - b) // 4 for b, e in zip(SEED_V_START_S[n], SEED_V_END_S[n], strict=True)) for n in (1, 2, 3)]
    assert windows == [681, 541, 601]


def test_the_whole_session_comes_back_without_the_four_other_channels(folder):
    recording = entry(seed_v.load(folder), 2, 2).load()
    chunks = list(recording.items())
    values = np.concatenate([chunk.values for chunk in chunks])
    assert recording.streams[0].info.labels[:3] == ("FP1", "FPZ", "FP2")
    assert recording.streams[0].info.nominal_rate_hz == 1000.0
    assert np.abs(values - eeg(2, np.random.default_rng(2))).max() < 0.006
    assert np.array_equal(np.concatenate([chunk.stamps for chunk in chunks]), np.arange(len(values)) / 1000)


def test_eye_columns_go_to_the_schema_with_the_blink_durations(folder):
    recording = entry(seed_v.load(folder), 2, 2).load()
    windows = recording.eye_windows["released"]
    released = eye(np.random.default_rng(3))[15 + 4]
    assert np.allclose(windows[5].values[:, :18], released[:, :18])
    assert np.allclose(windows[5].values[:, 31:], released[:, 18:20])
    assert np.allclose(windows[5].values[:, 18:31], released[:, 20:])
    assert windows[5].valid.all()
    assert recording.omissions == ()
    assert any("order of the 33 columns is not published" in note for note in seed_v.CARD.notes)
    assert "not the published ones" in recording.notes[0]


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda f: f[:, 24:].__setitem__((0, 0), -5.0), "one value a clip"),
        (lambda f: f.__setitem__((slice(None), 26), 0.5), "longest fixation"),
        (lambda f: f.__setitem__((slice(None), 28), 99.0), "total dispersion"),
        (lambda f: f.__setitem__((slice(None), 24), -1.0), "some are negative"),
    ],
)
def test_data_that_contradict_the_inferred_column_order_have_no_eye_features(copy, rng, spoil, word):
    trials = eye(rng)
    for features in trials:
        spoil(features)
    layout.write_eye_features(copy, 2, trials)
    recording = entry(seed_v.load(copy), 2, 1).load()
    assert recording.eye_windows == {}
    assert word in recording.omissions[0].why


def test_the_npz_is_what_the_release_is(folder):
    with np.load(folder / "Eye_movement_features" / "2_123.npz", allow_pickle=False) as archive:
        assert archive.files == ["data", "label"]
        assert archive["data"].shape == ()
        assert archive["data"].dtype.kind == "S"
        content = pickle.loads(archive["data"])
        label = pickle.loads(archive["label"])
    assert list(content) == list(range(45))
    assert all(len(content[k]) == len(label[k]) for k in content)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_of_old_numpy_load_too(copy, rng, protocol):
    for member_change in (lambda pickled: pickled, lambda pickled: pickled.replace(b"numpy._core", b"numpy.core")):
        data = dict(enumerate(eye(rng)))
        label = {k: np.full(len(v), PUBLISHED_CODES[k]) for k, v in data.items()}
        packed, old = {}, member_change(b"numpy._core") == b"numpy.core"
        for name, content in (("data", data), ("label", label)):
            packed[name] = np.array(rename(pickle.dumps(content, protocol=protocol), member_change))
        assert old == (b"numpy.core" in packed["data"].item())
        np.savez(copy / "Eye_movement_features" / "2_123.npz", **packed)
        recording = entry(seed_v.load(copy), 2, 1).load()
        assert np.allclose(recording.eye_windows["released"][1].values[:, :18], data[0][:, :18])


PUBLISHED_CODES = [
    {"disgust": 0, "fear": 1, "sad": 2, "neutral": 3, "happy": 4}[word]
    for session in (1, 2, 3)
    for word in PUBLISHED[session].split()
]


def rename(pickled, change):
    """Old NumPy's module names, at the same pickle length where the protocol counts it (short unicode strings)."""
    changed = change(pickled)
    if changed == pickled:
        return pickled
    for module in (b".multiarray", b".numeric"):
        new, old = b"numpy._core" + module, b"numpy.core" + module
        for prefix in (b"\x8c%c", b"X%c\0\0\0"):
            pickled = pickled.replace(prefix % len(new) + new, prefix % len(old) + old)
        pickled = pickled.replace(b"c" + new + b"\n", b"c" + old + b"\n")
    start = pickled.find(b"\x95")  # a protocol 4 frame counts its bytes: give the reader one frame that fits
    if pickled[:1] == b"\x80" and pickled[1] >= 4 and start == 2:
        pickled = pickled[:2] + pickled[11:]
    return pickled


class Malice:
    def __reduce__(self):
        return (print, ("code ran",))


def test_a_pickle_that_tries_to_run_code_is_refused_and_runs_nothing(copy, capsys):
    path = copy / "Eye_movement_features" / "2_123.npz"
    np.savez(path, data=np.array(pickle.dumps({0: Malice()})), label=np.array(pickle.dumps({})))
    recording = entry(seed_v.load(copy), 2, 1).load()
    assert recording.eye_windows == {}
    assert "its pickle holds more than arrays; it asks for builtins.print" in recording.omissions[0].why
    assert len(recording.trials) == 15
    assert capsys.readouterr().out == ""


def test_an_npz_that_is_an_object_array_is_never_unpickled_by_numpy(copy, capsys):
    np.savez(copy / "Eye_movement_features" / "2_123.npz", data=np.array(Malice()), label=np.array(0))
    assert "cannot be read as pickled arrays" in entry(seed_v.load(copy), 2, 1).load().omissions[0].why
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", None])
def test_a_damaged_or_missing_npz_costs_the_eyes_only(copy, content):
    path = copy / "Eye_movement_features" / "2_123.npz"
    path.unlink() if content is None else path.write_bytes(content)
    recording = entry(seed_v.load(copy), 2, 1).load()
    assert len(recording.trials) == 15
    assert [o.kind for o in recording.omissions] == ["eye"]


def test_eye_trials_with_other_labels_or_lengths_are_left_out(copy, rng):
    trials = eye(rng)
    trials[2] = np.repeat(trials[2], 4, axis=0)
    trials[3] = trials[3][:-1]
    trials[4][0, 0] = np.nan
    path = layout.write_eye_features(copy, 2, trials)
    data = dict(enumerate(trials))
    label = {k: np.full(max(1, len(v)), PUBLISHED_CODES[k]) for k, v in data.items()}
    label[1] = label[1] * 0 + 4
    np.savez(path, data=np.array(pickle.dumps(data)), label=np.array(pickle.dumps(label)))
    recording = entry(seed_v.load(copy), 2, 1).load()
    reasons = [f"{o.where[-7:]}: {o.why}" for o in recording.omissions]
    assert reasons == [
        "trial 2: its label is [4], published is 1",
        f"trial 3: it has {len(trials[2])} windows, the trial's times allow {SECONDS[1][2] // 4}",
        "trial 4: its last window has no eye features",
        "trial 5: 1 of its values are not finite",
    ]
    assert sorted(set(range(1, 16)) - set(recording.eye_windows["released"])) == [2, 3]


def test_eye_trials_without_their_data_or_label_are_left_out(copy, rng):
    data = dict(enumerate(eye(rng)))
    label = {k: np.full(len(v), PUBLISHED_CODES[k]) for k, v in data.items()}
    del data[5], label[7]
    data[9] = data[9][:, :32]
    path = copy / "Eye_movement_features" / "2_123.npz"
    np.savez(path, data=np.array(pickle.dumps(data)), label=np.array(pickle.dumps(label)))
    recording = entry(seed_v.load(copy), 2, 1).load()
    assert [f"{o.where[-8:].strip()}: {o.why}" for o in recording.omissions] == [
        "trial 6: no (W, 33) array under key 5",
        "trial 8: its label is [], published is 3",
        "trial 10: no (W, 33) array under key 9",
    ]
    assert sorted(set(range(1, 16)) - set(recording.eye_windows["released"])) == [6, 8, 10]


def test_shipped_eeg_features_are_channel_major(copy, rng):
    trials = [rng.normal(size=(62, 200 * s + 1)) for n in (1, 2, 3) for s in SECONDS[n]]
    path = layout.write_eeg_features(copy, 2, trials)
    released = entry(seed_v.load(copy), 2, 2).load().eeg_windows["de"]()
    with np.load(path) as archive:
        flat = pickle.loads(archive["data"])[15]
    assert flat.shape == (SECONDS[2][0] // 4, 310)
    assert released[1].values[0, 7, 3] == np.float32(flat[0, 7 * 5 + 3])


def test_a_recording_that_ends_before_its_sessions_last_trial_is_an_error(copy):
    layout.write_times(copy, {n: [(a * 2, b * 2) for a, b in pairs] for n, pairs in times().items()})
    with pytest.raises(RtemoError, match=r"ends before session 1's last trial.*another session's file"):
        entry(seed_v.load(copy), 2, 1).load()


def test_a_times_file_that_says_something_else_is_an_error(copy):
    (copy / "trial_start_end_timestamp.txt").write_text("Session 1:\nstart_second: [1]\nend_second: [2]")
    with pytest.raises(RtemoError, match="does not give 15 trials"):
        seed_v.load(copy)


def test_without_a_times_file_the_published_times_hold(copy):
    (copy / "trial_start_end_timestamp.txt").unlink()
    with pytest.raises(RtemoError, match="the trial ends at 3359 s"):
        entry(seed_v.load(copy), 2, 1).load()


def test_a_missing_channel_a_stray_name_and_a_double_file(copy):
    folder = copy / "EEG_raw"
    first = next(folder.glob("2_1_*.cnt"))
    shutil.copy(first, folder / "2_1_20990101.cnt")
    shutil.copy(first, folder / "notes.cnt")
    reasons = [str(o) for o in seed_v.load(copy).omissions]
    assert any("more than one file" in reason for reason in reasons)
    assert any("notes.cnt" in reason for reason in reasons)
    second = next(folder.glob("2_2_*.cnt"))
    content = bytearray(second.read_bytes())
    content[900:910] = b"XX".ljust(10, b"\0")
    second.write_bytes(bytes(content))
    with pytest.raises(RtemoError, match="lacks channels of SEED-V; FP1 missing"):
        entry(seed_v.load(copy), 2, 2).load()


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(RtemoError, match="no SEED-V EEG"):
        seed_v.load(tmp_path)
