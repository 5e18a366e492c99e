"""A session, its replay, the window, the report and the corpus see the same windows and predictions.

Every way of beginning: without a baseline, with one that the researcher starts, that is planned between markers, or
that was saved before; with and without a personal calibration and a self-report; in the window and headless. Whichever
three of these four one names, all that they can be together is tried.
"""

from __future__ import annotations

import csv
import itertools
import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from hand_fed import BUNDLE, FIRST, PROFILES, RUNTIME, FedSession, Lab, setup_of, wait_for

from offline.__main__ import main as offline
from rtemo.cli import main
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import Chunk, StreamUp
from rtemo.live.output.prediction_files import open_output
from rtemo.live.replay.analysis import Analysis
from rtemo.model.bundle import LinearHead
from rtemo.model.decoder import Decoder
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.predictor import Predictor
from rtemo.recordings.baseline_file import save_baseline
from rtemo.recordings.events import EventKind
from rtemo.report.read_session import ReportInputs, read_session
from rtemo.simulate.caps import spread
from rtemo.simulate.plan import PlannedClip, SimulationPlan, segments_for_clips
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

HOP_S = 0.5
BEFORE_S, SESSION_S = 2.0, 40.0
MARKERS = "marker=baseline/start,baseline/end"
SETTINGS = FIRST.pipeline.settings.with_hop(HOP_S)


def new_predictor():
    return Predictor(Pipeline(SETTINGS), RUNTIME, Decoder(BUNDLE))


@pytest.fixture(scope="module")
def person():
    """Rest from 3 to 29 s, marked, then a clip."""
    clips = segments_for_clips([PlannedClip(1, "fear", 30.0)], 26.0, 0.0)
    segments = tuple(replace(one, start_s=one.start_s + 3.0, stop_s=one.stop_s + 3.0) for one in clips)
    plan = SimulationPlan(3, 1, segments, 0, spread(8), 250, 60.0)
    return SimulatedSession(plan)


@pytest.fixture(scope="module")
def saved(person, tmp_path_factory):
    """A baseline that was measured before."""
    pipeline, roles = Pipeline(SETTINGS), StreamRoles(PROFILES)
    roles.choose(person.streams)
    for info in person.streams:
        if (role := roles.role_of(info)) in ("eeg", "gaze"):
            pipeline.add_stream(info, roles.layout(info, role))
    pipeline.rest(person.plan.start_s + 5.0, person.plan.start_s + 30.0)
    for item in person.items(block_s=0.5):
        if not isinstance(item, StreamUp):
            pipeline.push(item)
    path = tmp_path_factory.mktemp("saved") / "baseline.json"
    save_baseline(path, pipeline.baselines(), SETTINGS, "P", datetime(2026, 1, 2, 3, 4, 5))
    return path


def calibration():
    """Heads that name the labels in another order: every prediction differs."""
    heads = {name: LinearHead(np.roll(h.weight, 1, axis=0), np.roll(h.bias, 1)) for name, h in BUNDLE.heads.items()}
    quantiles = {name: dict(one.quantiles) for name, one in BUNDLE.spec.combinations.items()}
    return PersonalCalibration(BUNDLE.fingerprint, heads, quantiles, (), {})


def in_window(person, root, settings, persons, *, rest, report):
    """A session by the commands that the window sends."""
    lab = Lab(person, persons, settings, HOP_S)
    try:
        lab.feed(BEFORE_S)
        wait_for(lambda: lab.controller.feed.state.phase.value == "preview")
        lab.do("start", subject="P", notes="", root=str(root))
        if rest:
            lab.do("baseline", seconds=25.0)
        lab.feed(SESSION_S / 2)
        if report:
            lab.do("label", label="sad", begin_s=lab.time_s - 8.0, end_s=lab.time_s)
        lab.do("annotate", text="door opens")
        lab.feed(SESSION_S / 2)
        lab.do("stop")
    finally:
        lab.close()


