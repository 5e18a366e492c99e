"""SEED-VII: 20 people, 4 sessions, 20 film clips each, seven emotions; continuous EEG and gaze.

    EEG_raw/<subject>_<date>_<session>.cnt            Neuroscan CNT, 1000 Hz, 62 channels + M1 M2 ECG HEO VEO   needed
    save_info/<subject>_<date>_<session>_trigger_info.csv   <1 = start or 2 = end>,<date HH:MM:SS.ffffff>
    EYE_raw/<subject>_<date>_<session>.tsv            Tobii Pro Fusion, 250 Hz; aligned by the trigger times
    EYE_features/<subject>.mat                        '1'..'80', (W, 33)                              eye "released"
    EEG_features/<subject>.mat                        de_LDS_1..80, (W, 5, 62)                        EEG "de_LDS"

A trial runs from one trigger of the EEG file to the next. In the two files whose triggers are known to be wrong
(by the authors' own code) the times of save_info count from the start of the EEG that the same code states.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from offline.datasets import mat5
from offline.datasets.base import (
    Dataset,
    DatasetCard,
    EegWindows,
    Entry,
    EyeWindows,
    Omission,
    Recording,
    Stream,
    Trial,
)
from offline.datasets.eeg_files import mne_raw
from offline.datasets.feature_sources import CAUSAL, RELEASED
from offline.datasets.seed import session_checks as sessions
from offline.datasets.seed.cnt_files import by_session, eeg_stream, missing_sessions, twice
from offline.datasets.seed.eye_columns import SEED_VII_COLUMNS, SEED_VII_WIDTH, incomplete, to_schema
from offline.datasets.seed.published import BANDS_HZ, CHANNELS, LICENCE, SEED_VII_LABELS, SEED_VII_TRIALS, WINDOW_S
from offline.datasets.seed.tobii_tsv import clock_s, gaze_stream, open_tobii
from rtemo.core.errors import RtemoError

N_TRIALS = 20
EEG_BEGAN = {"14_20221015_1": "14:25:34", "9_20221111_3": "14:01:27"}  # EEG files with wrong triggers
_MAX_CLOCK_SPREAD_S = 0.25  # between EEG and eye tracker over a session
CARD = DatasetCard(
    name="seed-vii",
    title="SEED-VII",
    labels=SEED_VII_LABELS,
    licence=LICENCE,
    citation="Jiang, Liu, Zheng & Lu, SEED-VII, IEEE Trans. Affective Computing 16(2):969-985, 2025",
    url="https://bcmi.sjtu.edu.cn/home/seed/seed-vii.html",
    notes=(
        "eye 'released': luminance was removed over all people who saw a clip and pupil entropies are smoothed over "
        "the trial, so they are not causal; missing values were written as 0",
        "gaze: the screen is the export's resolution; without it the core's default screen is assumed",
    ),
    eeg=(CAUSAL, RELEASED),
    eye=(CAUSAL, RELEASED),
)
_NAME = re.compile(r"(?P<subject>\d+)_\d{8}_(?P<session>[1-4])")
_LABEL = {code: word for word, code in SEED_VII_LABELS.items()}


@dataclass(frozen=True, slots=True)
class _Session:
    """One EEG file with its trials' times on the file's own clock."""

    subject: int
    session: int
    file: mne_raw.RawFile
    times: tuple[tuple[float, float], ...]

    @property
    def stem(self) -> str:
        return self.file.path.stem


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root, the folder that holds EEG_raw. Reads all EEG headers, to compare the trials' lengths."""
    if mapping is not None:
        raise RtemoError("seed-vii takes no mapping file", str(mapping), "its labels are published; leave it out")
    found, named, omissions = _scan(root)
    if not named:
        raise RtemoError(
            "no SEED-VII EEG was found",
            f"looked for {root}/EEG_raw/<subject>_<date>_<session>.cnt",
            "give the folder that holds EEG_raw",
        )
    lengths = {key: _lengths(item) for key, item in found.items()}
    usual = sessions.references(lengths)
    entries = []
    for (subject, session), item in sorted(found.items()):
        days = {n: _day(other) for (who, n), other in found.items() if who == subject}
        why = sessions.another_files_day(item.file.day, _day(item), days)
        if why := why or sessions.not_this_session(lengths[subject, session], session, usual):
            omissions.append(Omission("recording", str(item.file.path), why))
            continue
        odd = sessions.odd_trials(lengths[subject, session], usual.get(session, {}))
        files = (item.file.path, *_companions(root, item).values())
        entries.append(Entry(str(subject), str(session), files, partial(_recording, root, item, odd)))
    return Dataset(CARD, tuple(entries), (*omissions, *missing_sessions(CARD.name, named, SEED_VII_TRIALS)))


