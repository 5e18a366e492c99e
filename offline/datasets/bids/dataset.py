"""Any BIDS folder with EEG, and eye-tracking beside it where there is some (BIDS 1.11).

    sub-*/[ses-*/]eeg/*_eeg.{vhdr,edf,bdf,set}     needed
    sub-*/[ses-*/]*/*_recording-*_physio.tsv.gz    eye-tracking, see eyetrack.py

All runs of a session make one recording, in the order of *_scans.tsv where it has times, else of their names. Without a
mapping file (offline/datasets/mapping.py) each run is one trial without a label. With one, trials and labels come from
events.tsv, or from the session, task, run or subject: attentive against distracted viewing in BBBD, for example, is the
session. Whatever is not used (a run, an eye, a row, a side-car's value) is listed with its file and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from offline.datasets import mne_raw
from offline.datasets.account import Account
from offline.datasets.base import (
    Dataset,
    DatasetCard,
    Entry,
    Omission,
    Recording,
    RowCount,
    Stream,
    Trial,
    lay_out,
    natural_key,
    segment_chunks,
)
from offline.datasets.bids.events import run_events
from offline.datasets.bids.eye_clock import Eeg
from offline.datasets.bids.eyetrack import (
    PHYSIO,
    BidsGaze,
    EyeSamples,
    belongs,
    eyes_of,
    gaze_channels,
    gaze_chunks,
    physio_files,
    screen_of,
)
from offline.datasets.bids.more_columns import table_files, with_more_columns
from offline.datasets.bids.names import entities_of, parse_name, side_cars
from offline.datasets.bids.side_cars import SideCars, Table, read_json
from offline.datasets.cells import given, number
from offline.datasets.mapping import TrialMap, read_mapping
from offline.datasets.trial_finding import RecordedEvent, event_rows, find_trials, not_asked_for, unmatched
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo

ENDINGS = (".vhdr", ".edf", ".bdf", ".set")
_PARTS = (".eeg", ".vmrk", ".fdt", ".json", ".tsv")  # what belongs to one of ENDINGS
_WHOLE_RUN = re.compile("run")
_MARGIN_S = 5.0  # of gaze before and after a run's EEG
_SHORTER = 0.02  # by how much a file may be shorter than its side-car states, beyond a second
_SHORT = {"session": "ses", "task": "task", "run": "run", "subject": "sub"}
# Electrode coordinates that BIDS defines: which of x, y, z points right and front, and with which sign.
_AXES = {"captrak": ((0, 1.0), (1, 1.0)), "eeglab": ((1, -1.0), (0, 1.0)), "eeglab-hj": ((1, -1.0), (0, 1.0))}
_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0}


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    file: mne_raw.RawFile
    info: StreamInfo
    eyes: tuple[EyeSamples, ...]
    screen: Screen | None
    screen_refused: bool = False


@dataclass(frozen=True, slots=True)
class _Session:
    """What is known of a session before any of its files is opened. eyes: the eye files that belong to each run."""

    root: Path
    dataset: str
    subject: str
    name: str
    paths: tuple[Path, ...]
    eyes: Mapping[Path, tuple[Path, ...]]
    rules: TrialMap
    files: tuple[Path, ...]
    omissions: tuple[Omission, ...]


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root, the folder with sub-*."""
    rules = read_mapping(mapping) if mapping is not None else TrialMap()
    found: dict[tuple[str, str], list[Path]] = {}
    omissions: list[Omission] = []
    for path in sorted(root.glob("sub-*/**/eeg/*_eeg.*")):
        entities = entities_of(path)
        if path.suffix.casefold() in ENDINGS:
            found.setdefault((entities.get("sub", ""), entities.get("ses", "")), []).append(path)
        elif path.suffix.casefold() not in _PARTS:
            why = f"BIDS has no EEG in such files; read are {', '.join(ENDINGS)}"
            omissions.append(Omission("file", str(path), why))
    if not found:
        raise RtemoError(
            "no BIDS EEG was found",
            f"looked for {root}/sub-*/[ses-*/]eeg/*_eeg{{{','.join(ENDINGS)}}}",
            "give the folder that holds dataset_description.json",
        )
    account = Account()
    card = _card(root, rules, account)
    entries = []
    for (subject, session), paths in sorted(found.items(), key=lambda item: tuple(map(natural_key, item[0]))):
        one = _session(root, card.name, subject, session or "1", paths, rules)
        entries.append(Entry(subject, session or "1", one.files, partial(_recording, one)))
    return Dataset(card, tuple(entries), (*omissions, *account.omissions), rules.source)


