"""Small healthy folders of noise in every layout but SEED-IV's (seed_iv_folder.py), to be damaged by a test."""

import numpy as np
from scipy.io import savemat

from offline.datasets.seed.published import CHANNELS
from offline.datasets.seed.seed_v import NOT_EEG
from offline.simulated_datasets import eegeyenet, seed_v
from offline.simulated_datasets.bids import RunName, write_dataset, write_run
from offline.simulated_datasets.cnt import write_cnt
from rtemo.core.types import Channel, Chunk, StreamInfo
from rtemo.sources.xdf.writer import XdfWriter

HZ = 200  # of the CNT files: those of the releases have 1000, which the loaders read from the header
RNG = np.random.default_rng(5)
SEED_V_SECONDS = [8, *[4] * 14]
SEED_VII_SECONDS = [8, *[4] * 19]
SEED_V_TIMES = [(2 + 5 * k + 4 * (k > 0), 2 + 5 * k + 4 * (k > 0) + s) for k, s in enumerate(SEED_V_SECONDS)]


def seed_v_folder(root, people):
    """people: subject -> sessions."""
    seed_v.write_times(root, dict.fromkeys((1, 2, 3), SEED_V_TIMES))
    for subject, sessions in people.items():
        for session in sessions:
            day = np.datetime64(f"2018-05-0{session}T09:00:00").item()
            path = root / "EEG_raw" / f"{subject}_{session}_{day:%Y%m%d}.cnt"
            samples = np.pad(_noise((SEED_V_TIMES[-1][1] + 1) * HZ), ((0, 0), (0, 4)))
            write_cnt(path, (*CHANNELS, *NOT_EEG), HZ, [samples], measured=day)
        seed_v.write_eye_features(root, subject, seed_v_eyes())
    return root


def seed_v_eyes():
    """45 trials that hold what must hold if the inferred column order is right."""
    trials = []
    for seconds in SEED_V_SECONDS * 3:
        features = RNG.uniform(1, 2, (seconds // 4, 33))
        features[:, 24:] = RNG.uniform(1, 2, 9)
        features[:, 26] += features[:, 16].max()
        features[:, 27] += 50
        trials.append(features)
    return trials


def seed_vii_eeg(root, subject, session, n_triggers=40):
    """One session's EEG with its triggers; the day in the header is the one in the name."""
    path = root / "EEG_raw" / f"{subject}_2022100{session}_{session}.cnt"
    edges = [1.0 + 5 * k + 4 * (k > 0) + since for k, s in enumerate(SEED_VII_SECONDS) for since in (0.0, s)]
    marks = [(round(HZ * t), 1 + k % 2) for k, t in enumerate(edges)][:n_triggers]
    samples = np.pad(_noise(int(edges[-1] + 2) * HZ), ((0, 0), (0, 5)))
    day = np.datetime64(f"2022-10-0{session}T09:00:00").item()
    write_cnt(path, (*CHANNELS, "M1", "M2", "ECG", "HEO", "VEO"), HZ, [samples], marks, day)
    return path


def seed_vii_eyes(root, subject):
    """The released features of one person's four sessions."""
    (root / "EYE_features").mkdir(exist_ok=True)
    windows = [s // 4 for s in SEED_VII_SECONDS * 4]
    path = root / "EYE_features" / f"{subject}.mat"
    savemat(path, {str(k): RNG.uniform(1, 9, (w, 33)) for k, w in enumerate(windows, 1)})
    return path


def seed_folder(root, subjects):
    """One session a person."""
    (root / "Preprocessed_EEG").mkdir(parents=True)
    savemat(root / "Preprocessed_EEG" / "label.mat", {"label": np.array([[1, 0, -1] * 5])})
    for subject in subjects:
        trials = {f"djc_eeg{n}": _noise(1001).T for n in range(1, 16)}
        savemat(root / "Preprocessed_EEG" / f"{subject}_20131027.mat", trials)
    return root


def eegeyenet_run(root, subject, run):
    """Six seconds of dots."""
    values = RNG.normal(0, 20, (3000, 133))
    values[:, 129] = np.arange(3000) * 2
    values[:, 130:132] = RNG.uniform(0, 600, (3000, 2))
    values[:, 132] = RNG.uniform(500, 900, 3000)
    return eegeyenet.write_v5(root, "dots", subject, run, values, (eegeyenet.EyeEvent("10      ", 100),))


def bids_folder(root, people):
    """people: subject -> sessions; one run of six seconds each. The session says the label."""
    write_dataset(root, "A test", list(people))
    for subject, sessions in people.items():
        for session in sessions:
            events = [{"onset": 0.0, "duration": 6.0, "trial_type": "go"}]
            samples = RNG.normal(0, 30, (1500, 5))
            write_run(root, RunName(subject, "film", session), samples, ("Fp1", "Fp2", "Cz", "O1", "O2"), 250.0, events)
    return root


def xdf_file(path, marks):
    """30 s of eight channels from 100 s on, with (seconds, text) markers."""
    labels = ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2")
    eeg = StreamInfo(
        "e", "EEG", "EEG", "float32", 100.0, tuple(Channel(label, "EEG", "microvolts") for label in labels)
    )
    markers = StreamInfo("m", "Marks", "Markers", "string", 0.0, (Channel(),))
    with XdfWriter(path) as writer:
        writer.add_stream(eeg)
        writer.add_stream(markers)
        for second in range(30):
            now = 100.0 + second
            values = RNG.normal(0, 20, (100, 8)).astype(np.float32)
            writer.write_chunk(Chunk("e", now + np.arange(100) / 100, values))
            for time_s, text in marks:
                if now <= time_s < now + 1:
                    writer.write_chunk(Chunk("m", np.array([time_s]), np.array([[text]], dtype=object)))
    return path


def _noise(n):
    return RNG.normal(0, 20, (n, 62))
