"""A BIDS data set out of recorded sessions (BIDS 1.11): EEG, eye-tracking, events, ratings, predictions, sources.

    sub-X/ses-Y/eeg/    EEG with its side-cars, events, eye-tracking at the tracker's own rate
    sub-X/ses-Y/beh/    ratings; events and eye-tracking where there is no EEG
    derivatives/rtemo/  the predictions that were shown in the session
    sourcedata/         the recording itself and what lies beside it
    code/               a mapping file, with which `offline build bids` finds trials, labels and baselines

Everything of a session is written beside the data set first and moved in when it is whole; no file that is there is
replaced but the tables that name all participants.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import rtemo
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.export.bids_eeg import write_eeg
from rtemo.export.bids_events import TRIALS_FILE, write_events, write_predictions, write_ratings, write_trial_rules
from rtemo.export.bids_eyes import write_eyes
from rtemo.export.bids_timeline import BidsTimeline
from rtemo.export.recorded_session import RecordedSession
from rtemo.export.tables import read_rows, write_json, write_table

BIDS_VERSION = "1.11.0"
HED_VERSION = "8.3.0"
DERIVATIVES = Path("derivatives") / "rtemo"
_PART_OF_BIDS = re.compile(
    r"\..*|sub-.+|code|derivatives|phenotype|sourcedata|stimuli|participants\..+|README.*|CHANGES.*|LICENSE.*"
)
EegFormat = Literal["brainvision", "edf"]
_README = """\
# {name}

Recorded with rtemo ({version}) and exported with `rtemo export --bids`.

- EEG is as it was sent: not filtered, not re-referenced, not resampled; its sampling rate is the measured one.
- All times are corrected by the clock offsets that were measured while recording. Gaps are listed in each `_eeg.json`;
  in BrainVision files each begins a new segment with its time. `onset` in `_events.tsv` counts the file's samples, as
  programs that read EEG expect; `real_onset` counts seconds that passed, `lsl_time` is on the recording's clock.
- Eye-tracking is at the tracker's own rate, in pixels of the screen in `_events.json`.
- `derivatives/rtemo` holds the estimates that were shown during the session, `sourcedata` the recordings.

