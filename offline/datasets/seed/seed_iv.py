"""SEED-IV: 15 people, 3 sessions, 24 film clips each, four emotions; EEG as trials, eyes as features and event lists.

    eeg_raw_data/{1,2,3}/<subject>_<date>.mat            <initials>_eeg1..24, (62, 200 s + 1), uV        needed
    eye_feature_smooth/{1,2,3}/<subject>_<date>.mat      eye_1..24, (31, W), W = EEG windows of 4 s      eye "released"
    eye_raw_data[/{1,2,3}]/<subject>_<date>_<part>.mat   cells of events without times                   eye "events"
    eeg_feature_smooth/{1,2,3}/<subject>_<date>.mat      de_movingAve1, de_LDS1, ... (62, W, 5)          EEG "de_LDS"

The session is the folder. The labels are the published vectors, by trial number. An EEG file whose name or whose trial
lengths belong to another session is left out, because its labels would be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    Omission,
    Recording,
    Trial,
    lay_out,
)
from offline.datasets.feature_sources import CAUSAL, RELEASED
from offline.datasets.seed import session_checks as sessions
from offline.datasets.seed.published import (
    BANDS_HZ,
    CHANNELS,
    LICENCE,
    SEED_IV_LABELS,
    SEED_IV_NAMES,
    SEED_IV_SESSION_1_SAMPLES,
    SEED_IV_TRIALS,
    WINDOW_S,
)
from offline.datasets.seed.seed_iv_eye import EYE_PARTS, rebuilt_eye, released_eye
from offline.datasets.seed.trial_files import RATE_HZ, TrialFile, by_subject, eeg_stream, missing_entries, read_index
from rtemo.core.errors import RtemoError

N_TRIALS = 24
CARD = DatasetCard(
    name="seed-iv",
    title="SEED-IV",
    labels=SEED_IV_LABELS,
    licence=LICENCE,
    citation="Zheng, Liu, Lu, Lu & Cichocki, EmotionMeter, IEEE Trans. Cybernetics 49(3):1110-1122, 2019",
    url="https://bcmi.sjtu.edu.cn/home/seed/seed-iv.html",
    notes=(
        "eye 'released': 31 features per 4 s window; rows 1-22 are smoothed over the whole trial and rows 23-31 are "
        "one value a trial, so they are not causal; blink duration mean and std are not in the release; units are the "
        "release's (pixels, base-2 logarithms), not live gaze's",
        "eye 'released': which of rows 5-12 is X and which is Y is inferred; a recording whose data disagree is noted",
        "eye 'events': the core's features, in live gaze's units, from event lists whose times are rebuilt from their "
        "order and durations; no pupil, dispersion or latency; see offline/datasets/seed/event_lists.py",
    ),
    eeg=(CAUSAL, RELEASED),
    eye=(RELEASED, CAUSAL),
)
_SESSION_1_S = tuple((n - 1) / RATE_HZ for n in SEED_IV_SESSION_1_SAMPLES)
_LABEL = {code: word for word, code in SEED_IV_LABELS.items()}


@dataclass(frozen=True, slots=True)
class _Session:
    subject: int
    session: int
    eeg: TrialFile


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root, the folder that holds eeg_raw_data. RtemoError where there is no EEG to build from."""
    if mapping is not None:
        raise RtemoError("seed-iv takes no mapping file", str(mapping), "its labels are published; leave it out")
    found, omissions = _scan(root)
    entries = []
    for item, odd, misfit in _checked(found):
        if misfit:
            omissions.append(Omission("recording", str(item.eeg.path), misfit))
            continue
        files = (item.eeg.path, *_companions(root, item).values())
        entries.append(Entry(str(item.subject), str(item.session), files, partial(_recording, root, item, odd)))
    return Dataset(CARD, tuple(entries), tuple(omissions))


def _scan(root: Path) -> tuple[list[_Session], list[Omission]]:
    """Every session file whose trials can be identified, sorted by subject and session."""
    found: list[_Session] = []
    omissions: list[Omission] = []
    seen: dict[int, dict[int, list[Path]]] = {}
    for session in SEED_IV_TRIALS:
        seen[session], strange = by_subject(root / "eeg_raw_data" / str(session))
        omissions += strange
        for subject, paths in seen[session].items():
            try:
                found.append(_Session(subject, session, _only(paths, session)))
            except RtemoError as error:
                omissions.append(Omission("recording", ", ".join(map(str, paths)), str(error)))
    subjects = sorted({subject for files in seen.values() for subject in files})
    if not subjects:
        raise RtemoError(
            "no SEED-IV EEG was found",
            f"looked for {root}/eeg_raw_data/{{1,2,3}}/<subject>_<date>.mat",
            "give the folder that holds eeg_raw_data with its session folders",
        )
    found.sort(key=lambda item: (item.subject, item.session))
    return found, omissions + missing_entries(CARD.name, subjects, seen)