def _card(root: Path, rules: TrialMap, account: Account) -> DatasetCard:
    path = root / "dataset_description.json"
    about = {}
    if path.is_file():
        with account.omitting("side-car", path.name):
            about = read_json(path, account)
    authors = about.get("Authors", [])
    named = ", ".join(map(str, authors)) if isinstance(authors, list) else str(authors)
    return DatasetCard(
        name="bids",
        title=str(about.get("Name") or root.resolve().name),
        labels=rules.codes,
        licence=str(about.get("License", "not stated")),
        citation=str(about.get("HowToAcknowledge") or named or "not stated"),
        url=str(about.get("DatasetDOI", "")),
        notes=tuple(account.notes),
    )


def _session(root: Path, dataset: str, subject: str, name: str, paths: Sequence[Path], rules: TrialMap) -> _Session:
    """Which of a session's files are read, and which are not."""
    omissions = []
    runs: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: ENDINGS.index(path.suffix.casefold())):
        stem = path.name[: -len(path.suffix)]
        if stem in runs:
            omissions.append(Omission("file", str(path), f"it is the recording of {runs[stem].name} in another format"))
        else:
            runs[stem] = path
    ordered = sorted(runs.values())
    physio = [file for folder in dict.fromkeys(path.parent.parent for path in ordered) for file in physio_files(folder)]
    eyes = {path: tuple(file for file in physio if belongs(file, path)) for path in ordered}
    for file in set(physio) - {file for files in eyes.values() for file in files}:
        why = f"no EEG has its entities, {entities_of(file, ('recording',))}"
        omissions.append(Omission("gaze", file.name, why))
    omissions.sort(key=str)
    files = _files(root, ordered, physio, rules)
    return _Session(root, dataset, subject, name, tuple(ordered), eyes, rules, files, tuple(omissions))


def _files(root: Path, paths: Sequence[Path], physio: Sequence[Path], rules: TrialMap) -> tuple[Path, ...]:
    """Everything that a session is read from: the runs' own files and the side-cars above them."""
    files: dict[Path, None] = {}
    for path in paths:
        stem = path.name[: -len(path.suffix)].removesuffix("_eeg")
        own = [other for other in path.parent.parent.glob(f"*/{stem}_*") if other.is_file() or other.is_symlink()]
        above = [car for suffix in ("eeg", "events") for car in side_cars(root, path, suffix, ".json")]
        above += [car for suffix in ("channels", "events", "scans") for car in side_cars(root, path, suffix, ".tsv")]
        above += side_cars(root, path, "electrodes", ".tsv", but=("space",))
        above += side_cars(root, path, "coordsystem", ".json", but=("space",))
        files |= dict.fromkeys(sorted(own) + above + table_files(root, path, rules.table))
    for path in physio:
        files |= dict.fromkeys([path, *(car for suffix in PHYSIO for car in side_cars(root, path, suffix, ".json"))])
    return tuple(files)


def _in_order(cars: SideCars, paths: Sequence[Path]) -> list[Path]:
    """By acq_time of scans.tsv if every run has one, else by name, numbers as numbers."""
    rows = cars.table(paths[0], "scans")
    times = {Path(row.get("filename")).name: row.get("acq_time") for row in rows if row.get("filename")}
    dated = all(given(times.get(path.name)) for path in paths)
    return sorted(paths, key=lambda path: (times[path.name] if dated else "", natural_key(path.name)))


