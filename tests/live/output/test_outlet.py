"""What rtemo publishes arrives as DESIGN section 7 says, and a recorder is given the same stream."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pylsl
import pytest

from rtemo.core.types import Chunk
from rtemo.live.output.outlet import EventOutlet, OutletIdentity, PredictionOutlet, ValueOutlet, prediction_values
from rtemo.model.prediction import Prediction
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_stream import find_session_stream
from rtemo.sources.lsl.source import EveryStream, LslSource, discover, local_clock
from rtemo.sources.stream_choice import is_own
from rtemo.sources.stream_xml import parse_xml

LABELS = ("neutral", "sad", "fear", "happy")
CHANNELS = (*LABELS, "confidence", "eeg_coverage", "gaze_coverage", "novelty", "abstain", "settled",
            "valence", "arousal")  # fmt: skip
DEADLINE_S = 20.0


def prediction(time_s: float, **changes) -> Prediction:
    smoothed = dict(zip(LABELS, (0.5, 0.25, 0.125, 0.125), strict=True))
    fields = {"emotion": "neutral", "probabilities": smoothed, "smoothed": smoothed, "set": ("neutral",),
              "abstain": None, "eeg_coverage": 1.0, "gaze_coverage": 0.75, "bad_channels": (), "novelty": 0.5,
              "settled": True, "forced": False}  # fmt: skip
    return Prediction(time_s=time_s, **{**fields, **changes})


def hear(outlet, push, n):
    """Sends once a receiver is there, and what the receiver got."""
    source = LslSource([EveryStream("ours", lambda info: info.uid == outlet.info.uid)], look_s=0.8)
    try:
        info = source.start()[0]
        assert outlet._outlet._outlet.wait_for_consumers(DEADLINE_S)
        push()
        chunks, end_s = [], local_clock() + DEADLINE_S
        while sum(map(len, chunks)) < n:
            chunks += [item for item in source.read(0.1) if isinstance(item, Chunk)]
            assert local_clock() < end_s
        return info, chunks
    finally:
        source.stop()


def test_predictions_arrive_with_their_channels_stamps_and_description():
    kept = []
    outlet = PredictionOutlet(LABELS, "sha256:0123", 0.25, keep=kept.append)
    now_s = local_clock()
    made = [
        prediction(now_s),
        prediction(now_s + 0.25, abstain="bad EEG", emotion=None, settled=False, novelty=math.nan, gaze_coverage=0.0),
    ]

    info, chunks = hear(outlet, lambda: [outlet.put(p) for p in made], 2)
    outlet.close()

    assert (info.name, info.type, info.channel_format, info.nominal_rate_hz) == ("rtemo", "Emotion", "float32", 0.0)
    assert info.labels == CHANNELS
    assert {c.unit for c in info.channels[:5]} == {"probability"}
    assert "<bundle_fingerprint>sha256:0123</bundle_fingerprint>" in info.xml
    assert "<hop_s>0.25</hop_s>" in info.xml
    values = np.concatenate([chunk.values for chunk in chunks])
    nan = math.nan
    expected = [[0.5, 0.25, 0.125, 0.125, 0.5, 1.0, 0.75, 0.5, 0, 1], [0.5, 0.25, 0.125, 0.125, 0.5, 1.0, 0, nan, 1, 0]]
    np.testing.assert_array_equal(values[:, :10], np.array(expected, dtype=np.float32))
    assert values[0, 10:].tolist() == pytest.approx([made[0].valence, made[0].arousal])
    assert np.isnan(values[1, 10:]).all()
    assert np.concatenate([chunk.stamps for chunk in chunks]).tolist() == [now_s, now_s + 0.25]
    np.testing.assert_array_equal(np.concatenate([chunk.values for chunk in kept]), values)
    assert [(chunk.stream_id, chunk.stamps[0]) for chunk in kept] == [("rtemo", now_s), ("rtemo", now_s + 0.25)]
    assert outlet.info.stream_id == "rtemo"
    assert outlet.info.uid == info.uid


def test_events_arrive_as_text_and_only_those_that_are_for_the_network():
    kept = []
    outlet = EventOutlet(keep=kept.append)
    now_s = local_clock()

    def push():
        outlet.send(Event(now_s, EventKind.STREAM_DOWN, "lost: gone", "Tobii"))
        outlet.send(Event(now_s, EventKind.MARKER, "sad", "events"))
        outlet.send(Event(now_s + 1.0, EventKind.ANNOTATION, "Tür geht auf"))

    info, chunks = hear(outlet, push, 2)
    outlet.close()

    assert (info.name, info.channel_format, info.n_channels) == ("rtemo_events", "string", 2)
    texts = [text for chunk in chunks for text in chunk.values[:, 0]]
    assert texts == ["stream_down: Tobii: lost: gone", "annotation: Tür geht auf"]
    events = [json.loads(text) for chunk in chunks for text in chunk.values[:, 1]]
    assert events[0] == {"kind": "stream_down", "text": "lost: gone", "stream": "Tobii"}
    assert events[1] == {"kind": "annotation", "text": "Tür geht auf"}
    assert [chunk.values[0, 0] for chunk in kept] == texts
    assert [chunk.stamps[0] for chunk in kept] == [now_s, now_s + 1.0]


def test_a_closed_outlet_takes_nothing_and_complains_about_nothing():
    kept = []
    outlet = PredictionOutlet(LABELS, "x", 0.25, keep=kept.append)
    outlet.close()

    outlet.put(prediction(1.0))
    outlet.discard()
    outlet.close()

    assert kept == []


def test_an_outlet_that_does_not_publish_is_recorded_all_the_same():
    kept = []
    outlet = PredictionOutlet(LABELS, "x", 0.25, keep=kept.append, publish=False)

    outlet.put(prediction(7.0))

    assert outlet.info.labels == CHANNELS
    assert [(chunk.stream_id, chunk.stamps[0]) for chunk in kept] == [("rtemo", 7.0)]
    assert [info for info in discover(0.8) if info.name == "rtemo"] == []


def test_the_channels_follow_the_labels_of_the_bundle_not_of_the_prediction():
    values = prediction_values(prediction(1.0), ("happy", "neutral"))

    assert values[:2].tolist() == [0.125, 0.5]
    with pytest.raises(KeyError):
        prediction_values(prediction(1.0), ("disgust",))


SENDER = """
import sys, time
import numpy as np
from rtemo.live.output.outlet import OutletIdentity, PredictionOutlet
from rtemo.sources.lsl.source import local_clock
value, session_id, participant = float(sys.argv[1]), sys.argv[2], sys.argv[3]
outlet = PredictionOutlet(("a",), "f", 0.05, identity=OutletIdentity(session_id, participant, name=sys.argv[4]))
while True:
    outlet.push(np.full(9, value), local_clock())
    time.sleep(0.02)
