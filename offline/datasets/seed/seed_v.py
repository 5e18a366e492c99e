"""SEED-V: 16 people, 3 sessions, 15 film clips each, five emotions; continuous EEG, eyes as released features.

    EEG_raw/<subject>_<session>_<date>.cnt       Neuroscan CNT, 1000 Hz, 62 channels + M1 M2 VEO HEO        needed
    Eye_movement_features/<subject>_123.npz      pickled {0..44: (W, 33)}, 15 trials a session        eye "released"
    EEG_DE_features/<subject>_123.npz            pickled {0..44: (W, 310)}, index channel * 5 + band          EEG "de"
    trial_start_end_timestamp.txt                when each trial starts and ends; else the published times

The session is the number in the file's name ("given by the stimuli watched, not by date"). A recording that ends before
its session's last trial is left out: it may be another session's. A file that was given another session's name and is
long enough is recognised by the day in its header only, if that is the day of another session's file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from offline.datasets.base import Dataset, DatasetCard, EegWindows, Entry, EyeWindows, Omission, Recording, Trial
from offline.datasets.eeg_files import mne_raw
from offline.datasets.feature_sources import CAUSAL, RELEASED
from offline.datasets.seed import session_checks as sessions
from offline.datasets.seed.cnt_files import by_session, eeg_stream, missing_sessions, twice
from offline.datasets.seed.eye_columns import SEED_V_COLUMNS, SEED_V_WIDTH, incomplete, seed_v_order_doubt, to_schema
from offline.datasets.seed.published import (
    BANDS_HZ,
    CHANNELS,
    LICENCE,
    SEED_V_END_S,
    SEED_V_LABELS,
    SEED_V_START_S,
    SEED_V_TRIALS,
    WINDOW_S,
)
from offline.datasets.seed.safe_pickle import load_trials
from rtemo.core.errors import RtemoError

N_TRIALS = 15
NOT_EEG = ("M1", "M2", "VEO", "HEO")
TIMES_FILE = "trial_start_end_timestamp.txt"
CARD = DatasetCard(
    name="seed-v",
    title="SEED-V",
    labels=SEED_V_LABELS,
    licence=LICENCE,
    citation="Liu, Qiu, Zheng & Lu, IEEE Trans. Cognitive and Developmental Systems 14(2):715-729, 2022",
    url="https://bcmi.sjtu.edu.cn/home/seed/seed-v.html",
    notes=(
        "eye 'released': the order of the 33 columns is not published; it is inferred from the EmotionMeter paper's "
        "table and tested on every person's data; a person whose data contradict it has no eye features; units are the "
        "release's, not live gaze's",
        "Eye_raw (Excel exports) is not read: no public source describes its columns",
        "which session an EEG file is rests on its name; only its length and the day in its header can contradict it",
    ),
    eeg=(CAUSAL, RELEASED),
    eye=(RELEASED,),
)
_NAME = re.compile(r"(?P<subject>\d+)_(?P<session>[123])_\d{8}")
_TIMES = re.compile(r"Session\s*(\d)\s*:\s*start_second\s*:\s*\[([^\]]*)\]\s*end_second\s*:\s*\[([^\]]*)\]")
_LABEL = {code: word for word, code in SEED_V_LABELS.items()}

Times = Mapping[int, tuple[tuple[float, float], ...]]  # session -> (start, end) of each trial, seconds


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root, the folder that holds EEG_raw."""
    if mapping is not None:
        raise RtemoError("seed-v takes no mapping file", str(mapping), "its labels are published; leave it out")
    times = _times(root / TIMES_FILE)
    found, omissions = by_session(root / "EEG_raw", _NAME, "<subject>_<session>_<date>.cnt")
    if not found:
        raise RtemoError(
            "no SEED-V EEG was found",
            f"looked for {root}/EEG_raw/<subject>_<session>_<date>.cnt",
            "give the folder that holds EEG_raw; the released features alone cannot go through the pipeline",
        )
    entries = []
    for (subject, session), paths in sorted(found.items()):
        if len(paths) > 1:
            omissions.append(twice(paths))
            continue
        files = (paths[0], *_companions(root, subject).values())
        days = {n: _day(files[0]) for (who, n), files in found.items() if who == subject}
        load_one = partial(_recording, root, paths[0], subject, session, times[session], days)
        entries.append(Entry(str(subject), str(session), files, load_one))
    return Dataset(CARD, tuple(entries), (*omissions, *missing_sessions(CARD.name, found, SEED_V_TRIALS)))


