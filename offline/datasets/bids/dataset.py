"""Any BIDS folder with EEG, and eye-tracking beside it where there is some (BIDS 1.11).

    sub-*/[ses-*/]eeg/*_eeg.{vhdr,edf,bdf,set}     needed
    sub-*/[ses-*/]*/*_recording-*_physio.tsv.gz    eye-tracking, see eyetrack.py

All runs of a session make one recording, in the order of *_scans.tsv where it has times, else of their names. Without a
mapping file (offline/datasets/mapping.py) each run is one trial without a label. With one, trials and labels come from
events.tsv, or from the session, task, run or subject: attentive against distracted viewing in BBBD, for example, is the
session.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from offline.datasets import mne_raw
from offline.datasets.base import (
    Dataset,
    DatasetCard,
    Entry,
    Omission,
    Recording,
    Stream,
    Trial,
    lay_out,
    natural_key,
    segment_chunks,
)
from offline.datasets.bids import names as bids_names
from offline.datasets.bids.eyetrack import BidsGaze, EyeFile, eye_files, gaze_channels, gaze_chunks
from offline.datasets.bids.names import parse_name, side_cars
from offline.datasets.mapping import RecordedEvent, TrialMap, find_trials, read_mapping, unmatched
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo

ENDINGS = (".vhdr", ".edf", ".bdf", ".set")
_WHOLE_RUN = re.compile("run")
_MARGIN_S = 5.0  # of gaze before and after a run's EEG
_SHORT = {"session": "ses", "task": "task", "run": "run", "subject": "sub"}
# Electrode coordinates that BIDS defines: which of x, y, z points right and front, and with which sign.
_AXES = {"captrak": ((0, 1.0), (1, 1.0)), "eeglab": ((1, -1.0), (0, 1.0)), "eeglab-hj": ((1, -1.0), (0, 1.0))}
_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True, slots=True)
class _Run:
    file: mne_raw.RawFile
    info: StreamInfo
    eyes: tuple[EyeFile, ...]
    screen: Screen | None
    problems: tuple[str, ...]  # of its gaze


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root, the folder with sub-*."""
    rules = read_mapping(mapping) if mapping is not None else TrialMap()
    found: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(path for ending in ENDINGS for path in root.glob(f"sub-*/**/eeg/*_eeg{ending}")):
        entities = parse_name(path).entities
        found.setdefault((entities.get("sub", ""), entities.get("ses", "")), []).append(path)
    if not found:
        raise RtemoError(
            "no BIDS EEG was found",
            f"looked for {root}/sub-*/[ses-*/]eeg/*_eeg{{{','.join(ENDINGS)}}}",
            "give the folder that holds dataset_description.json",
        )
    card = _card(root, rules)
    entries = []
    for (subject, session), paths in sorted(found.items(), key=lambda item: tuple(map(natural_key, item[0]))):
        files = _files(root, paths)
        name = session or "1"
        load_one = partial(_recording, root, card.name, subject, name, tuple(_in_order(root, paths)), rules, files)
        entries.append(Entry(subject, name, files, load_one))
    return Dataset(card, tuple(entries), ())


def _card(root: Path, rules: TrialMap) -> DatasetCard:
    path = root / "dataset_description.json"
    about = bids_names.read_json(path) if path.is_file() else {}
    authors = ", ".join(map(str, about.get("Authors", [])))
    return DatasetCard(
        name="bids",
        title=str(about.get("Name", root.resolve().name)),
        labels=rules.codes,
        licence=str(about.get("License", "not stated")),
        citation=str(about.get("HowToAcknowledge") or authors or "not stated"),
        url=str(about.get("DatasetDOI", "")),
    )


