"""Which files of a BIDS folder make up a session: the runs, the eye files of each, and the side-cars above them.

Looks at names only. What belongs to no run is listed, and one recording in two formats counts once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from offline.datasets.account import Account
from offline.datasets.base import Omission
from offline.datasets.bids.eyetrack import PHYSIO, belongs, is_eyetracking, physio_files
from offline.datasets.bids.more_columns import table_files
from offline.datasets.bids.names import entities_of, side_cars
from offline.datasets.bids.side_cars import SideCars
from offline.datasets.mapping import TrialMap

ENDINGS = (".vhdr", ".edf", ".bdf", ".set")
PARTS = (".eeg", ".vmrk", ".fdt", ".json", ".tsv")  # what belongs to one of ENDINGS


@dataclass(frozen=True, slots=True)
class Session:
    """What is known of a session before any of its files is opened. eyes: the eye files of each run."""

    root: Path
    dataset: str
    subject: str
    name: str
    paths: tuple[Path, ...]
    eyes: Mapping[Path, tuple[Path, ...]]  # by run: by its EEG file, or by its first eye file where there is no EEG
    rules: TrialMap
    files: tuple[Path, ...]
    omissions: tuple[Omission, ...]


def session_of_eeg(
    root: Path, dataset: str, subject: str, name: str, paths: Sequence[Path], rules: TrialMap
) -> Session:
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
    return Session(root, dataset, subject, name, tuple(ordered), eyes, rules, files, tuple(omissions))


def eyes_alone(root: Path, eeg: Collection[tuple[str, str]], account: Account) -> dict[tuple[str, str], list[Path]]:
    """The eye files of the sessions without EEG; listed is what looks like one and cannot be known to be."""
    found: dict[tuple[str, str], list[Path]] = {}
    cars = SideCars(root, account)
    for path in (path for suffix in PHYSIO for path in sorted(root.glob(f"sub-*/**/*_{suffix}.tsv*"))):
        entities = entities_of(path)
        key = (entities.get("sub", ""), entities.get("ses", ""))
        if key in eeg:
            continue
        with account.omitting("gaze", path.name):
            if is_eyetracking(cars, path):
                found.setdefault(key, []).append(path)
    return found


def session_of_eyes(
    root: Path, dataset: str, subject: str, name: str, paths: Sequence[Path], rules: TrialMap
) -> Session:
    """A session without EEG: one run for all eye files that differ in `recording` only."""
    runs: dict[str, list[Path]] = {}
    for path in sorted(paths):
        runs.setdefault(str(entities_of(path, ("recording",))), []).append(path)
    eyes = {files[0]: tuple(files) for files in runs.values()}
    files = _files(root, tuple(eyes), paths, rules)
    return Session(root, dataset, subject, name, tuple(eyes), eyes, rules, files, ())


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