def _recording(session: _Session) -> Recording:
    where = f"bids subject {session.subject} session {session.name}"
    account = Account()
    account.extend(session.omissions)
    cars = SideCars(session.root, account)
    runs: list[_Run] = []
    for path in _in_order(cars, session.paths):
        with account.omitting("trial", path):
            run = _run(cars, path, session.eyes[path], account)
            _check_alike(run, runs)
            runs.append(run)
    if not runs:
        raise RtemoError(f"no run of {where} can be used", "; ".join(map(str, account.omissions)))
    starts = lay_out(run.file.duration_s for run in runs)
    gaze = _gaze(runs, starts, session.rules, account)
    trials = _trials(session.root, cars, runs, starts, session.rules, account)
    names = [channel.label for channel in runs[0].info.channels]
    segments = tuple(
        segment
        for run, start_s in zip(runs, starts, strict=True)
        for segment in mne_raw.segments(run.file, names, start_s)
    )
    eeg = Stream(runs[0].info, Modality.EEG, partial(segment_chunks, runs[0].info.stream_id, segments))
    return Recording(
        dataset=session.dataset,
        subject=session.subject,
        session=session.name,
        trials=tuple(trials),
        streams=(eeg, *gaze),
        files=tuple(path for path in session.files if path.is_file()),
        omissions=tuple(account.omissions),
        notes=tuple(account.notes),
        rows=account.rows,
    )


def _check_alike(run: _Run, runs: Sequence[_Run]) -> None:
    """RtemoError where the run does not continue the session's first one."""
    if not runs:
        return
    first = runs[0]
    if (run.info.channels, run.info.nominal_rate_hz) != (first.info.channels, first.info.nominal_rate_hz):
        found = f"{len(run.info.channels)} channels at {run.info.nominal_rate_hz:g} Hz"
        usual = f"{len(first.info.channels)} at {first.info.nominal_rate_hz:g} Hz"
        raise RtemoError(f"its channels or rate are not those of {first.file.path.name}", f"{found}, not {usual}")


def _run(cars: SideCars, path: Path, eyes: Sequence[Path], account: Account) -> _Run:
    """One EEG file with its side-cars. Which channels are EEG follows from channels.tsv before the file."""
    file = mne_raw.header(path)
    for note in file.notes:
        account.note(note)
    _check_continuity(cars, file, account)
    names = _eeg_names(cars, file, account)
    places = _places(cars, path, account)
    channels = tuple(Channel(name, "EEG", "microvolts", location_mm=places.get(name)) for name in names)
    info = StreamInfo("eeg", "EEG", "EEG", "float32", file.rate_hz, channels)
    if file.interruptions is not None and file.interruptions.guessed and eyes:
        why = f"the EEG of {path.name} was cut, and how much was taken out is not known: its times fit no more"
        for eye in eyes:
            account.omit("gaze", eye.name, why)
        eyes = ()
    found = eyes_of(cars, eyes, Eeg(file.duration_s, file.measured_s), account)
    try:
        presentation = cars.metadata(path, "events").get("StimulusPresentation")
        screen = screen_of(presentation, cars.nearest(path, "events"), account)
    except RtemoError as error:
        if found:
            account.omit("gaze", path.name, error)
        return _Run(file, info, (), None, screen_refused=True)
    return _Run(file, info, found, screen)


def _check_continuity(cars: SideCars, file: mne_raw.RawFile, account: Account) -> None:
    """List gaps and what is missing at the end. RtemoError where it is not known when the samples were recorded."""
    path, about = file.path, cars.metadata(file.path, "eeg")
    kind = str(about.get("RecordingType", "")).strip().casefold()
    if kind == "epoched":
        todo = "put the continuous recording there"
        raise RtemoError(f"{path.name} holds epochs", "its side-car states RecordingType epoched", todo)
    if kind == "discontinuous" and len(file.stretches) == 1:
        found = "its side-car states RecordingType discontinuous, the file does not tell where the gaps are"
        raise RtemoError(f"{path.name} has gaps at unknown places", found, "export it as EDF+D or continuous")
    if len(file.stretches) > 1:
        ends = [part.start_s + part.n / file.rate_hz for part in file.stretches]
        gaps = [f"{part.start_s - end:g} s at {end:g} s" for end, part in zip(ends, file.stretches[1:], strict=False)]
        guessed = file.interruptions is not None and file.interruptions.guessed
        unknown = " (a length that is not stated counts as 20 s)" if guessed else ""
        account.note(f"{path.name} was interrupted {len(gaps)} times: {', '.join(gaps)}{unknown}")
    stated_s = number(about.get("RecordingDuration"))
    if stated_s is not None and file.duration_s < (1.0 - _SHORTER) * stated_s - 1.0:
        why = f"the file ends after {file.duration_s:g} of the {stated_s:g} s that its side-car states; is it cut off?"
        account.omit("eeg", path.name, why)


