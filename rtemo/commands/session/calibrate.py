"""`rtemo calibrate`: a labelled recording of one person becomes a personal calibration."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path

from rtemo.commands.arguments import add_bundle, add_queries
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal, warn
from rtemo.commands.from_arguments import load_model, open_recording
from rtemo.commands.session.replay import progress_bar, with_progress
from rtemo.commands.summary import print_event
from rtemo.core.errors import RtemoError
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import save_person
from rtemo.model.personal.embedding_memory import EmbeddingMemory
from rtemo.model.personal.fit import fit_person
from rtemo.model.personal.session_notes import LabelGiven, LabelWithdrawn
from rtemo.recordings.events import EventKind, EventLog
from rtemo.recordings.markers import labelled_clips

HOP_S = 1.0  # one window a second is what a fit uses
COLUMNS = ("label", "begin_s", "end_s")

Stretch = tuple[str, float, float]


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("file", type=Path, metavar="SESSION.xdf")
    p.add_argument(
        "--labels", required=True, metavar="FILE.csv|markers|reports",
        help="columns label, begin_s, end_s in seconds after the first sample; or the clips that rtemo's markers name; "
        "or the labels that were given in the session",
    )  # fmt: skip
    p.add_argument("--out", type=Path, required=True, metavar="PERSON.json", help="the file to write")
    add_bundle(p)
    add_queries(p, markers=False)
    p.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Fit, judge on held-out clips, and write the file only where it is better."""
    if args.out.exists():  # before the work, not after it
        raise RtemoError(f"{args.out} exists already", "nothing is overwritten", "name another file")
    bundle, predictor = load_model(args.model, HOP_S)
    memory = EmbeddingMemory(bundle.spec)
    predictor.watches.append(memory.take)
    recording = open_recording(args, args.file)
    log = EventLog()
    log.listen(print_event)
    labels: list[Stretch] = []
    if args.labels == "reports":
        labels = _from_reports(recording.facts.notes)
    elif args.labels != "markers":
        labels = _from_csv(Path(args.labels), recording.source.first_s)
    with stop_on_signal() as stop, progress_bar(recording.source, quiet=args.quiet) as bar:
        source = with_progress(recording.source, recording, bar)
        replay_engine(recording, predictor, bundle, log, warn=warn, source=source).run(recording.opening, stop)
    if stop.is_set():
        return INTERRUPTED
    if args.labels == "markers":
        labels = labelled_clips((one.time_s, one.text) for one in log.events if one.kind is EventKind.MARKER)
    if not labels:
        raise RtemoError(f"{args.file} has no labels", f"looked for {args.labels}", "give --labels FILE.csv")
    clips = [memory.clip(_index(bundle, label), begin_s, end_s) for label, begin_s, end_s in labels]
    outcome = fit_person(bundle, clips)
    if outcome.person is None:
        raise RtemoError("no calibration was written", outcome.verdict, "label more clips, or go on without")
    save_person(args.out, outcome.person)
    say(outcome.verdict)
    print(args.out)
    return 0


def _index(bundle: Bundle, label: str) -> int:
    if label not in bundle.labels:
        raise RtemoError(f"the model has no label {label!r}", "", f"its labels are {', '.join(bundle.labels)}")
    return bundle.labels.index(label)


def _from_csv(path: Path, first_s: float) -> list[Stretch]:
    """The stretches in LSL time."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RtemoError(f"{path} cannot be read", str(error), "name a CSV file with labels") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise RtemoError(f"{path} has no labels", f"found {list(rows[0]) if rows else 'nothing'}", f"need {COLUMNS}")
    return [_stretch(path, number, row, first_s) for number, row in enumerate(rows, start=2)]


def _stretch(path: Path, number: int, row: dict[str, str], first_s: float) -> Stretch:
    try:
        begin_s, end_s = float(row["begin_s"]), float(row["end_s"])
    except (TypeError, ValueError):
        begin_s = end_s = math.nan
    if not begin_s < end_s:
        raise RtemoError(f"{path}, line {number}: no stretch of time", f"found {dict(row)}", "give begin_s < end_s")
    return row["label"].strip(), first_s + begin_s, first_s + end_s


def _from_reports(notes: Sequence[tuple[float, object]]) -> list[Stretch]:
    forgotten = {note.number for _, note in notes if isinstance(note, LabelWithdrawn)}
    labelled = [note for _, note in notes if isinstance(note, LabelGiven) and note.number not in forgotten]
    return [(note.label, note.begin_s, note.end_s) for note in labelled]
