"""A replay that works ahead, with the network behind the pipeline, gives what one step after the other gives."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from hand_fed import BUNDLE, FIRST, PROFILES, RUNTIME

from rtemo.cli import main
from rtemo.core.pipeline import Pipeline
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.model.decoder import Decoder
from rtemo.model.predictor import Predictor
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.session_settings import SessionSettings

HOP_S = FIRST.pipeline.settings.window.hop_s
FAULTS = """
[[fault]]
kind = "gap"
stream = "eeg"
start_s = 12.0
duration_s = 3.0
"""


class Kept(list):
    def put(self, prediction):
        self.append(prediction.to_json_line())

    def discard(self): ...

    def close(self): ...


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ahead")
    (folder / "faults.toml").write_text(FAULTS)
    options = ["--seed", "5", "--duration", "30", "--eeg-channels", "8", "--eeg-rate", "250", "--quiet"]
    path = folder / "person.xdf"
    assert main(["simulate", *options, "--faults", str(folder / "faults.toml"), "--xdf", str(path)]) == 0
    return path


def replayed(path, *, paced):
    """Predictions, events with their times, and what a watch saw."""
    predictor = Predictor(Pipeline(FIRST.pipeline.settings), RUNTIME, Decoder(BUNDLE))
    kept, log, seen, events = Kept(), EventLog(), [], []
    log.listen(events.append)
    predictor.watches.append(lambda window, z: seen.append((window.end_s, z.joint.tobytes())))
    recording = OpenRecording(path, PROFILES, lambda recorded: recorded or SessionSettings())
    try:
        engine = replay_engine(recording, predictor, BUNDLE, log, [kept], warn=pytest.fail, paced=paced)
        engine.run(recording.opening, threading.Event())
    finally:
        recording.close()
    return kept, events, seen


def test_working_ahead_changes_no_prediction_and_no_time_of_an_event(recording):
    ahead, one_by_one = replayed(recording, paced=False), replayed(recording, paced=True)
    assert len(ahead[0]) > 50
    assert any("gap" in event.text for event in ahead[1])
    assert ahead == one_by_one


@pytest.mark.parametrize(
    ("model", "hop_s", "said"),
    [
        ("", None, ""),  # a recording of another program, or of before sessions stated it
        (BUNDLE.fingerprint, HOP_S, ""),
        ("ab" * 32, HOP_S, "name its own as --model"),
        (BUNDLE.fingerprint, 2 * HOP_S, f"take --hop {2 * HOP_S:g}"),
    ],
)
def test_a_replay_by_another_model_or_hop_than_the_sessions_says_so(model, hop_s, said, recording):
    opened, warned = OpenRecording(recording, PROFILES), []
    opened.facts = replace(opened.facts, model=model, hop_s=hop_s)
    predictor = Predictor(Pipeline(FIRST.pipeline.settings), RUNTIME, Decoder(BUNDLE))
    replay_engine(opened, predictor, BUNDLE, EventLog(), warn=warned.append)
    opened.close()
    assert len(warned) == bool(said)
    assert said in "".join(warned)


def test_embeddings_are_the_same_whatever_the_batch():
    rng = np.random.default_rng(1)
    shape, n, n_channels = BUNDLE.spec.input, 9, 6
    inputs = (
        rng.normal(size=(n, shape.frames, n_channels, shape.bands)).astype(np.float32),
        rng.random((n, shape.frames, n_channels)) > 0.2,
        np.tile(rng.normal(size=(1, n_channels, 3)).astype(np.float32), (n, 1, 1)),
        rng.normal(size=(n, shape.eye_features)).astype(np.float32),
        rng.random((n, shape.eye_features)) > 0.2,
    )
    one_by_one = [RUNTIME.embed_batch(*(value[i : i + 1] for value in inputs)) for i in range(n)]
    for size in range(2, n + 1):
        for begin in range(n - size + 1):
            together = RUNTIME.embed_batch(*(value[begin : begin + size] for value in inputs))
            for k, embedded in enumerate(together):
                assert np.array_equal(embedded, np.concatenate([z[k] for z in one_by_one[begin : begin + size]]))


@pytest.fixture
def opened(recording):
    found = OpenRecording(recording, PROFILES)
    yield found
    found.close()


def fresh():
    return Predictor(Pipeline(FIRST.pipeline.settings), RUNTIME, Decoder(BUNDLE))


@pytest.mark.parametrize(("options", "ahead"), [({"paced": True}, []), ({"paced": False}, ["ahead"]), ({}, ["ahead"])])
def test_only_a_replay_that_nobody_watches_works_ahead(opened, monkeypatch, options, ahead):
    asked = []
    monkeypatch.setattr(Predictor, "work_ahead", lambda _self: asked.append("ahead"))
    replay_engine(opened, fresh(), BUNDLE, EventLog(), warn=pytest.fail, **options)
    assert asked == ahead


def test_what_the_session_stated_is_known_before_the_engine_begins(opened):
    note = Event(3.0, EventKind.ANNOTATION, "never published")
    opened.notes, opened.participant = [note], "P01"
    begin_s = opened.source.first_s
    opened.facts = replace(opened.facts, rests=((begin_s, begin_s + 20.0),))
    predictor, log = fresh(), EventLog()
    engine = replay_engine(opened, predictor, BUNDLE, log, warn=pytest.fail)
    assert predictor.pipeline.knows_rest(begin_s, begin_s + 20.0)
    assert log.events == [note]
    assert engine.participant == "P01"


class Empty:
    exhausted, stopped = True, False

    def stop(self):
        self.stopped = True


def test_a_recording_can_be_read_by_another_source(opened):
    source = Empty()
    replay_engine(opened, fresh(), BUNDLE, EventLog(), warn=pytest.fail, source=source).run([], threading.Event())
    assert source.stopped