def _eeg_names(cars: SideCars, file: mne_raw.RawFile, account: Account) -> list[str]:
    """The EEG channels. RtemoError where there is none."""
    table = cars.table(file.path, "channels")
    _check_columns(table, ("name", "type"), account)
    types = {row.get("name"): row.get("type").upper() for row in table}
    known = {name for name, _ in file.channels}
    if table.path is not None and (others := [name for name in types if name not in known]):
        account.omit("side-car", table.path.name, f"{file.path.name} has no channels {', '.join(others)}")
    names = [name for name, kind in file.channels if (types.get(name) or kind.upper()) == "EEG"]
    if not names:
        raise RtemoError(
            f"{file.path} has no EEG channel", f"its channels are {[name for name, _ in file.channels][:8]}"
        )
    return names


def _check_columns(table: Table, columns: Sequence[str], account: Account) -> None:
    """List a table that lacks columns that are read."""
    if table.path is not None and (missing := [name for name in columns if not table.has(name)]):
        why = f"it has no column {', '.join(missing)}, but {', '.join(table.columns)}"
        account.omit("side-car", table.path.name, why)


def _places(cars: SideCars, path: Path, account: Account) -> dict[str, tuple[float, float, float]]:
    """electrodes.tsv in mm, x right and y front, where coordsystem.json names axes that we know."""
    about = cars.metadata(path, "coordsystem", but=("space",))
    axes = _AXES.get(str(about.get("EEGCoordinateSystem", "")).strip().casefold())
    unit = _MILLIMETRES.get(str(about.get("EEGCoordinateUnits", "")).strip().casefold())
    table = cars.table(path, "electrodes", but=("space",))
    _check_columns(table, ("name", *"xyz"), account)
    if table.path is None:
        return {}
    if axes is None or unit is None:
        found = f"{about.get('EEGCoordinateSystem')!r} in {about.get('EEGCoordinateUnits')!r}"
        known = f"known are {', '.join(_AXES)} in {', '.join(_MILLIMETRES)}"
        account.note(f"{table.path.name} is not used: its coordinates are {found}; {known}")
        return {}
    places = {}
    for row in table:
        xyz = [number(row.get(axis)) for axis in "xyz"]
        if None not in xyz:
            at = [unit * float(value or 0.0) for value in xyz]
            (right, right_sign), (front, front_sign) = axes
            places[row.get("name")] = (right_sign * at[right], front_sign * at[front], at[2])
        elif any(given(row.get(axis)) for axis in "xyz"):
            account.omit("side-car", f"{table.path.name} row {row.line}", f"{row.get('name')} has no three coordinates")
    return places


def _gaze(runs: Sequence[_Run], starts: Sequence[float], rules: TrialMap, account: Account) -> list[Stream]:
    """One gaze stream over all runs that have the same eyes and screen as the first run with any."""
    kept, stream = _kept_gaze(runs, starts, rules, account)
    if "gaze" in account.rows:
        read, used = account.rows["gaze"].read, sum(len(eye.times_s) for one in kept for eye in one.eyes)
        account.rows["gaze"] = RowCount(read, used, read - used)
    return [stream] if stream is not None else []


