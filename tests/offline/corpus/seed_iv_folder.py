"""A small SEED-IV folder of noise, as the layout writer puts it on disk."""

import numpy as np

from offline.simulated_datasets import seed_iv as layout

SECONDS = {session: [*(4 + 4 * ((session + trial // 2 + 1) % 2) for trial in range(23)), 8] for session in (1, 2, 3)}


def write(root, subjects=(1,), sessions=(1, 2, 3), parts=("eeg", "eye"), seed=1):
    rng = np.random.default_rng(seed)
    for subject in subjects:
        for session in sessions:
            if "eeg" in parts:
                layout.write_eeg(root, subject, session, eeg(rng, session))
            if "eye" in parts:
                layout.write_eye_features(root, subject, session, eyes(rng, session))
    return root


def eeg(rng, session):
    return [rng.normal(0, 20, (62, 200 * s + 1)) for s in SECONDS[session]]


def eyes(rng, session):
    return [rng.normal(10, 1, (31, s // 4)) for s in SECONDS[session]]
