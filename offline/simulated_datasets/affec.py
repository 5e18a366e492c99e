"""Simulated people exactly as AFFEC lies on disk: EDF, events of the subject, Gazepoint's fields, ratings in beh.

As in the release, the side-cars of gaze and pupils state no StartTime, both files count by the tracker's own clock, and
films may last three seconds only. Felt valence and arousal follow the simulated emotion, perceived ones the film's.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.simulated_datasets.edf import write_edf
from offline.simulated_datasets.people import SimulatedPeople, Work, plan_of, with_tail
from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.plan import PlannedClip, PlanSegment, segments_for_clips
from rtemo.simulate.session import SimulatedSession


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EEG_HZ, GAZE_HZ, PUPIL_HZ = 256, 62.0, 149.0
RUNS, TRIALS = 4, 21
GAZE_COLUMNS = _words(
    "onset CNT TIME FPOGX FPOGY FPOGS FPOGD FPOGID FPOGV LPOGX LPOGY LPOGV RPOGX RPOGY RPOGV BPOGX BPOGY BPOGV"
)
PUPIL_COLUMNS = _words(
    "onset CNT TIME LPCX LPCY LPD LPS LPV RPCX RPCY RPD RPS RPV "
    "LEYEX LEYEY LEYEZ LPUPILD LPUPILV REYEX REYEY REYEZ RPUPILD RPUPILV"
)
_FELT = {"neutral": (5, 3), "sad": (3, 4), "fear": (2, 7), "happy": (7, 6)}  # valence and arousal, of 1 to 9
_WORDS = {"neutral": "neutral", "sad": "sad", "fear": "fear", "happy": "happy"}
_SHORTEST_S, _LONGEST_S, _REST_S, _LEAD_S = 3.0, 12.0, 9.0, 8.0
_FLAGS = (("trial", 8.0, 0.2), ("first_fix", 7.8, 1.0), ("scenario", 6.8, 5.0), ("second_fix", 1.8, 1.8))
_AFTER_S = 0.5  # of the film's last frame
_CLOCK_S = 41_532.25  # of the eye tracker when a run begins
_LAG_S = 0.004  # by which the pupils' file begins later


def write_affec(root: Path, people: SimulatedPeople, runs: int = RUNS) -> Work:
    """A person at a time. runs: how many of each person's are written, from the first on."""
    names = [_name(subject) for subject in range(1, people.subjects + 1)]
    pieces = [partial(_person, root, people, subject, runs) for subject in range(1, people.subjects + 1)]
    return Work(pieces, before=partial(_dataset, root, names))