def _scan(root: Path) -> tuple[dict[tuple[int, int], _Session], set[tuple[int, int]], list[Omission]]:
    """The sessions whose trials can be identified, all (subject, session) that have a file, and what is left out."""
    files, omissions = by_session(root / "EEG_raw", _NAME, "<subject>_<date>_<session>.cnt")
    found: dict[tuple[int, int], _Session] = {}
    for key, paths in files.items():
        if len(paths) > 1:
            omissions.append(twice(paths))
            continue
        try:
            found[key] = _index(root, paths[0], *key)
        except RtemoError as error:
            omissions.append(Omission("recording", str(paths[0]), str(error)))
    return found, set(files), omissions


def _index(root: Path, path: Path, subject: int, session: int) -> _Session:
    file = mne_raw.header(path)
    if path.stem in EEG_BEGAN:
        marks = [time_s - clock_s(EEG_BEGAN[path.stem]) for _, time_s in _triggers(root, path.stem)]
    else:
        marks = [onset_s for onset_s, _, _ in file.annotations]
    if len(marks) != 2 * N_TRIALS or np.any(np.diff(marks) <= 0):
        found = f"{len(marks)} triggers" if len(marks) != 2 * N_TRIALS else "triggers out of order"
        raise RtemoError(f"the trials of {path} cannot be told apart", f"found {found}, expected {2 * N_TRIALS}")
    if marks[-1] > file.duration_s:
        raise RtemoError(f"{path} ends before its last trial", f"{file.duration_s:.0f} s, trial to {marks[-1]:.0f} s")
    return _Session(subject, session, file, tuple(zip(marks[::2], marks[1::2], strict=True)))


def _triggers(root: Path, stem: str) -> list[tuple[int, float]]:
    """save_info's rows: code (1 start, 2 end) and second of the day."""
    path = root / "save_info" / f"{stem}_trigger_info.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [(int(row[0]), clock_s(row[1].split(" ")[-1])) for row in csv.reader(lines) if row]
    except Exception as error:
        raise RtemoError(f"{path} does not give the trigger times", f"{type(error).__name__}: {error}") from error
    marks = [(code, time_s) for code, time_s in rows if code in (1, 2)]
    if [code for code, _ in marks] != [1, 2] * N_TRIALS:
        raise RtemoError(f"{path} does not hold 20 starts, each with its end", f"found {len(marks)} triggers")
    return marks


def _day(item: _Session) -> str:
    return item.stem.split("_")[1]


def _lengths(item: _Session) -> dict[int, float]:
    return {number: stop_s - start_s for number, (start_s, stop_s) in enumerate(item.times, start=1)}


def _companions(root: Path, item: _Session) -> dict[str, Path]:
    candidates = {
        "gaze": root / "EYE_raw" / f"{item.stem}.tsv",
        "triggers": root / "save_info" / f"{item.stem}_trigger_info.csv",
        "eye": root / "EYE_features" / f"{item.subject}.mat",
        "de": root / "EEG_features" / f"{item.subject}.mat",
    }
    return {part: path for part, path in candidates.items() if path.is_file()}


