"""Any BIDS folder with EEG, and eye-tracking beside it where there is some (BIDS 1.11).

    sub-*/[ses-*/]eeg/*_eeg.{vhdr,edf,bdf,set}
    sub-*/[ses-*/]*/*_recording-*_physio.tsv.gz    eye-tracking, see eyetrack.py; a session may have nothing else

All runs of a session make one recording, in the order of *_scans.tsv where it has times, else of their names. Without a
mapping file (offline/datasets/mapping.py) each run is one trial without a label. With one, trials and labels come from
events.tsv, or from the session, task, run or subject: attentive against distracted viewing in BBBD, for example, is the
session. Whatever is not used (a run, an eye, a row, a side-car's value) is listed with its file and the reason.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from offline.datasets.account import Account
from offline.datasets.base import (
    SIMULATED_NOTE,
    TRIAL_GRID_S,
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
from offline.datasets.bids.eye_samples import BidsGaze, EyeSamples, gaze_channels, gaze_chunks
from offline.datasets.bids.eyetrack import PHYSIO
from offline.datasets.bids.more_columns import with_more_columns
from offline.datasets.bids.names import entities_of, parse_name
from offline.datasets.bids.runs import BidsRun, check_alike, run_of_eeg, run_of_eyes
from offline.datasets.bids.sessions import ENDINGS, PARTS, Session, eyes_alone, session_of_eeg, session_of_eyes
from offline.datasets.bids.side_cars import SideCars, read_json
from offline.datasets.cells import given, number
from offline.datasets.eeg_files import mne_raw
from offline.datasets.mapping import TrialMap, read_mapping
from offline.datasets.trial_finding import (
    RecordedEvent,
    event_rows,
    find_trials,
    lead_ins,
    not_asked_for,
    thirds_among,
    unmatched,
)
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality, StreamInfo
from rtemo.recordings.markers import is_simulated

FIRST_SAMPLE = "LslTimeOfFirstSample"  # in eeg.json of a data set that `rtemo export` wrote
_WHOLE_RUN = re.compile("run")
_ACCESSION = re.compile(r"\b(ds|nm|on)\d{6}\b")
_MARGIN_S = 5.0  # of gaze before and after a run's EEG
_SHORT = {"session": "ses", "task": "task", "run": "run", "subject": "sub"}


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root, the folder with sub-*."""
    rules = read_mapping(mapping) if mapping is not None else TrialMap()
    found: dict[tuple[str, str], list[Path]] = {}
    omissions: list[Omission] = []
    for path in sorted(root.glob("sub-*/**/eeg/*_eeg.*")):
        entities = entities_of(path)
        if path.suffix.casefold() in ENDINGS:
            found.setdefault((entities.get("sub", ""), entities.get("ses", "")), []).append(path)
        elif path.suffix.casefold() not in PARTS:
            why = f"BIDS has no EEG in such files; read are {', '.join(ENDINGS)}"
            omissions.append(Omission("file", str(path), why))
    account = Account()
    alone = eyes_alone(root, found, account)
    if not found and not alone:
        looked = f"looked for {root}/sub-*/[ses-*/]eeg/*_eeg{{{','.join(ENDINGS)}}}"
        found_instead = "; ".join([looked, *map(str, account.omissions)])
        todo = "give the folder that holds dataset_description.json"
        raise RtemoError("no BIDS EEG or eye-tracking was found", found_instead, todo)
    card = _card(root, rules, account)
    entries = []
    for key, paths in sorted({**found, **alone}.items(), key=lambda item: tuple(map(natural_key, item[0]))):
        subject, name = key[0], key[1] or "1"
        one = (session_of_eeg if key in found else session_of_eyes)(root, card.name, subject, name, paths, rules)
        entries.append(Entry(subject, name, one.files, partial(_recording, one)))
    return Dataset(card, tuple(entries), (*omissions, *account.omissions), rules.source)