def _files(root: Path, paths: Sequence[Path]) -> tuple[Path, ...]:
    """Everything that a session is read from: the runs' own files and the side-cars above them."""
    files: dict[Path, None] = {}
    for path in paths:
        stem = path.name.removesuffix("".join(path.suffixes)).removesuffix("_eeg")
        own = [other for other in path.parent.parent.glob(f"*/{stem}_*") if other.is_file()]
        above = [car for suffix in ("eeg", "events") for car in side_cars(root, path, suffix, ".json")]
        above += [car for suffix in ("channels", "events") for car in side_cars(root, path, suffix, ".tsv")]
        above += side_cars(root, path, "electrodes", ".tsv", but=("space",))
        above += side_cars(root, path, "coordsystem", ".json", but=("space",))
        files |= dict.fromkeys(sorted(own) + above)
    return tuple(files)


def _in_order(root: Path, paths: Sequence[Path]) -> list[Path]:
    """By acq_time of scans.tsv if every run has one, else by name, numbers as numbers."""
    times = {
        Path(row.get("filename", "")).name: row.get("acq_time", "") for row in bids_names.table(root, paths[0], "scans")
    }
    dated = all(times.get(path.name, "n/a") not in ("", "n/a") for path in paths)
    return sorted(paths, key=lambda path: (times[path.name] if dated else "", natural_key(path.name)))


def _recording(
    root: Path,
    dataset: str,
    subject: str,
    session: str,
    paths: tuple[Path, ...],
    rules: TrialMap,
    files: tuple[Path, ...],
) -> Recording:
    where = f"bids subject {subject} session {session}"
    runs: list[_Run] = []
    omissions: list[Omission] = []
    for path in paths:
        try:
            run = _run(root, path)
        except RtemoError as error:
            omissions.append(Omission("trial", str(path), str(error)))
            continue
        if runs and (run.info.channels, run.info.nominal_rate_hz) != (
            runs[0].info.channels,
            runs[0].info.nominal_rate_hz,
        ):
            omissions.append(
                Omission("trial", str(path), f"its channels or rate are not those of {runs[0].file.path.name}")
            )
            continue
        runs.append(run)
    if not runs:
        raise RtemoError(f"no run of {where} can be used", str(omissions[0]))
    starts = lay_out(run.file.duration_s for run in runs)
    gaze, gaze_omissions = _gaze(runs, starts, rules)
    trials, trial_omissions = _trials(root, runs, starts, rules)
    names = [channel.label for channel in runs[0].info.channels]
    segments = tuple(mne_raw.segment(run.file, names, start_s) for run, start_s in zip(runs, starts, strict=True))
    eeg = Stream(runs[0].info, Modality.EEG, partial(segment_chunks, runs[0].info.stream_id, segments))
    return Recording(
        dataset=dataset,
        subject=subject,
        session=session,
        trials=tuple(trials),
        streams=(eeg, *gaze),
        files=files,
        omissions=(*omissions, *gaze_omissions, *trial_omissions),
    )


def _run(root: Path, path: Path) -> _Run:
    """One EEG file with its side-cars. Which channels are EEG follows from channels.tsv before the file."""
    file = mne_raw.header(path)
    types = {row.get("name", ""): row.get("type", "").upper() for row in bids_names.table(root, path, "channels")}
    names = [name for name, kind in file.channels if types.get(name, kind.upper()) == "EEG"]
    if not names:
        raise RtemoError(f"{path} has no EEG channel", f"its channels are {[name for name, _ in file.channels][:8]}")
    places = _places(root, path)
    channels = tuple(Channel(name, "EEG", "microvolts", location_mm=places.get(name)) for name in names)
    info = StreamInfo("eeg", "EEG", "EEG", "float32", file.rate_hz, channels)
    eyes, screen, problems = eye_files(root, path)
    return _Run(file, info, eyes, screen, tuple(problems))