Emotion estimates are those of the model that `derivatives/rtemo` names. They are no measurement of what a person felt.
"""
_PARTICIPANTS = {
    "participant_id": {"Description": "the participant, as a BIDS label"},
    "name_in_sessions": {"Description": "what the participant is called in the recorded sessions"},
}


def export_bids(root: Path, session: RecordedSession, eeg_format: EegFormat = "brainvision") -> list[str]:
    """Add a session to the data set under root, which is made where it is not there.

    Returns what a reader should know: what was left out or assumed. Raises RtemoError where the session is there
    already, two participants would share a label, or a package is missing.
    """
    if not session.signals:
        raise RtemoError(f"{session.target} has no signal to export", "neither EEG nor gaze has a sample")
    _check_root(root)
    _check_participant(root, session)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".rtemo-export-", dir=root) as folder:
        stage = Path(folder)
        notes = _write_session(stage, session, eeg_format)
        moved = sorted(path.relative_to(stage) for path in stage.rglob("*") if path.is_file())
        there = [path for path in moved if not _is_scans(path) and _differs(root / path, stage / path)]
        if there:
            todo = "name another --session or --run, or take the old export away"
            raise RtemoError(f"{session.entities.stem} is in {root} already", f"{there[0]} exists", todo)
        for path in moved:
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if _is_scans(path):
                _join_tables(target, stage / path)
            else:
                (stage / path).replace(target)
    _write_root(root, session)
    return notes


def _check_root(root: Path) -> None:
    """Refuse a folder of other things. One that an interrupted export left has parts of a data set only."""
    if not root.is_dir() or (root / "dataset_description.json").is_file():
        return
    others = sorted(one.name for one in root.iterdir() if not _PART_OF_BIDS.fullmatch(one.name))
    if others:
        found = f"it has no dataset_description.json, and holds {', '.join(others[:3])}"
        raise RtemoError(f"{root} is no BIDS data set", found, "name a new folder, or the root of a data set")


def _write_session(stage: Path, session: RecordedSession, eeg_format: EegFormat) -> list[str]:
    entities = session.entities
    eeg, gaze = session.signals.get(Modality.EEG), session.signals.get(Modality.GAZE)
    folder = stage / entities.folder / ("eeg" if eeg is not None else "beh")
    folder.mkdir(parents=True)
    timeline = BidsTimeline.of(eeg, gaze, continuous=eeg_format == "edf")
    notes = [f"{entities.stem}: {notice}" for notice in session.notices]
    data: list[Path] = []
    if eeg is not None:
        path, rate_hz = write_eeg(folder, session, eeg, eeg_format)
        timeline = replace(timeline, rate_hz=rate_hz)
        data.append(path)
        notes += [f"{entities.stem}: EEG: {note}" for note in eeg.notes]
        notes += [f"{entities.stem}: EEG: {len(eeg.gaps)} gaps"] if eeg.gaps else []
    if gaze is not None:
        eyes = write_eyes(folder, session, gaze, timeline)
        data += eyes
        notes += [f"{entities.stem}: gaze: {note}" for note in gaze.notes]
        notes += [] if eyes else [f"{entities.stem}: gaze: no eye has a valid sample, so there is no eye-tracking"]
    write_events(folder, session, timeline)
    write_ratings(stage / entities.folder / "beh", session, timeline)
    where = stage / DERIVATIVES / entities.folder / folder.name
    if not write_predictions(where, session, timeline):
        notes.append(f"{entities.stem}: it has no predictions.csv, so derivatives hold nothing of it")
    _write_scans(stage, session, data if eeg is None else data[:1])
    _copy_sources(stage / "sourcedata" / "rtemo" / entities.folder, session)
    return notes


def _write_scans(stage: Path, session: RecordedSession, data: Sequence[Path]) -> None:
    entities = session.entities
    own = stage / entities.folder
    began = f"{session.began:%Y-%m-%dT%H:%M:%S}" if session.began is not None else None
    rows = [(path.relative_to(own).as_posix(), began) for path in data]
    if rows:
        path = own / f"sub-{entities.subject}_ses-{entities.session}_scans.tsv"
        write_table(path, ("filename", "acq_time"), rows)


def _copy_sources(folder: Path, session: RecordedSession) -> None:
    """The recording with its parts under their own names, since these lead from one part to the next."""
    if not session.files:
        return
    folder = folder / session.entities.stem
    folder.mkdir(parents=True)
    for path in session.files:
        shutil.copyfile(path, folder / path.name)


def _differs(there: Path, new: Path) -> bool:
    """Whether a file is there already, and is not what would be written: what belongs to a session may be the same."""
    return there.exists() and (not _of_session(there) or there.read_bytes() != new.read_bytes())


def _of_session(path: Path) -> bool:
    """Whether all runs of a session share the file."""
    return path.name.endswith(("_electrodes.tsv", "_coordsystem.json"))


def _is_scans(path: Path) -> bool:
    return path.name.endswith("_scans.tsv")


def _join_tables(target: Path, new: Path) -> None:
    """Add the rows of a table to one that is there."""
    columns, rows = read_rows(new)
    before, old = read_rows(target)
    if before and before != columns:
        raise RtemoError(f"{target} has other columns", ", ".join(before), "export to another folder")
    write_table(target, columns, sorted([*old, *(row for row in rows if row not in old)]))


def _check_participant(root: Path, session: RecordedSession) -> None:
    """Two people whose names give one label would become one person."""
    columns, rows = read_rows(root / "participants.tsv")
    if not columns or "name_in_sessions" not in columns:
        return
    at = columns.index("name_in_sessions")
    for row in rows:
        if row[0] == f"sub-{session.entities.subject}" and row[at] != session.participant:
            found = f"{row[at]!r} and {session.participant!r} both give {row[0]}"
            raise RtemoError("two participants would share a BIDS label", found, "name one of them with --subject")


def _write_root(root: Path, session: RecordedSession) -> None:
    """The files about the whole data set; what is there is kept."""
    made_by = [{"Name": "rtemo", "Version": rtemo.__version__}]
    name = root.resolve().name
    about = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "HEDVersion": HED_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": made_by,
    }
    derived = {
        "Name": f"emotion estimates of {name}",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": made_by,
    }
    if not (root / "dataset_description.json").exists():
        write_json(root / "dataset_description.json", about)
    if (root / DERIVATIVES).is_dir() and not (root / DERIVATIVES / "dataset_description.json").exists():
        write_json(root / DERIVATIVES / "dataset_description.json", derived)
        readme = f"# Emotion estimates\n\nMade by rtemo {rtemo.__version__} while the sessions were recorded.\n"
        (root / DERIVATIVES / "README.md").write_text(readme, encoding="utf-8")
    if not any((root / one).exists() for one in ("README", "README.md", "README.txt", "README.rst")):
        (root / "README.md").write_text(_README.format(name=name, version=rtemo.__version__), encoding="utf-8")
    participants = root / "participants.tsv"
    columns, rows = read_rows(participants)
    columns = columns or list(_PARTICIPANTS)
    values = {"participant_id": f"sub-{session.entities.subject}", "name_in_sessions": session.participant}
    if values["participant_id"] not in [row[0] for row in rows]:
        rows.append([values.get(column, "n/a") for column in columns])
    write_table(participants, columns, sorted(rows))
    if not participants.with_suffix(".json").exists():
        write_json(participants.with_suffix(".json"), _PARTICIPANTS)
    (root / "code").mkdir(exist_ok=True)
    if not (root / "code" / TRIALS_FILE).exists():
        write_trial_rules(root / "code" / TRIALS_FILE)