"""


@pytest.mark.parametrize(("participants", "name"), [(("", ""), ""), (("P01", "P02"), "rtemo"), (("P01", "P01"), "")])
def test_a_receiver_finds_its_session_again_and_never_another_one(participants, name):
    running = []

    def send(value, session_id, participant):
        command = [sys.executable, "-c", SENDER, str(value), session_id, participant, name]
        running.append(subprocess.Popen(command))
        return running[-1]

    try:
        first = send(1.0, "one", participants[0])
        send(2.0, "two", participants[1])
        ours = next(iter(wait(lambda: [i for i in resolved() if ":one@" in i.source_id()])))
        wait(lambda: [i for i in resolved() if ":two@" in i.source_id()])
        inlet = pylsl.StreamInlet(ours, recover=True)
        assert inlet.pull_sample(DEADLINE_S)[0][0] == 1.0
        first.kill()
        first.wait()
        send(3.0, "one", participants[0])  # an engine that takes the session up
        seen = set()
        while 3.0 not in seen:
            sample, _ = inlet.pull_sample(DEADLINE_S)
            seen.add(sample[0])
        assert seen <= {1.0, 3.0}
        inlet.close_stream()
    finally:
        for process in running:
            process.kill()
            process.wait()


def resolved():
    return pylsl.resolve_byprop("type", "Emotion", minimum=2, timeout=1.0)


def wait(found):
    end_s = local_clock() + DEADLINE_S
    while not (what := found()):
        assert local_clock() < end_s
    return what


def test_names_and_descriptions_carry_participant_and_session():
    identity = OutletIdentity("0123", "P 01", "visit2")
    outlets = PredictionOutlet(LABELS, "f", 0.25, identity=identity), EventOutlet(identity=identity)
    for outlet, name in zip(outlets, ("rtemo_P-01_ses-visit2", "rtemo_events_P-01_ses-visit2"), strict=True):
        assert outlet.info.name == name
        assert ":P-01:0123@" in outlet.info.source_id
        whose = parse_xml(outlet.info.xml).find("desc/session")
        assert {node.tag: node.text for node in whose} == {"id": "0123", "participant": "P 01", "label": "visit2"}
        assert is_own(outlet.info)
        outlet.close()
    named = OutletIdentity("0123", "P 01", name="lab")
    assert [named.named(kind) for kind in ("rtemo", "rtemo_events")] == ["lab", "lab_events"]
    events = EventOutlet(identity=named)
    assert find_session_stream([events.info], "0123").stream_ids == ("lab_events",)
    assert find_session_stream([events.info, outlets[1].info], "4567").stream_ids == ()
    events.close()


def test_values_are_recorded_in_the_format_that_their_stream_is_described_in():
    kept = []
    outlet = ValueOutlet(("a", "b"), OutletIdentity("0123"), kept.append, publish=False)
    outlet.push(np.array([0.1, 2.0]), 3.0)
    (chunk,) = kept
    assert outlet.info.channel_format == "float32"
    assert chunk.values.dtype == np.float32
    np.testing.assert_array_equal(chunk.values, np.array([[0.1, 2.0]], np.float32))