def _places(root: Path, path: Path) -> dict[str, tuple[float, float, float]]:
    """electrodes.tsv in mm, x right and y front, where coordsystem.json names axes that we know."""
    systems = side_cars(root, path, "coordsystem", ".json", but=("space",))
    about = bids_names.read_json(systems[-1]) if systems else {}
    axes = _AXES.get(str(about.get("EEGCoordinateSystem", "")).casefold())
    unit = _MILLIMETRES.get(str(about.get("EEGCoordinateUnits", "")))
    if axes is None or unit is None:
        return {}
    places = {}
    for row in bids_names.table(root, path, "electrodes", but=("space",)):
        xyz = [bids_names.number(row.get(axis)) for axis in "xyz"]
        if None not in xyz:
            at = [unit * float(value or 0.0) for value in xyz]
            (right, right_sign), (front, front_sign) = axes
            places[row.get("name", "")] = (right_sign * at[right], front_sign * at[front], at[2])
    return places


def _gaze(runs: Sequence[_Run], starts: Sequence[float], rules: TrialMap) -> tuple[list[Stream], list[Omission]]:
    """One gaze stream over all runs that have the same eyes and screen as the first run with any."""
    omissions = [Omission("gaze", run.file.path.name, problem) for run in runs for problem in run.problems]
    lead = next((run for run in runs if run.eyes), None)
    if lead is None:
        return [], omissions or [Omission("gaze", str(runs[0].file.path.parent), "no eye-tracking beside the EEG")]
    screen = lead.screen or rules.screen
    channels = gaze_channels(lead.eyes)
    if screen is None and channels[0].unit.casefold().startswith("pix"):
        why = "gaze is in pixels and events.json names no ScreenResolution; give [screen] in the mapping file"
        return [], [*omissions, Omission("gaze", lead.file.path.name, why)]
    kept = []
    for run, start_s in zip(runs, starts, strict=True):
        if (gaze_channels(run.eyes), run.screen) == (channels, lead.screen):
            span_s = (start_s - _MARGIN_S, start_s + run.file.duration_s + _MARGIN_S)
            kept.append(BidsGaze(run.eyes, start_s, span_s))
        elif not run.problems:
            why = "it has other eyes or another screen than the session's first run" if run.eyes else "no eye-tracking"
            omissions.append(Omission("gaze", run.file.path.name, why))
    info = StreamInfo("gaze", "Gaze", "Gaze", "float32", lead.eyes[0].rate_hz, channels)
    return [Stream(info, Modality.GAZE, partial(gaze_chunks, tuple(kept)), screen=screen)], omissions


def _trials(
    root: Path, runs: Sequence[_Run], starts: Sequence[float], rules: TrialMap
) -> tuple[list[Trial], list[Omission]]:
    """Every run one trial, or the trials among its events, numbered over the session."""
    trials: list[Trial] = []
    omissions: list[Omission] = []
    for run, start_s in zip(runs, starts, strict=True):
        entities = parse_name(run.file.path).entities
        fixed = {
            key: entities.get(_SHORT[name], "") if name else None
            for key, name in (("label", rules.label_from), ("clip", rules.clip_from))
        }
        end_s = start_s + run.file.duration_s
        events = [RecordedEvent(start_s, "run", run.file.duration_s)]
        if rules.start is not None:
            events = _events(root, run, rules.column, start_s)
            omissions += unmatched(events, rules, run.file.path.name)
        whole = rules if rules.start is not None else TrialMap(start=_WHOLE_RUN, labels=rules.labels)
        found, left_out = find_trials(events, whole, end_s, run.file.path.name, fixed, "bids")
        trials += [
            Trial(len(trials) + n, trial.clip, trial.label, trial.start_s, trial.stop_s)
            for n, trial in enumerate(found, start=1)
        ]
        omissions += left_out
    return trials, omissions


def _events(root: Path, run: _Run, column: str, start_s: float) -> list[RecordedEvent]:
    rows = bids_names.table(root, run.file.path, "events")
    timed = [(bids_names.number(row.get("onset")), bids_names.number(row.get("duration")), row) for row in rows]
    return [
        RecordedEvent(start_s + onset_s, row.get(column, ""), duration_s)
        for onset_s, duration_s, row in timed
        if onset_s is not None
    ]
