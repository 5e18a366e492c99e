"""Personal calibrations that a session or a replay uses: those that are asked for, and a recorded session's own."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration, load_person, save_person
from rtemo.model.personal.session_notes import CalibrationBegun, Note
from rtemo.model.predictor import Predictor
from rtemo.recordings.session_folder import beside


def load_persons(paths: Iterable[Path], bundle: Bundle) -> tuple[PersonalCalibration, ...]:
    """Raises RtemoError where one cannot be read or was made for another bundle."""
    return tuple(load_person(path, bundle) for path in paths)


def recorded_persons(
    recording: Path,
    bundle: Bundle,
    notes: Iterable[tuple[float, Note]],
    given: Sequence[PersonalCalibration] = (),
    participant: str = "",
) -> tuple[tuple[PersonalCalibration, ...], tuple[str, ...]]:
    """The calibrations of the session that was recorded, which lie beside its file, and what is missing of them.

    given: what is asked for anyway, which may be among them. participant: whose, of several.
    """
    begun = {note.from_s for _, note in notes if isinstance(note, CalibrationBegun)} - {p.holds_s for p in given}
    found: dict[float, PersonalCalibration] = {}
    missing = []
    for path in _files(recording, participant) if begun else ():
        try:
            person = load_person(path, bundle)
        except RtemoError as error:
            missing.append(str(error))
        else:
            if person.holds_s is not None and person.holds_s in begun:
                found[person.holds_s] = person
    if begun - set(found):
        lost = "the session used a personal calibration that is not beside its recording"
        missing.append(f"{lost}; give it with --person")
    return tuple(found.values()), tuple(missing)


def save_beside(recording: Path, person: PersonalCalibration, participant: str = "") -> Path:
    """Keep a calibration that the session of this recording uses. Returns its file. participant: whose, of several."""
    for number in range(1, 1000):
        path = beside(recording, "person.json" if number == 1 else f"person_{number}.json", participant)
        if not path.exists():
            save_person(path, person)
            return path
    raise RtemoError(f"no calibration can be kept beside {recording}", "its names are taken", "move some of them away")


def _files(recording: Path, participant: str) -> list[Path]:
    pattern = beside(recording, "person*.json", participant).name
    return sorted(recording.parent.glob(f"{glob.escape(pattern.removesuffix('person*.json'))}person*.json"))


def use_persons(
    persons: Iterable[PersonalCalibration], predictor: Predictor, notes: Sequence[tuple[float, Note]] = ()
) -> None:
    """Decide with these calibrations, and with what was noted in the recording that is replayed.

    A calibration that was made or begun with in that very session counts from when on it did there, any other one from
    the start.
    """
    begun = {note.from_s for _, note in notes if isinstance(note, CalibrationBegun)}
    for person in persons:
        holds_s = person.holds_s
        predictor.adopt(person, holds_s if holds_s is not None and holds_s in begun else float("-inf"))
    for time_s, note in notes:
        predictor.note(note, time_s)