def _recording(root: Path, item: _Session, odd: Mapping[int, str]) -> Recording:
    where = f"seed-vii subject {item.subject} session {item.session}"
    streams = [eeg_stream(item.file, CARD.title)]
    omissions = [Omission("trial", f"{where} trial {number}", why) for number, why in sorted(odd.items())]
    trials = tuple(
        Trial(n, f"seed-vii/{item.session}/{n}", _LABEL[SEED_VII_TRIALS[item.session][n - 1]], start_s, stop_s)
        for n, (start_s, stop_s) in enumerate(item.times, start=1)
        if n not in odd
    )
    files = _companions(root, item)
    notes: tuple[str, ...] = ()
    try:
        streams.append(_gaze(root, files, item))
        if streams[-1].screen is None:
            notes = (f"{where}: the gaze export names no resolution; the default screen is assumed",)
    except RtemoError as error:
        omissions.append(Omission("gaze", where, str(error)))
    eye, eye_omissions = _released_eye(files.get("eye"), item, trials, where)
    return Recording(
        dataset=CARD.name,
        subject=str(item.subject),
        session=str(item.session),
        trials=trials,
        streams=tuple(streams),
        files=(item.file.path, *files.values()),
        omissions=(*omissions, *eye_omissions),
        notes=(*item.file.notes, *notes),
        eye_windows={"released": eye} if eye else {},
        eeg_windows={"de_LDS": partial(_released_eeg, files["de"], item.session)} if "de" in files else {},
    )


def _gaze(root: Path, files: Mapping[str, Path], item: _Session) -> Stream:
    """The gaze on the EEG's clock: both saw the same 40 triggers."""
    if "gaze" not in files or "triggers" not in files:
        missing = "EYE_raw" if "gaze" not in files else "save_info"
        raise RtemoError(f"there is no file for it in {missing}")
    tobii = open_tobii(files["gaze"])
    eye_marks = np.array([time_s - tobii.began_s for _, time_s in _triggers(root, item.stem)])
    offsets = np.array(item.times).ravel() - eye_marks
    offset_s = float(np.median(offsets))
    spread_s = float(np.abs(offsets - offset_s).max())
    if spread_s > _MAX_CLOCK_SPREAD_S:
        raise RtemoError("gaze and EEG cannot be aligned", f"their triggers disagree by up to {spread_s:.2f} s")
    return gaze_stream(tobii, offset_s)


def _released_eye(
    path: Path | None, item: _Session, trials: tuple[Trial, ...], where: str
) -> tuple[dict[int, EyeWindows], list[Omission]]:
    if path is None:
        return {}, [Omission("eye", where, "no file in EYE_features")]
    windows, omissions = {}, []
    for trial in trials:
        n_windows = int((trial.stop_s - trial.start_s) // WINDOW_S)
        try:
            values = np.asarray(mat5.variable(path, _clip_key(item.session, trial.number)), dtype=np.float64)
        except RtemoError as error:
            omissions.append(Omission("eye", f"{where} trial {trial.number}", str(error)))
            continue
        if values.ndim != 2 or values.shape[1] != SEED_VII_WIDTH or abs(len(values) - n_windows) > 1:
            why = f"its shape is {values.shape}, expected ({n_windows}, {SEED_VII_WIDTH})"
        else:
            windows[trial.number] = to_schema(values, SEED_VII_COLUMNS, WINDOW_S)
            why = incomplete(values, n_windows)
        if why:
            omissions.append(Omission("eye", f"{where} trial {trial.number}", why))
    return windows, omissions


def _released_eeg(path: Path, session: int) -> dict[int, EegWindows]:
    """The released entropies, (W, 5, 62) with the band before the channel, into (W, 62, 5)."""
    released = {}
    for number in range(1, N_TRIALS + 1):
        values = np.asarray(mat5.variable(path, f"de_LDS_{_clip_key(session, number)}"), dtype=np.float32)
        released[number] = EegWindows(values.transpose(0, 2, 1), BANDS_HZ, CHANNELS, WINDOW_S)
    return released


def _clip_key(session: int, number: int) -> str:
    """The clip's number over all four sessions, 1 to 80."""
    return str(N_TRIALS * (session - 1) + number)