def _times(path: Path) -> Times:
    if not path.is_file():
        return {n: tuple(zip(SEED_V_START_S[n], SEED_V_END_S[n], strict=True)) for n in SEED_V_TRIALS}
    times = {}
    for session, starts, ends in _TIMES.findall(path.read_text(errors="replace")):
        pairs = zip(_numbers(starts), _numbers(ends), strict=False)
        times[int(session)] = tuple(pairs)
    if sorted(times) != [1, 2, 3] or any(len(pairs) != N_TRIALS for pairs in times.values()):
        found = {session: len(pairs) for session, pairs in times.items()}
        raise RtemoError(f"{path} does not give 15 trials for sessions 1, 2 and 3", f"found {found}")
    return times


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def _companions(root: Path, subject: int) -> dict[str, Path]:
    name = f"{subject}_123.npz"
    candidates = {"eye": root / "Eye_movement_features" / name, "de": root / "EEG_DE_features" / name}
    candidates["times"] = root / TIMES_FILE
    return {part: path for part, path in candidates.items() if path.is_file()}


def _day(path: Path) -> str:
    return path.stem.split("_")[2]


def _recording(
    root: Path,
    path: Path,
    subject: int,
    session: int,
    times: tuple[tuple[float, float], ...],
    days: Mapping[int, str],
) -> Recording:
    """days: session -> the day in the name of the same person's file."""
    where = f"seed-v subject {subject} session {session}"
    file = mne_raw.header(path)
    stream = eeg_stream(file, CARD.title)
    if file.duration_s < times[-1][1]:
        raise RtemoError(
            f"{path} ends before session {session}'s last trial",
            f"it is {file.duration_s:.0f} s long, the trial ends at {times[-1][1]:g} s",
            "it is cut off, or another session's file",
        )
    if why := sessions.another_files_day(file.day, _day(path), days):
        raise RtemoError(f"{path} is not session {session}", why, "check where the file comes from")
    files = _companions(root, subject)
    eye, omissions = _released_eye(files.get("eye"), session, times, where)
    return Recording(
        dataset=CARD.name,
        subject=str(subject),
        session=str(session),
        trials=tuple(
            Trial(number, f"seed-v/{session}/{number}", _LABEL[SEED_V_TRIALS[session][number - 1]], start_s, stop_s)
            for number, (start_s, stop_s) in enumerate(times, start=1)
        ),
        streams=(stream,),
        files=(path, *files.values()),
        omissions=tuple(omissions),
        notes=(*file.notes, *_notes(session, times, where)),
        eye_windows={"released": eye} if eye else {},
        eeg_windows={"de": partial(_released_eeg, files["de"], session)} if "de" in files else {},
    )


def _notes(session: int, times: tuple[tuple[float, float], ...], where: str) -> tuple[str, ...]:
    published = tuple(zip(SEED_V_START_S[session], SEED_V_END_S[session], strict=True))
    return () if times == published else (f"{where}: the trial times of {TIMES_FILE} are not the published ones",)


def _released_eye(
    path: Path | None, session: int, times: tuple[tuple[float, float], ...], where: str
) -> tuple[dict[int, EyeWindows], list[Omission]]:
    """Per trial the released windows whose own label and number of windows agree with the session's."""
    if path is None:
        return {}, [Omission("eye", where, "no file in Eye_movement_features")]
    try:
        data, labels = load_trials(path, "data"), load_trials(path, "label")
    except RtemoError as error:
        return {}, [Omission("eye", where, str(error))]
    if doubt := seed_v_order_doubt([values for values in data.values() if values.ndim == 2 and values.shape[1] == 33]):
        return {}, [Omission("eye", where, f"the columns are not in the inferred order: {doubt}")]
    windows, omissions = {}, []
    for number, (start_s, stop_s) in enumerate(times, start=1):
        key, code = N_TRIALS * (session - 1) + number - 1, SEED_V_TRIALS[session][number - 1]
        values, own = data.get(key, np.empty(0)), sorted({int(label) for label in labels.get(key, np.empty(0)).ravel()})
        n_windows = int((stop_s - start_s) // WINDOW_S)
        if values.ndim != 2 or values.shape[1] != SEED_V_WIDTH:
            why = f"no (W, 33) array under key {key}"
        elif own != [code]:
            why = f"its label is {own}, published is {code}"
        elif abs(len(values) - n_windows) > 1:
            why = f"it has {len(values)} windows, the trial's times allow {n_windows}"
        else:
            windows[number] = to_schema(values, SEED_V_COLUMNS, WINDOW_S)
            why = incomplete(values, n_windows)
        if why:
            omissions.append(Omission("eye", f"{where} trial {number}", why))
    return windows, omissions


def _released_eeg(path: Path, session: int) -> dict[int, EegWindows]:
    """The released differential entropy, (W, 310) with index channel * 5 + band, into (W, 62, 5)."""
    data = load_trials(path, "data")
    trials = {number: data[N_TRIALS * (session - 1) + number - 1] for number in range(1, N_TRIALS + 1)}
    return {
        number: EegWindows(
            values.reshape(-1, len(CHANNELS), len(BANDS_HZ)).astype(np.float32), BANDS_HZ, CHANNELS, WINDOW_S
        )
        for number, values in trials.items()
    }