def _only(paths: list[Path], session: int) -> TrialFile:
    if len(paths) > 1:
        raise RtemoError("there is more than one file for this subject and session", todo="keep the right one")
    for other, names in SEED_IV_NAMES.items():
        if other != session and paths[0].stem in names:
            raise RtemoError(f"the file lies in session {session}'s folder", f"its name is one of session {other}'s")
    return read_index(paths[0], N_TRIALS)


def _checked(found: list[_Session]) -> Iterator[tuple[_Session, dict[int, str], str]]:
    """Each session with its trials of odd length, or with the reason why it cannot be the session of its name."""
    lengths = {(s.subject, s.session): {trial: s.eeg.duration_s(trial) for trial in s.eeg.keys} for s in found}
    usual = sessions.references(lengths)
    first = {key for key, ours in lengths.items() if sessions.same_pattern(ours, _SESSION_1_S)}
    for item in found:
        ours = lengths[item.subject, item.session]
        misfit = sessions.not_this_session(ours, item.session, usual) or _misfiled(item, first)
        yield item, sessions.odd_trials(ours, usual.get(item.session, {})), misfit


def _misfiled(item: _Session, first: set[tuple[int, int]]) -> str:
    """Session 1's trial lengths are published, so that even one person's swapped files are recognised."""
    if item.session != 1 and (item.subject, item.session) in first:
        return f"its trials have session 1's published lengths, but it is filed as session {item.session}"
    elsewhere = [session for session in (2, 3) if (item.subject, session) in first]
    if item.session == 1 and elsewhere and (item.subject, 1) not in first:
        return f"session 1's published trial lengths are those of this person's session {elsewhere[0]}, not of this one"
    return ""


def _companions(root: Path, item: _Session) -> dict[str, Path]:
    """The files beside the EEG file that are there, by part."""
    name, session = item.eeg.path.name, str(item.session)
    candidates = {
        "eye": [root / "eye_feature_smooth" / session / name],
        "de": [root / "eeg_feature_smooth" / session / name],
    }
    for part in EYE_PARTS:
        stem = f"{item.eeg.path.stem}_{part}.mat"
        candidates[part] = [root / "eye_raw_data" / stem, root / "eye_raw_data" / session / stem]
    return {part: path for part, paths in candidates.items() for path in paths if path.is_file()}


def _recording(root: Path, item: _Session, odd: Mapping[int, str]) -> Recording:
    where = f"seed-iv subject {item.subject} session {item.session}"
    problems = {**item.eeg.missing, **odd}
    omissions = [Omission("trial", f"{where} trial {trial}", why) for trial, why in sorted(problems.items())]
    numbers = [trial for trial in item.eeg.keys if trial not in problems]
    if not numbers:
        raise RtemoError(f"no trial of {item.eeg.path} can be used", next(iter(problems.values())))
    durations_s = {trial: item.eeg.duration_s(trial) for trial in numbers}
    starts = dict(zip(numbers, lay_out(durations_s.values()), strict=True))
    files = _companions(root, item)
    released, notes, eye_omissions = released_eye(files.get("eye"), durations_s, where)
    events, event_omissions = rebuilt_eye(files, durations_s, where)
    return Recording(
        dataset=CARD.name,
        subject=str(item.subject),
        session=str(item.session),
        trials=tuple(_trial(item, number, start_s) for number, start_s in starts.items()),
        streams=(eeg_stream(item.eeg, starts),),
        files=(item.eeg.path, *files.values()),
        omissions=(*omissions, *eye_omissions, *event_omissions),
        notes=notes,
        eye_windows={mode: windows for mode, windows in (("released", released), ("events", events)) if windows},
        eeg_windows={"de_LDS": partial(_released_eeg, files["de"], tuple(numbers))} if "de" in files else {},
    )


def _trial(item: _Session, number: int, start_s: float) -> Trial:
    label = _LABEL[SEED_IV_TRIALS[item.session][number - 1]]
    stop_s = start_s + item.eeg.duration_s(number)
    return Trial(number, f"seed-iv/{item.session}/{number}", label, start_s, stop_s)


def _released_eeg(path: Path, numbers: tuple[int, ...]) -> dict[int, EegWindows]:
    """The released differential entropy, smoothed by their linear dynamic system: (62, W, 5) into (W, 62, 5)."""
    released = {}
    for number in numbers:
        values = np.asarray(mat5.variable(path, f"de_LDS{number}"), dtype=np.float32).transpose(1, 0, 2)
        released[number] = EegWindows(values, BANDS_HZ, CHANNELS, WINDOW_S)
    return released