def headless(person, root, settings, persons, *, rest, report):
    """A session as `rtemo live` puts it together, on items that are fed by hand."""
    time_s = [person.plan.start_s]
    roles = StreamRoles(PROFILES, settings)
    roles.choose(person.streams)
    setup = setup_of(roles, lambda: time_s[0], lambda *_: None, persons, HOP_S)
    session = FedSession(setup, settings, root)
    outputs, run = session.outputs, session.run
    for info in person.streams:
        session.give(StreamUp(info))
    if rest:
        run.begin_rest(25.0)
    half_s = person.plan.start_s + SESSION_S / 2
    for item in person.items(block_s=0.1):
        if isinstance(item, Chunk) and len(item):
            time_s[0] = max(time_s[0], float(item.stamps[-1]))
        session.give(item)
        if time_s[0] >= half_s and math.isfinite(half_s):
            half_s = math.inf
            outputs.note(EventKind.ANNOTATION, "door opens")
            if report:
                run.calibration.label("sad", time_s[0] - 8.0, time_s[0])
        if time_s[0] >= person.plan.start_s + SESSION_S:
            break
    session.close()


def rows(path: Path) -> list[dict[str, str]]:
    """Predictions without what a live session alone knows."""
    with path.open() as file:
        return [{k: row[k] for k in row.keys() - {"forced", "latency_ms", "late"}} for row in csv.DictReader(file)]


def table(rows) -> list[tuple[float, ...]]:
    """What a report keeps of the predictions in a CSV file."""
    numbers = [f"{name}.{label}" for name in ("smoothed", "probabilities") for label in BUNDLE.labels]
    return [(float(r["time_s"]), *(float(r[name]) for name in numbers), r["settled"] == "true") for r in rows]


def table_of(record) -> list[tuple[float, ...]]:
    p = record.predictions
    columns = zip(p.times.tolist(), p.smoothed.tolist(), p.probabilities.tolist(), p.settled.tolist(), strict=True)
    return [(time_s, *smoothed, *probabilities, settled) for time_s, smoothed, probabilities, settled in columns]


WAYS, BASELINES, EITHER = (in_window, headless), ("none", "marked", "planned", "saved"), (False, True)


@pytest.mark.parametrize(
    ("way", "baseline", "calibrated", "report"),
    [
        (WAYS[way], BASELINES[baseline], EITHER[(way + baseline) % 2], EITHER[(way + baseline // 2) % 2])
        for way, baseline in itertools.product(range(2), range(4))  # any two of the four, in every combination
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
def test_every_road_gives_the_same(way, baseline, calibrated, report, person, saved, windows, tmp_path, capsys):
    asked = {"planned": MARKERS, "saved": str(saved)}.get(baseline, "")
    settings = SessionSettings(subject="P", baseline=asked)
    persons = (calibration(),) if calibrated else ()
    way(person, tmp_path / "sessions", settings, persons, rest=baseline == "marked", report=report)
    (folder,) = (tmp_path / "sessions").iterdir()
    recording = folder / "recording.xdf"
    live = rows(folder / "predictions.csv")
    assert len(live) > 50

    windows.clear()
    out = tmp_path / "replay.csv"
    options = ["--speed", "max", "--quiet", "--hop", str(HOP_S), "--out", str(out)]
    capsys.readouterr()
    assert main(["replay", str(recording), *options]) == 0
    notices = capsys.readouterr().err
    assert "give it with" not in notices
    assert "the session" not in notices  # neither another model nor another hop
    assert rows(out) == live
    replayed = {window.end_s: window for window in windows}

    analysis = Analysis(recording, setup_of(StreamRoles(PROFILES), lambda: 0.0, lambda *_: None, (), HOP_S))
    while not analysis.done:
        analysis.work(1.0)
    shown = open_output(tmp_path / "shown.csv", BUNDLE.labels, replace=False)
    for prediction in analysis.view.predictions:
        shown.put(prediction)
    shown.close()
    assert rows(tmp_path / "shown.csv") == live
    assert "door opens" in [event.text for event in analysis.view.events]
    analysis.close()
    inputs = ReportInputs(BUNDLE, PROFILES, new_predictor)
    assert table_of(read_session(recording, inputs)) == table(live)
    (folder / "predictions.csv").unlink()
    of_folder = read_session(folder, inputs)
    assert table_of(of_folder) == table(live)
    assert "door opens" in [event.text for event in of_folder.events]

    windows.clear()
    assert offline(["--quiet", "build", "xdf", "--root", str(tmp_path / "sessions"), "--out", str(tmp_path / "c")]) == 0
    assert len(windows) > 25
    for one in windows:
        other = replayed[one.end_s]
        assert one.settled == other.settled
        for name in ("eeg", "eeg_mask", "eye", "eye_valid"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