def card_of(root: Path, mapping: Path | None = None) -> tuple[DatasetCard, Mapping[str, str]]:
    """What a folder's own description and a mapping file say of the whole, before any recording is there.

    The second is the mapping file, as Dataset.mapping.
    """
    rules = read_mapping(mapping) if mapping is not None else TrialMap()
    return _card(root, rules, Account()), rules.source


def _card(root: Path, rules: TrialMap, account: Account) -> DatasetCard:
    path = root / "dataset_description.json"
    about = {}
    if path.is_file():
        with account.omitting("side-car", path.name):
            about = read_json(path, account)
    authors = about.get("Authors", [])
    named = ", ".join(map(str, authors)) if isinstance(authors, list) else str(authors)
    return DatasetCard(
        name=rules.dataset or _accession(root, about) or "bids",
        title=str(about.get("Name") or root.resolve().name),
        labels=rules.codes,
        licence=str(about.get("License", "not stated")),
        citation=str(about.get("HowToAcknowledge") or named or "not stated"),
        url=str(about.get("DatasetDOI", "")),
        notes=tuple(account.notes),
    )


def _accession(root: Path, about: Mapping[str, Any]) -> str:
    """The data set's number at OpenNeuro or NEMAR, where its DOI or its folder has one."""
    found = _ACCESSION.search(f"{about.get('DatasetDOI', '')} {root.resolve().name}")
    return found[0] if found else ""


def _in_order(cars: SideCars, paths: Sequence[Path]) -> list[Path]:
    """By acq_time of scans.tsv if every run has one, else by name, numbers as numbers."""
    rows = cars.table(paths[0], "scans")
    times = {Path(row.get("filename")).name: row.get("acq_time") for row in rows if row.get("filename")}
    dated = all(given(times.get(path.name)) for path in paths)
    return sorted(paths, key=lambda path: (times[path.name] if dated else "", natural_key(path.name)))


def _recording(session: Session) -> Recording:
    where = f"bids subject {session.subject} session {session.name}"
    account = Account()
    account.extend(session.omissions)
    cars = SideCars(session.root, account)
    runs: list[BidsRun] = []
    for path in _in_order(cars, session.paths):
        with account.omitting("trial", path):
            read = run_of_eyes if parse_name(path).suffix in PHYSIO else run_of_eeg
            run = read(cars, path, session.eyes[path], account)
            check_alike(run, runs)
            runs.append(run)
    if not runs:
        raise RtemoError(f"no run of {where} can be used", "; ".join(map(str, account.omissions)))
    phases = [_phase_s(cars, run) for run in runs]
    laid_out = lay_out(run.file.duration_s + TRIAL_GRID_S for run in runs) if any(phases) else None
    starts = laid_out or lay_out(run.file.duration_s for run in runs)
    starts = [start_s + phase_s for start_s, phase_s in zip(starts, phases, strict=True)]
    gaze = _gaze(runs, starts, session.rules, account)
    trials = _trials(session.root, cars, runs, starts, session.rules, account)
    rests = _rests(cars, runs, starts, session.rules, account)
    names = [channel.label for channel in runs[0].info.channels]
    segments = tuple(
        segment
        for run, start_s in zip(runs, starts, strict=True)
        for segment in mne_raw.segments(run.file, names, start_s, run.stamps)
    )
    chunks = partial(segment_chunks, runs[0].info.stream_id, segments)
    eeg = [Stream(runs[0].info, Modality.EEG, chunks)] if names else []
    if not eeg and not gaze:
        raise RtemoError(f"nothing of {where} can be used", "; ".join(map(str, account.omissions)))
    return Recording(
        dataset=session.dataset,
        subject=session.subject,
        session=session.name,
        trials=tuple(trials),
        streams=(*eeg, *gaze),
        files=tuple(path for path in session.files if path.is_file()),
        omissions=tuple(account.omissions),
        notes=tuple(account.notes),
        rests=tuple(rests),
        rows=account.rows,
    )


def _phase_s(cars: SideCars, run: BidsRun) -> float:
    """How far behind a point of the grid of windows a run began, where an export of rtemo states it."""
    first_s = number(cars.metadata(run.file.path, "eeg").get(FIRST_SAMPLE))
    return 0.0 if first_s is None else first_s % TRIAL_GRID_S