def _name(subject: int) -> str:
    """Letters, as the release's: aaab, aaac, ..."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(letters[subject // 26**power % 26] for power in (3, 2, 1, 0))


def _dataset(root: Path, names: Sequence[str]) -> None:
    about = {"Name": "AFFEC", "BIDSVersion": "1.8.0", "DatasetType": "raw", "License": "CC0", "Authors": ["simulator"]}
    _json(root / "dataset_description.json", about)
    (root / "README.md").write_text("Simulated people in the layout of AFFEC. No one was recorded.\n", encoding="utf-8")
    traits = ("O", "C", "E", "A", "N")
    rows = [[f"sub-{name}", "24", "n/a", *["3.5"] * 5] for name in names]
    _table(root / "participants.tsv", ["participant_id", "age", "gender", *traits], rows)
    _json(root / "participants.json", {name: {"Description": name} for name in ("age", "gender", *traits)})
    about_events = {name: {"Description": name} for name in _EVENT_COLUMNS[2:]}
    _json(root / "task-fer_events.json", about_events)


def _person(root: Path, people: SimulatedPeople, subject: int, runs: int) -> None:
    order = np.random.default_rng([people.seed, subject])
    films = order.permutation(RUNS * TRIALS)
    for run in range(runs):
        _run(root, people, subject, run, films[run * TRIALS : (run + 1) * TRIALS].tolist())


def _run(root: Path, people: SimulatedPeople, subject: int, run: int, films: Sequence[int]) -> None:
    clips = [PlannedClip(film, EMOTIONS[film % len(EMOTIONS)], _film_s(film, people.scale)) for film in films]
    segments = with_tail((*segments_for_clips(clips, _LEAD_S, _REST_S),))
    plan = plan_of(people, subject, run + 1, segments, "biosemi64", EEG_HZ, GAZE_HZ)
    simulated = SimulatedSession(plan)
    stem = f"sub-{_name(subject)}_task-fer_run-{run}"
    base = root / f"sub-{_name(subject)}"
    labels = [label for label in plan.montage.labels if label != "Iz"]
    columns = [plan.montage.labels.index(label) for label in labels]
    eeg = simulated.eeg(0.0, plan.duration_s)[:, columns]
    seconds = write_edf(base / "eeg" / f"{stem}_eeg.edf", labels, EEG_HZ, eeg, "left earlobe")
    _eeg_side_cars(base / "eeg", stem, labels, seconds)
    shown = [segment for segment in segments if segment.kind == "clip"]
    _table(base / f"{stem}_events.tsv", _EVENT_COLUMNS, _events(shown, subject, run))
    _ratings(base / "beh" / f"{stem}_beh.tsv", shown, people, subject, run)
    times_s, gaze = simulated.gaze(0.0, seconds)
    _physio(base / "beh", f"{stem}_recording-gaze", GAZE_COLUMNS, GAZE_HZ, _gaze_rows(times_s, gaze))
    fast = SimulatedSession(replace(plan, gaze_rate_hz=PUPIL_HZ))
    times_s, pupils = fast.gaze(_LAG_S, seconds)
    _physio(base / "beh", f"{stem}_recording-pupil", PUPIL_COLUMNS, PUPIL_HZ, _pupil_rows(times_s, pupils))


def _film_s(film: int, scale: float) -> float:
    """From three seconds on; the same for everybody."""
    length_s = float(np.random.default_rng([77, film]).uniform(_SHORTEST_S, _LONGEST_S))
    return round(max(_SHORTEST_S, length_s * scale), 2)


_EVENT_COLUMNS = ("onset", "duration", "trial_type", "flag", "subject", "run", "trial", "local_time", "stim_file")


def _stimulus(film: int) -> str:
    return f"{EMOTIONS[film % len(EMOTIONS)]}_{film:02d}.mp4"


def _events(shown: Sequence[PlanSegment], subject: int, run: int) -> list[list[str]]:
    rows = []
    for trial, clip in enumerate(shown):
        spans = [(flag, clip.start_s - before_s, length_s) for flag, before_s, length_s in _FLAGS]
        spans += [("video", clip.start_s, clip.stop_s - clip.start_s), ("last_frame_video", clip.stop_s, _AFTER_S)]
        for flag, onset_s, length_s in spans:
            about = [_WORDS[clip.emotion], flag, _name(subject), str(run), str(trial), f"{1.7e9 + onset_s:.4f}"]
            rows.append([f"{onset_s:.4f}", f"{length_s:.4f}", *about, _stimulus(clip.clip)])
    return rows


def _ratings(path: Path, shown: Sequence[PlanSegment], people: SimulatedPeople, subject: int, run: int) -> None:
    random = np.random.default_rng([people.seed, subject, run])
    columns = ("trial", "stim_file", "trial_type", "p_emotion_v", "p_emotion_a", "f_emotion_v", "f_emotion_a")
    rows = []
    for trial, clip in enumerate(shown):
        felt = _FELT[clip.emotion]
        seen = [int(np.clip(value + random.integers(-1, 2), 1, 9)) for value in felt]
        words = [_stimulus(clip.clip), _WORDS[clip.emotion], *map(str, seen), *map(str, felt)]
        rows.append([str(trial), *words])
    _table(path, columns, rows)


def _eeg_side_cars(folder: Path, stem: str, labels: Sequence[str], seconds: int) -> None:
    about = {
        "TaskName": "fer",
        "SamplingFrequency": EEG_HZ,
        "EEGReference": "left earlobe",
        "PowerLineFrequency": 50,
        "SoftwareFilters": "n/a",
        "EEGChannelCount": len(labels),
        "RecordingDuration": seconds,
        "RecordingType": "continuous",
    }
    _json(folder / f"{stem}_eeg.json", about)
    rows = [[label, "EEG", "uV", str(EEG_HZ)] for label in labels]
    _table(folder / f"{stem}_channels.tsv", ("name", "type", "units", "sampling_frequency"), rows)


Values = Mapping[str, NDArray[np.floating]]


def _counted(times_s: NDArray[np.float64]) -> dict[str, NDArray[np.floating]]:
    return {"onset": _CLOCK_S + times_s, "CNT": np.arange(len(times_s), dtype=float), "TIME": times_s}


def _gaze_rows(times_s: NDArray[np.float64], gaze: NDArray[np.floating]) -> Values:
    """simulated: x, y and pupil of the left, then of the right eye; NaN where it was not seen."""
    valid = {side: np.isfinite(gaze[:, k : k + 2]).all(axis=1) for side, k in (("L", 0), ("R", 3))}
    both = valid["L"] & valid["R"]
    x, y = (0.5 * (gaze[:, k] + gaze[:, k + 3]) for k in (0, 1))
    fields: dict[str, NDArray[np.floating]] = {
        "onset": _CLOCK_S + times_s,
        "CNT": np.arange(len(times_s), dtype=float),
        "TIME": times_s,
    }
    for name in ("FPOG", "BPOG"):
        fields |= {f"{name}X": x, f"{name}Y": y, f"{name}V": both.astype(float)}
    for side, k in (("L", 0), ("R", 3)):
        fields |= {f"{side}POGX": gaze[:, k], f"{side}POGY": gaze[:, k + 1], f"{side}POGV": valid[side].astype(float)}
    return fields


def _pupil_rows(times_s: NDArray[np.float64], gaze: NDArray[np.floating]) -> Values:
    fields: dict[str, NDArray[np.floating]] = {
        "onset": _CLOCK_S + times_s,
        "CNT": np.arange(len(times_s), dtype=float),
        "TIME": times_s,
    }
    for side, k in (("L", 2), ("R", 5)):
        valid = np.isfinite(gaze[:, k]).astype(float)
        fields |= {f"{side}PD": 6.0 * gaze[:, k], f"{side}PS": np.ones(len(gaze)), f"{side}PV": valid}
        fields |= {f"{side}PUPILD": 1e-3 * gaze[:, k], f"{side}PUPILV": valid}
    return fields


def _physio(folder: Path, stem: str, columns: Sequence[str], rate_hz: float, fields: Values) -> None:
    """Missing values are zeros, as Gazepoint writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    n = len(fields["onset"])
    written = {name: _written(values, "%.6f" if name == "onset" else "%.7g") for name, values in fields.items()}
    rows = zip(*(written.get(name, ["0"] * n) for name in columns), strict=True)
    text = "".join("\t".join(row) + "\n" for row in rows)
    (folder / f"{stem}_physio.tsv.gz").write_bytes(gzip.compress(text.encode(), compresslevel=5, mtime=0))
    _json(folder / f"{stem}_physio.json", {"SamplingFrequency": rate_hz, "Columns": list(columns)})


def _written(values: NDArray[np.floating], form: str) -> list[str]:
    return [form % value for value in np.nan_to_num(values).tolist()]


def _json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join("\t".join(row) for row in (columns, *rows)) + "\n", encoding="utf-8")
