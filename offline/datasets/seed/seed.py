"""SEED: 15 people, 3 sessions of the same 15 film clips, three emotions; EEG as trials, no eye data in this release.

    Preprocessed_EEG/<subject>_<date>.mat    <initials>_eeg1..15, (62, N) at 200 Hz, uV
    Preprocessed_EEG/label.mat               label (1, 15) in -1, 0, 1

The session of a file is looked up by its published name; for other names the dates are taken in order. All sessions
show the same clips, so a session that is mistaken for another does not make a label wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from offline.datasets import mat5
from offline.datasets.base import Dataset, DatasetCard, Entry, Omission, Recording, Trial, lay_out
from offline.datasets.seed.published import LICENCE, SEED_LABELS, SEED_NAMES
from offline.datasets.seed.trial_files import TrialFile, by_subject, eeg_stream, missing_entries, read_index
from rtemo.core.errors import RtemoError

N_TRIALS = 15
CARD = DatasetCard(
    name="seed",
    title="SEED",
    labels=SEED_LABELS,
    licence=LICENCE,
    citation="Zheng & Lu, IEEE Trans. Autonomous Mental Development 7(3):162-175, 2015",
    url="https://bcmi.sjtu.edu.cn/home/seed/seed.html",
    notes=("the eye features of the separate SEED eye release are not read: no public source describes its files",),
    eye=(),
)
_LABEL = {code: word for word, code in SEED_LABELS.items()}


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root, the folder that holds Preprocessed_EEG."""
    if mapping is not None:
        raise RtemoError("seed takes no mapping file", str(mapping), "its labels are published; leave it out")
    folder = root / "Preprocessed_EEG"
    found, omissions = by_subject(folder)
    if not found:
        raise RtemoError(
            "no SEED EEG was found", f"looked for {folder}/<subject>_<date>.mat", "give the folder above it"
        )
    labels = _labels(folder / "label.mat")
    sessions = {subject: _sessions(paths) for subject, paths in found.items()}
    entries = []
    for subject in sorted(found):
        for session, path in sorted(sessions[subject].items()):
            try:
                file = read_index(path, N_TRIALS)
            except RtemoError as error:
                omissions.append(Omission("recording", str(path), str(error)))
                continue
            files = (path, folder / "label.mat")
            entries.append(
                Entry(str(subject), str(session), files, partial(_recording, file, subject, session, labels))
            )
        extra = set(found[subject]) - set(sessions[subject].values())
        omissions += [Omission("recording", str(path), "a fourth file of one person") for path in sorted(extra)]
    seen = {n: {subject: 1 for subject, files in sessions.items() if n in files} for n in SEED_NAMES}
    return Dataset(CARD, tuple(entries), tuple(omissions + missing_entries(CARD.name, sorted(found), seen)))


def _labels(path: Path) -> tuple[str, ...]:
    """The words of label.mat, by trial."""
    codes = np.asarray(mat5.variable(path, "label")).ravel().tolist()
    if len(codes) != N_TRIALS or not set(codes) <= set(_LABEL):
        raise RtemoError(f"{path} does not hold {N_TRIALS} labels of -1, 0 and 1", f"found {codes}")
    return tuple(_LABEL[int(code)] for code in codes)


def _sessions(paths: list[Path]) -> dict[int, Path]:
    """Session -> file: by the published names if all are known, else by date."""
    known = {path: session for path in paths for session, names in SEED_NAMES.items() if path.stem in names}
    if len(known) == len(paths):
        return {session: path for path, session in known.items()}
    return dict(zip(SEED_NAMES, sorted(paths, key=lambda path: path.stem.split("_")[1]), strict=False))


def _recording(file: TrialFile, subject: int, session: int, labels: tuple[str, ...]) -> Recording:
    where = f"seed subject {subject} session {session}"
    durations_s = {trial: file.duration_s(trial) for trial in file.keys}
    if not durations_s:
        raise RtemoError(f"no trial of {file.path} can be used", next(iter(file.missing.values())))
    starts: Mapping[int, float] = dict(zip(durations_s, lay_out(durations_s.values()), strict=True))
    return Recording(
        dataset=CARD.name,
        subject=str(subject),
        session=str(session),
        trials=tuple(
            Trial(number, f"seed/{number}", labels[number - 1], start_s, start_s + durations_s[number])
            for number, start_s in starts.items()
        ),
        streams=(eeg_stream(file, starts),),
        files=(file.path, file.path.parent / "label.mat"),
        omissions=tuple(Omission("trial", f"{where} trial {n}", why) for n, why in sorted(file.missing.items())),
    )