def _rests(
    cars: SideCars, runs: Sequence[BidsRun], starts: Sequence[float], rules: TrialMap, account: Account
) -> list[tuple[float, float]]:
    """The rests that the normaliser is set by, where the mapping file names their events."""
    if rules.rest is None:
        return []
    found: list[tuple[float, float]] = []
    for run, start_s in zip(runs, starts, strict=True):
        named = replace(rules.rest, column=rules.column)
        events = run_events(cars, run.file, named, start_s, account)
        rests, left_out = find_trials(events, named, start_s + run.file.duration_s, run.file.path.name, {}, "")
        found += [(rest.start_s, rest.stop_s) for rest in rests]
        account.extend(left_out)
    return found


def _gaze(runs: Sequence[BidsRun], starts: Sequence[float], rules: TrialMap, account: Account) -> list[Stream]:
    """One gaze stream over all runs that have the same eyes and screen as the first run with any."""
    kept, stream = _kept_gaze(runs, starts, rules, account)
    if "gaze" in account.rows:
        read, used = account.rows["gaze"].read, sum(map(_rows_used, kept))
        account.rows["gaze"] = RowCount(read, used, read - used)
    return [stream] if stream is not None else []


def _rows_used(kept: BidsGaze) -> int:
    """Both eyes may lie in the rows of one file."""
    by_file: dict[Path, int] = {}
    for eye in kept.eyes:
        by_file[eye.path] = max(by_file.get(eye.path, 0), len(eye.times_s))
    return sum(by_file.values())


def _kept_gaze(
    runs: Sequence[BidsRun], starts: Sequence[float], rules: TrialMap, account: Account
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


def _is_about(omission: Omission, run: BidsRun) -> bool:
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
    root: Path, cars: SideCars, runs: Sequence[BidsRun], starts: Sequence[float], rules: TrialMap, account: Account
) -> list[Trial]:
    """Every run one trial, or the trials among its events, numbered over the session."""
    whole = rules if rules.start is not None else replace(rules, start=_WHOLE_RUN, stop=None, offset_s=0.0)
    events = [_events(root, cars, run, start_s, rules, account) for run, start_s in zip(runs, starts, strict=True)]
    thirds = thirds_among([event for own in events for event in own], whole)
    if any(is_simulated((event.text, *event.columns.values())) for own in events for event in own):
        account.note(SIMULATED_NOTE)
    trials: list[Trial] = []
    for run, start_s, own in zip(runs, starts, events, strict=True):
        name, entities = run.file.path.name, parse_name(run.file.path).entities
        fixed = {
            key: entities.get(_SHORT[entity], "") if entity else None
            for key, entity in (("label", rules.label_from), ("clip", rules.clip_from))
        }
        found, left_out = find_trials(own, whole, start_s + run.file.duration_s, name, fixed, "bids", thirds)
        trials += [replace(trial, number=len(trials) + n) for n, trial in enumerate(found, start=1)]
        account.extend(left_out)
        for note in lead_ins(found, name):
            account.note(note)
        if rules.start is not None:
            rows = event_rows(own, rules, len(found))
            account.count("event", rows.read, rows.used, rows.left_out)
    return trials


def _events(
    root: Path, cars: SideCars, run: BidsRun, start_s: float, rules: TrialMap, account: Account
) -> list[RecordedEvent]:
    """A run's events with all their columns; the run itself where the mapping names none."""
    if rules.start is None:
        events = [RecordedEvent(start_s, "run", run.file.duration_s)]
        if rules.table is not None and rules.table.of_people:
            return with_more_columns(root, run.file.path, events, rules, account)
        return events
    events = run_events(cars, run.file, rules, start_s, account)
    events = with_more_columns(root, run.file.path, events, rules, account)
    account.extend(unmatched(events, rules, run.file.path.name))
    for note in not_asked_for(events, rules, run.file.path.name):
        account.note(note)
    return events