def _kept_gaze(
    runs: Sequence[_Run], starts: Sequence[float], rules: TrialMap, account: Account
) -> tuple[list[BidsGaze], Stream | None]:
    lead = next((run for run in runs if run.eyes), None)
    if lead is None:
        if not any(one.kind == "gaze" for one in account.omissions):
            account.omit("gaze", runs[0].file.path.parent, "no eye-tracking beside the EEG")
        return [], None
    screen = lead.screen or rules.screen
    channels = gaze_channels(lead.eyes)
    if screen is None and channels[0].unit.casefold().startswith("pix"):
        why = "gaze is in pixels and events.json names no ScreenResolution; give [screen] in the mapping file"
        account.omit("gaze", lead.file.path.name, why)
        return [], None
    kept = []
    for run, start_s in zip(runs, starts, strict=True):
        if run.eyes and (gaze_channels(run.eyes), run.screen) == (channels, lead.screen):
            inside = tuple(_beside(eye, run.file.duration_s, account) for eye in run.eyes)
            if all(len(eye.times_s) for eye in inside):
                kept.append(BidsGaze(inside, start_s))
        elif run.eyes:
            account.omit("gaze", run.file.path.name, "it has other eyes or another screen than the session's first run")
        elif not any(_is_about(one, run) for one in account.omissions):
            account.omit("gaze", run.file.path.name, "no eye-tracking")
    info = StreamInfo("gaze", "Gaze", "Gaze", "float32", lead.eyes[0].rate_hz, channels)
    return kept, Stream(info, Modality.GAZE, partial(gaze_chunks, tuple(kept)), screen=screen)


def _is_about(omission: Omission, run: _Run) -> bool:
    """Whether it is listed already why this run has no gaze."""
    own = entities_of(run.file.path)
    return omission.kind == "gaze" and entities_of(Path(omission.where), ("recording",)) == own


def _beside(eye: EyeSamples, duration_s: float, account: Account) -> EyeSamples:
    """The rows during the EEG, and a little before and after it."""
    inside = (eye.times_s >= -_MARGIN_S) & (eye.times_s <= duration_s + _MARGIN_S)
    if inside.all():
        return eye
    why = f"{int((~inside).sum())} of its rows lie more than {_MARGIN_S:g} s before or after the EEG"
    account.omit("gaze", eye.path.name, why)
    return EyeSamples(
        eye.path, eye.eye, eye.rate_hz, eye.channels, eye.times_s[inside], eye.values[inside], eye.by_rows
    )


def _trials(
    root: Path, cars: SideCars, runs: Sequence[_Run], starts: Sequence[float], rules: TrialMap, account: Account
) -> list[Trial]:
    """Every run one trial, or the trials among its events, numbered over the session."""
    trials: list[Trial] = []
    for run, start_s in zip(runs, starts, strict=True):
        name, entities = run.file.path.name, parse_name(run.file.path).entities
        fixed = {
            key: entities.get(_SHORT[entity], "") if entity else None
            for key, entity in (("label", rules.label_from), ("clip", rules.clip_from))
        }
        end_s = start_s + run.file.duration_s
        events = [RecordedEvent(start_s, "run", run.file.duration_s)]
        if rules.start is None and rules.table is not None and rules.table.of_people:
            events = with_more_columns(root, run.file.path, events, rules, account)
        if rules.start is not None:
            events = run_events(cars, run.file, rules, start_s, account)
            events = with_more_columns(root, run.file.path, events, rules, account)
            account.extend(unmatched(events, rules, name))
            for note in not_asked_for(events, rules, name):
                account.note(note)
        whole = rules if rules.start is not None else replace(rules, start=_WHOLE_RUN, stop=None, offset_s=0.0)
        found, left_out = find_trials(events, whole, end_s, name, fixed, "bids")
        trials += [
            Trial(len(trials) + n, trial.clip, trial.label, trial.start_s, trial.stop_s, trial.targets)
            for n, trial in enumerate(found, start=1)
        ]
        account.extend(left_out)
        if rules.start is not None:
            rows = event_rows(events, rules, len(found))
            account.count("event", rows.read, rows.used, rows.left_out)
    return trials
