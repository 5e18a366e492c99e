"""`rtemo export`: sessions and recordings for other programs, as BIDS, FIF, EDF or CSV."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from rtemo.commands.console import say, tidied, warn
from rtemo.commands.data.staged import staged
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.export.bids import export_bids
from rtemo.export.csv_files import check_free, write_csv
from rtemo.export.edf import patient_code, write_edf
from rtemo.export.mne_raw import raw_of, write_fif
from rtemo.export.recorded_session import AskedEntities, RecordedSession, read_each_recorded, read_recorded
from rtemo.sources.devices.profile import DeviceProfile, known_profiles


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("targets", type=Path, nargs="+", metavar="SESSION_DIR|FILE.xdf")
    kinds = p.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--bids", type=Path, metavar="ROOT", help="add them to a BIDS data set, or make one")
    kinds.add_argument("--mne", type=Path, metavar="FILE.fif", help="one recording as a FIF file (needs mne)")
    kinds.add_argument("--edf", type=Path, metavar="FILE.edf", help="its EEG and events as EDF+ (needs edfio)")
    kinds.add_argument("--csv", type=Path, metavar="DIR", help="one recording as tables")
    p.add_argument("--eeg-format", choices=("brainvision", "edf"), default="brainvision", help="of the EEG in BIDS")
    p.add_argument("--subject", default="", help="who was recorded (default: as in the session)")
    p.add_argument("--participant", default="", metavar="ID", help="of several (default in BIDS: each as a subject)")
    p.add_argument("--session", default="", help="BIDS session (default: the session's date and time)")
    p.add_argument("--task", default="", help="BIDS task (default: by the file's name, else emotion)")
    p.add_argument(
        "--run", type=int, dest="run_number", metavar="N", help="BIDS run (default: by the file's name, else none)"
    )


def run(args: argparse.Namespace) -> int:
    """Export everything that is named."""
    asked = AskedEntities(args.subject, args.session, args.task, args.run_number)
    if len(args.targets) > 1 and args.bids is None:
        raise RtemoError("one file holds one recording", f"{len(args.targets)} are named", "export them one by one")
    if len(args.targets) > 1 and (args.subject or args.session or args.run_number is not None):
        raise RtemoError("--subject, --session and --run name one recording", f"{len(args.targets)} are named")
    for path, endings in ((args.mne, (".fif", ".fif.gz")), (args.edf, (".edf",))):
        if path is not None and not path.name.casefold().endswith(endings):
            named = " or ".join(endings)
            raise RtemoError(f"{path} would not be read again by its name", f"it does not end in {named}", "name it so")
        if path is not None and path.exists():
            raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file")
    profiles = known_profiles()
    with tidied():
        for target in args.targets:
            for session in _sessions(args, target, profiles, asked):
                for note in _export(args, session):
                    warn(note)
                say(f"{target}: exported as {session.entities.stem if args.bids is not None else _where(args)}")
    return 0


def _sessions(
    args: argparse.Namespace, target: Path, profiles: Sequence[DeviceProfile], asked: AskedEntities
) -> Iterable[RecordedSession]:
    """The recording; in BIDS for each of several participants, else for the one who is named."""
    if args.bids is not None:
        return read_each_recorded(target, profiles, asked, args.participant)
    return [read_recorded(target, profiles, asked, args.participant)]


def _export(args: argparse.Namespace, session: RecordedSession) -> list[str]:
    """Write one recording. Returns what a reader should know."""
    if args.bids is not None:
        return export_bids(args.bids, session, args.eeg_format)
    notes = [*session.notices, *(note for signal in session.signals.values() for note in signal.notes)]
    events = [*session.markers, *session.events]
    if args.csv is not None:
        check_free(args.csv)
        with staged(args.csv) as place:
            write_csv(place, session)
    elif args.mne is not None:
        raw = raw_of(session.signals, events, session.settings.screen)
        with staged(args.mne.parent) as place:
            write_fif(place / args.mne.name, raw)
    else:
        eeg = session.signals.get(Modality.EEG)
        if eeg is None:
            raise RtemoError(f"{session.target} has no EEG", "EDF files hold EEG", "export it with --csv or --bids")
        inside = [event for event in events if eeg.first_s <= event.time_s <= eeg.last_s]
        texts = [(event.time_s - eeg.first_s, None, " ".join(event.text.split())) for event in inside]
        with staged(args.edf.parent) as place:
            write_edf(place / args.edf.name, eeg, session.began, texts, session.participant)
        if (code := patient_code(session.participant)) != session.participant and session.participant:
            notes.append(f"EDF's header takes ASCII without blanks: {session.participant!r} is {code!r} there")
        if eeg.gaps:
            hint = "programs that do not read its records' times, such as MNE, put what follows too early: use --mne"
            notes.append(f"{len(eeg.gaps)} gaps make it an EDF+D file; {hint}")
    return notes


def _where(args: argparse.Namespace) -> Path:
    found: Path = args.mne or args.edf or args.csv
    return found
