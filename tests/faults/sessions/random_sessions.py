"""`python -m tests.faults sessions -n 200 [--first SEED] [--people N] [--eyes 2]`: random sessions and replays.

A seed decides what is wrong with the streams (up to two faults), when they are lost, changed and found again, when the
engine is killed, and what is asked of it meanwhile. Predictions of windows that nobody forced must be the replay's,
digit by digit; what people read off those before a forced window, smoothed ones, are compared up to it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import tempfile
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rtemo.commands.from_arguments import load_model
from rtemo.core.types import Modality
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.model.prediction import csv_header
from rtemo.recordings.events import EventLog
from rtemo.recordings.open_recording import OpenRecording, open_each
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, with_participants
from rtemo.sources.stream_choice import StreamQuery

from ..plan import GAZE, Sent, build
from .fed_session import BUNDLE, PROFILES, Act, FedSession

T0, HOP_S = 5000.0, 0.25
SECOND = Modality.SECOND_EYE.value
NOT_COMPARED = {"latency_ms", "late", "participant", "age_s", "forced"}
SMOOTHED = ("emotion", "abstain", "valence", "arousal", "smoothed", "set")  # depend on the windows before
MOST_ONLY_IN_REPLAY = 8  # windows: those after the session's end, and those that were given up
Change = tuple[str, dict[str, Any]]


@dataclass(slots=True)
class Case:
    """A session of so many seconds: changes of each participant's streams (see plan.py), acts, the baseline's setting.

    changes: by participant; of somebody alone, by "". second: of the right eye's stream, where each eye has one.
    """

    seconds: float
    tick_s: float
    changes: dict[str, list[Change]] = field(default_factory=dict)
    second: dict[str, list[Change]] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    baseline: str = ""


class Draw:
    """Random numbers of a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def one_of(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def often(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def role(self) -> str:
        return str(self.one_of("eeg", "gaze"))


def case_of(seed: int, n_people: int = 1, n_eyes: int = 1) -> Case:
    """What a seed stands for. The first of several participants has what the seed gives to somebody alone."""
    draw = Draw(seed)
    case = Case(draw.one_of(30.0, 38.0, 45.0), draw.one_of(0.02, 0.05, 0.1, 0.25))
    names = [f"P{number:02d}" for number in range(1, n_people + 1)] if n_people > 1 else [""]
    case.changes[names[0]] = _changes(draw, case.seconds)
    case.acts = _acts(draw, case.seconds)
    markers = [options for kind, options in case.changes[names[0]] if kind == "markers"]
    if any(options["every_s"] == 4.0 for options in markers) and draw.often(0.3):
        case.baseline = "marker=clip_1,clip_3"
    for whose in names[1:]:
        case.changes[whose] = [change for change in _changes(draw, case.seconds) if change[0] != "markers"]
        own = [act for act in _acts(draw, case.seconds) if act.name not in ("save", "crash")]  # of the whole session
        case.acts += [act._replace(options={**act.options, "whose": whose}) for act in own]
    for whose in names if n_eyes > 1 else ():
        of_gaze = [change for change in _changes(draw, case.seconds) if change[1].get("role") == GAZE]
        rates = [change for change in case.changes[whose] if change[0] == "rates"]
        case.second[whose] = [*rates, *of_gaze]
        case.acts += _losses(draw, case.seconds, math.nan, SECOND, whose)
    if n_eyes > 1 and draw.often(0.2):
        _silence_an_eye(draw, case, names[0])
    return case


def _silence_an_eye(draw: Draw, case: Case, whose: str) -> None:
    """Longer than the other one waits for it, and never lost: it pauses, or begins late."""
    of_eye = draw.one_of(case.changes, case.second)[whose]
    to_s = draw.between(26.0, 50.0)
    case.seconds = to_s + draw.between(5.0, 12.0)
    if draw.often(0.5):
        of_eye.append(("pause", {"role": GAZE, "spans": ((draw.between(1.0, to_s - 25.0), to_s),)}))
    else:
        of_eye.append(("life", {"role": GAZE, "from_s": to_s, "to_s": case.seconds}))


def _changes(draw: Draw, seconds: float) -> list[Change]:
    """What is wrong with one participant's streams."""
    changes: list[Change] = []
    if draw.often(0.3):
        rates = {"eeg_hz": draw.one_of(128.0, 250.0, 500.0), "gaze_hz": draw.one_of(10.0, 60.0, 120.0, 300.0)}
        changes.append(("rates", rates))
    kinds = draw.rng.choice(len(KINDS), draw.one_of(0, 1, 2), replace=False)
    return changes + [(KINDS[kind], _options(KINDS[kind], draw, seconds)) for kind in kinds]


KINDS = (
    *("stamp", "pause", "burst", "clock_step", "clock_slope", "foreign_clock", "jitter", "blocks", "lost", "twice"),
    *("swapped", "life", "restart", "restart", "constant", "described", "values", "markers"),
)


def _options(kind: str, draw: Draw, seconds: float) -> dict[str, Any]:
    """Of one kind of plan.py's changes."""
    role, at_s = draw.role(), draw.between(3.0, seconds - 6.0)
    to_s = at_s + draw.between(0.2, 5.0)
    match kind:
        case "stamp":
            return {
                "role": role,
                "at_s": at_s,
                "shift_s": draw.one_of(-30.0, -5.0, 50.0, 0.5, -0.5),
                "n": draw.one_of(1, 3, 10),
            }
        case "pause" | "burst":
            return {"role": role, "spans": ((at_s, to_s),)}
        case "clock_step":
            shift_s = draw.one_of(-10.0, 10.0, 0.5, -0.5, -0.1, 0.1, 1.1, -1.1, 3600.0, -3600.0)
            return {"role": role, "at_s": at_s, "shift_s": shift_s, "measured": draw.often(0.4)}
        case "clock_slope":
            share = draw.one_of(1e-4, -1e-4, 1e-3, -0.01, 0.01)
            return {"role": role, "share": share, "from_s": at_s, "measured": draw.often(0.5)}
        case "foreign_clock":
            return {"role": role, "shift_s": draw.one_of(-4000.0, 7000.0, 1e6)}
        case "jitter":
            return {"role": role, "ms": draw.one_of(1.0, 5.0, 20.0), "shape": draw.one_of("uniform", "late", "gauss")}
        case "blocks":
            return {"role": role, "n": draw.one_of(4, 8, 25), "spread": draw.often(0.5)}
        case "lost":
            return {"role": role, "share": draw.one_of(0.01, 0.1), "run": draw.one_of(1, 10)}
        case "twice":
            return {"role": role, "from_s": at_s, "to_s": to_s, "block": draw.one_of(1, 10, 25)}
        case "swapped":
            return {"role": role, "share": 0.02}
        case "life":
            return {"role": role, "from_s": draw.between(0.0, 12.0), "to_s": seconds - draw.between(0.0, 12.0)}
        case "restart":
            at_s = draw.one_of(at_s, round(at_s / HOP_S) * HOP_S)
            changed: list[dict[str, Any]] = [{}, {"format": "double64"}, {"source_id": "another"}]
            changed += [{"rate_hz": 500.0}, {"n_channels": 8}] if role == "eeg" else []
            return {
                "role": role,
                "at_s": max(at_s, 6.0),
                "gap_s": draw.one_of(0.0, 0.02, 0.3, 1.0, 4.0),
                **draw.one_of(*changed),
            }
        case "constant":
            return {"role": role, "from_s": at_s, "to_s": to_s}
        case "described":
            return {"role": role, "nominal_hz": draw.one_of(0.0, 100.0, 253.0, 1000.0)}
        case "values":
            return {"role": role, "from_s": at_s, "to_s": to_s, "value": draw.one_of(math.nan, math.inf, 3e38, 0.0)}
        case "markers":
            return {
                "every_s": draw.one_of(4.0, 0.5),
                "columns": draw.one_of(1, 2),
                "nominal_hz": draw.one_of(0.0, 100.0),
            }
        case _:
            raise ValueError(kind)


def _acts(draw: Draw, seconds: float) -> list[Act]:
    """A rest, losses (half of them about its end, where it takes effect), kills and what a person asks for."""
    acts, effect_s = [], math.nan
    if draw.often(0.6):
        begin_s, length_s = draw.between(1.0, 4.0), round(draw.between(20.0, 21.0), 1)
        acts.append(Act(begin_s, "rest", {"seconds": length_s}))
        effect_s = begin_s + length_s
    acts += _losses(draw, seconds, effect_s)
    for _ in range(draw.one_of(0, 1, 2)):
        at_s = draw.between(3.0, seconds - 1.0)
        if draw.often(0.5):
            acts.append(Act(at_s - draw.between(0.1, 6.0), "save", {}))
        acts.append(Act(at_s, "crash", {}))
    for _ in range(draw.one_of(0, 1, 2)):
        label = {"label": draw.one_of("sad", "happy"), "back_s": draw.between(1.0, 5.0)}
        acts.append(Act(draw.between(5.0, seconds - 1.0), "label", label))
    if draw.often(0.3):
        acts.append(Act(draw.between(3.0, seconds - 1.0), "mark", {"label": "C3", "mark": draw.one_of("bad", "good")}))
    if draw.often(0.2):
        acts.append(Act(draw.between(3.0, seconds - 1.0), "annotate", {"text": "a note"}))
    return acts


def _losses(draw: Draw, seconds: float, effect_s: float, only: str = "", whose: str = "") -> list[Act]:
    """Up to two, each of which ends. only: of streams of this role."""
    acts: list[Act] = []
    for _ in range(draw.one_of(0, 1, 2)):
        near = not math.isnan(effect_s) and draw.often(0.5)
        at_s = effect_s + draw.between(-3.0, 4.0) if near else draw.between(2.0, seconds - 2.0)
        options = {"role": only or draw.role()} | ({"whose": whose} if whose else {})
        acts.append(Act(at_s, "lose", options))
        acts.append(Act(at_s + draw.between(0.3, 6.0), "find", {**options, "burst": draw.often(0.5)}))
    return acts


def problems_of(case: Case, seed: int, root: Path) -> tuple[int, list[str]]:
    """How many predictions a session gave, and what is wrong with it or its replay."""
    plans = {
        whose: build(tuple(changes), case.seconds, T0, seed=seed + number)
        for number, (whose, changes) in enumerate(case.changes.items())
    }
    for whose, changes in case.second.items():
        own, other = plans[whose], build(tuple(changes), case.seconds, T0, seed=seed + 100)
        for sent in own.of(GAZE):
            _keep_eye(sent, "left")
        own.sent += [_keep_eye(sent, "right") for sent in other.of(GAZE)]
    session = FedSession(plans, root, _settings(case), case.acts, case.tick_s, HOP_S)
    folder = session.run()
    n, found = compare(folder)
    return n, found + [f"event: {text}" for text in session.events if "Traceback" in text or "Error" in text]


def _keep_eye(sent: Sent, eye: str) -> Sent:
    """Keep one eye's columns, in an outlet of that eye's own."""
    about = sent.description
    columns = [number for number, label in enumerate(about["labels"]) if label.startswith(eye)]
    sent.values = sent.values[:, columns]
    for name in ("labels", "units"):
        about[name] = [about[name][number] for number in columns]
    about |= {"n_channels": len(columns), "name": f"{about['name']} {eye}", "source_id": f"{about['source_id']} {eye}"}
    sent.role = GAZE if eye == "left" else SECOND
    return sent


def _settings(case: Case) -> SessionSettings:
    tracker = "Tobii left" if case.second else "Tobii"
    if "" in case.changes:
        eyes = {Modality.GAZE: "name=Tobii left", Modality.SECOND_EYE: "name=Tobii right"} if case.second else {}
        queries = {part: StreamQuery.parse(text) for part, text in eyes.items()}
        return SessionSettings(subject="P", baseline=case.baseline, queries=queries)
    said = []
    for whose in case.changes:
        second = f"; second_eye=name=Tobii right {whose}" if case.second else ""
        said.append(parse_participant(f"{whose}: eeg=name=Amp {whose}; gaze=name={tracker} {whose}{second}"))
    return with_participants(SessionSettings(baseline=case.baseline), said)


class _Rows:
    """Takes the rows of a replay."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def put(self, prediction: Any) -> None:
        self.rows.append(dict(zip(csv_header(BUNDLE.labels), prediction.csv_row(), strict=True)))


def compare(folder: SessionFolder) -> tuple[int, list[str]]:
    """How many predictions a session gave, and where its replay differs."""
    with folder.predictions.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found: list[str] = []
    for recording in open_each(lambda whose: OpenRecording(folder.recording, PROFILES, participant=whose)):
        log, kept, warnings = EventLog(), _Rows(), list[str]()
        engine = replay_engine(recording, load_model(None, HOP_S)[1], BUNDLE, log, [kept], warn=warnings.append)
        engine.run(recording.opening, threading.Event())
        own = [row for row in rows if row.get("participant", "") == recording.participant]
        found += [f"a warning: {text}" for text in warnings]
        found += _differences(own, {row["time_s"]: row for row in kept.rows})
    return len(rows), found


def _differences(rows: Sequence[dict[str, str]], replayed: dict[str, dict[str, Any]]) -> list[str]:
    forced = [row for row in rows if row["forced"] == "true"]
    forced_s = min((float(row["time_s"]) for row in forced), default=math.inf)
    absent, differ = [], []
    for row in rows:
        if row["forced"] == "true":
            continue
        again = replayed.get(row["time_s"])
        if again is None:
            absent.append(row["time_s"])
            continue
        free = float(row["time_s"]) >= forced_s
        keys = [key for key in row if key not in NOT_COMPARED and not (free and key.startswith(SMOOTHED))]
        wrong = {key: (row[key], str(again[key])) for key in keys if str(again[key]) != row[key]}
        if wrong:
            differ.append((row["time_s"], dict(list(wrong.items())[:3])))
    more = [time_s for time_s in replayed if time_s not in {row["time_s"] for row in rows}]
    n = f"of {len(rows)}, {len(forced)} forced"
    found = [f"{len(absent)} {n}, are not in the replay: {absent[:3]}"] if absent else []
    found += [f"{len(differ)} {n}, differ in the replay: {differ[:2]}"] if differ else []
    return found + (
        [f"{len(more)} are only in the replay: {more[:3]}"] if rows and len(more) > MOST_ONLY_IN_REPLAY else []
    )


def main(arguments: list[str]) -> int:
    """The command."""
    p = argparse.ArgumentParser(prog="python -m tests.faults sessions", description=__doc__)
    p.add_argument("-n", type=int, default=100)
    p.add_argument("--first", type=int, default=0, metavar="SEED")
    p.add_argument("--people", type=int, default=1, metavar="N", help="in each session")
    p.add_argument("--eyes", type=int, default=1, choices=(1, 2), help="2: each has a stream of its own")
    args = p.parse_args(arguments)
    wrong, begun_s, total = [], time.monotonic(), 0
    for seed in range(args.first, args.first + args.n):
        case = case_of(seed, args.people, args.eyes)
        try:
            with tempfile.TemporaryDirectory(prefix="rtemo-session-") as name:
                n, found = problems_of(case, seed, Path(name))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            n, found = 0, [f"{type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}"]
        total += n
        print(f"{seed}: {'right' if not found else '; '.join(found)} ({n})", flush=True)
        if found:
            wrong.append(seed)
            print(
                json.dumps({"seconds": case.seconds, "tick_s": case.tick_s, "changes": case.changes, "acts": case.acts})
            )
    seconds = time.monotonic() - begun_s
    print(f"{args.n} sessions, {total} predictions, {len(wrong)} wrong {wrong or ''} in {seconds:.0f} s")
    return 1 if wrong else 0
