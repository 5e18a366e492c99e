"""How outlets describe themselves, what they hand to the network and to the recording; without a network."""

from __future__ import annotations

import json
import math
import socket
from types import SimpleNamespace

import numpy as np
import pylsl
import pytest
from test_outlet import LABELS, prediction

import rtemo
from rtemo.live.output import outlet as module
from rtemo.live.output.outlet import (
    EventOutlet,
    OutletIdentity,
    PredictionOutlet,
    RatingOutlet,
    TextOutlet,
    ValueOutlet,
    prediction_values,
)  # fmt: skip
from rtemo.live.output.output_queue import OutputState
from rtemo.model.uncertainty.rating_estimates import RatingEstimate
from rtemo.recordings.events import Event, EventKind
from rtemo.sources.stream_xml import parse_xml

WHO = OutletIdentity("0123", "P 01", "visit 2")
HOST = socket.gethostname()


def described(info):
    """Channels, and whatever else the description holds, by its place."""
    desc = parse_xml(info.xml).find("desc")
    channels = [tuple(part.text or "" for part in one) for one in desc.find("channels")]
    parts = {part.tag: {one.tag: one.text for one in part} for part in desc if part.tag != "channels"}
    return channels, parts, {part.tag: part.text for part in desc if not len(part)}


class Lsl:
    """Takes an outlet's place on the network; `fails` as often."""

    def __init__(self, monkeypatch, fails=0, consumers=False):
        self.sent, self.made, self.fails, self.slept = [], [], fails, []
        self.consumers = consumers
        monkeypatch.setattr(module, "open_outlet", self.open)
        monkeypatch.setattr(module.time, "sleep", self.slept.append)

    def open(self, info):
        if self.fails:
            self.fails -= 1
            raise OSError("no port is free")
        self.made.append(info.name())
        return SimpleNamespace(
            get_info=lambda: info,
            push_sample=lambda values, time_s: self.sent.append((values, time_s)),
            have_consumers=lambda: self.consumers,
        )


@pytest.fixture
def lsl(monkeypatch):
    return Lsl(monkeypatch)


def test_predictions_describe_their_channels_their_model_and_whose_they_are():
    outlet = PredictionOutlet(("sad",), "sha256:01", 0.25, publish=False, lag_s=1.666, identity=WHO, calibrated=False,
                              ratings=("fun",))  # fmt: skip
    channels, parts, _ = described(outlet.info)
    assert channels == [
        ("sad", "Probability", "probability"),
        ("confidence", "Confidence", "probability"),
        ("eeg_coverage", "Coverage", "fraction"),
        ("gaze_coverage", "Coverage", "fraction"),
        ("novelty", "Novelty", "thresholds"),
        ("abstain", "Flag", "boolean"),
        ("settled", "Flag", "boolean"),
        ("valence", "Valence", "normalised"),
        ("arousal", "Arousal", "normalised"),
        ("ratings.fun", "Rating", "as rated"),
        ("ratings.fun.low", "Rating", "as rated"),
        ("ratings.fun.high", "Rating", "as rated"),
    ]
    assert parts == {
        "session": {"id": "0123", "participant": "P 01", "label": "visit 2"},
        "acquisition": {"manufacturer": "rtemo", "version": rtemo.__version__},
        "model": {"bundle_fingerprint": "sha256:01", "hop_s": "0.25", "calibrated": "false", "lag_s": "1.67"},
    }
    info = outlet.info
    assert (info.name, info.type, info.channel_format, info.nominal_rate_hz) == (
        "rtemo_P-01_ses-visit-2", "Emotion", "float32", 0.0,
    )  # fmt: skip
    assert info.source_id == f"rtemo:P-01:0123@{HOST}"
    assert (outlet.queue, outlet.labels) == (None, ("sad",))


def test_a_calibrated_model_without_a_known_lag_says_so_and_names_nobody_that_is_not_known():
    outlet = PredictionOutlet(["sad"], "f", 1, publish=False)
    _, parts, _ = described(outlet.info)
    assert parts["model"] == {"bundle_fingerprint": "f", "hop_s": "1.0", "calibrated": "true"}
    assert parts["session"] == {}
    assert (outlet.info.name, outlet.info.source_id) == ("rtemo", f"rtemo::@{HOST}")
    assert outlet.info.n_channels == 9


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        (OutletIdentity(), "rtemo_events"),
        (OutletIdentity("0", "P 01"), "rtemo_events_P-01"),
        (OutletIdentity("0", "", "2"), "rtemo_events_ses-2"),
        (OutletIdentity("0", "P 01", "2"), "rtemo_events_P-01_ses-2"),
        (OutletIdentity("0", "P 01", "2", "lab"), "lab_events"),
    ],
)
def test_an_outlets_name(identity, name):
    assert identity.named("rtemo_events") == name
    assert identity.named("rtemo") == name.replace("_events", "")


def test_events_are_two_texts_and_name_the_session_that_they_are_of():
    outlet = EventOutlet(publish=False, identity=WHO)
    channels, parts, texts = described(outlet.info)
    assert channels == [("event", "Marker", ""), ("json", "Marker", "")]
    assert (outlet.info.type, outlet.info.channel_format) == ("Markers", "string")
    assert texts["session_id"] == "0123"
    assert parts["session"]["id"] == "0123"
    assert "session_id" not in described(EventOutlet(publish=False).info)[2]


def test_values_and_texts_describe_themselves():
    values, texts = ValueOutlet(["a\x00b", "c"], WHO, publish=False), TextOutlet(WHO, publish=False)
    assert described(values.info)[0] == [("ab", "Value", ""), ("c", "Value", "")]
    assert described(texts.info)[0] == [("text", "Marker", "")]
    assert [(one.info.type, one.info.channel_format, one.queue) for one in (values, texts)] == [
        ("Values", "float32", None), ("Markers", "string", None),
    ]  # fmt: skip
    assert [one.info.name for one in (values, texts)] == [
        "rtemo_values_P-01_ses-visit-2", "rtemo_texts_P-01_ses-visit-2",
    ]  # fmt: skip
    assert values.names == ("a\x00b", "c")


def test_each_channel_has_its_number():
    fun = RatingEstimate(4.0, 3.0, 5.0)
    made = prediction(1.0, novelty=0.3, abstain="bad EEG", emotion=None, eeg_coverage=0.6, gaze_coverage=0.7,
                      settled=False, ratings={"fun": fun})  # fmt: skip
    found = prediction_values(made, LABELS)
    expected = [0.5, 0.25, 0.125, 0.125, 0.5, 0.6, 0.7, 0.3, 1, 0, math.nan, math.nan, 4, 3, 5]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("kind", "details", "sent"),
    [
        (EventKind.ANNOTATION, {}, True),
        (EventKind.LOSS, {}, True),
        (EventKind.STREAM_DOWN, {}, True),
        (EventKind.STREAM_UP, {}, True),
        (EventKind.FAILURE, {}, True),
        (EventKind.NOTE, {}, False),
        (EventKind.MARKER, {}, False),
        (EventKind.SESSION, {}, False),
        (EventKind.SESSION, {"fact": "baseline"}, True),
        (EventKind.NOTE, {"annotation_edit": 1}, True),
        (EventKind.NOTE, {"other": 1}, False),
    ],
)
def test_which_events_are_sent(kind, details, sent):
    kept = []
    EventOutlet(kept.append, publish=False).send(Event(1.0, kind, "x", "Amp", details))
    assert [chunk.values[0, 0] for chunk in kept] == ([f"{kind.value}: Amp: x"] if sent else [])


def test_an_events_document_is_recorded_and_not_published(lsl):
    kept = []
    outlet = EventOutlet(kept.append)
    outlet.send(Event(3.0, EventKind.ANNOTATION, "x", document="secret"))
    outlet.explain('{"label": "sad"}', 4.0)
    outlet.close()
    (first, first_s), (second, second_s) = lsl.sent
    assert (first[0], json.loads(first[1]), first_s) == ("annotation: x", {"kind": "annotation", "text": "x"}, 3.0)
    assert (second, second_s) == (['explanation: {"label": "sad"}', ""], 4.0)
    assert json.loads(kept[0].values[0, 1])["document"] == "secret"
    assert [(chunk.stream_id, chunk.stamps.tolist(), chunk.values.shape) for chunk in kept] == [
        ("rtemo_events", [3.0], (1, 2)), ("rtemo_events", [4.0], (1, 2)),
    ]  # fmt: skip
    assert kept[1].values.dtype == object


def test_numbers_and_texts_are_sent_as_they_are_recorded(lsl):
    kept = []
    values, texts = ValueOutlet(["a", "b"], WHO, kept.append), TextOutlet(WHO, kept.append)
    predictions = PredictionOutlet(LABELS, "f", 0.25, kept.append)
    values.push(np.array([1.5, 2.0]), 7.0)
    values.close()
    texts.push("Tür", 8.0)
    texts.close()
    predictions.put(prediction(9.0))
    predictions.close()
    assert lsl.sent[:2] == [([1.5, 2.0], 7.0), (["Tür"], 8.0)]
    assert lsl.sent[2][0][:4] == [0.5, 0.25, 0.125, 0.125]
    assert [(chunk.values.shape, chunk.stamps.tolist()) for chunk in kept] == [
        ((1, 2), [7.0]), ((1, 1), [8.0]), ((1, 12), [9.0]),
    ]  # fmt: skip
    assert [chunk.stream_id for chunk in kept] == [values.info.name, texts.info.name, "rtemo"]
    assert kept[2].values.dtype == np.float32
    assert kept[1].values.dtype == object
    texts.push("late", 9.0)
    values.push(np.array([1.0, 2.0]), 9.0)
    assert (len(kept), len(lsl.sent)) == (3, 3)  # closed
    assert [one._outlet._outlet for one in (values, texts, predictions)] == [None] * 3  # and given up


def test_predictions_are_recorded_in_the_format_of_their_stream():
    kept = []
    PredictionOutlet(("a",), "f", 0.25, kept.append, publish=False).push(np.full(9, 0.1), 1.0)
    assert kept[0].values.dtype == np.float32


def test_a_window_that_is_decided_has_its_place_between_the_emotions():
    made = prediction(1.0)
    assert prediction_values(made, LABELS)[10:].tolist() == pytest.approx([made.valence, made.arousal])


def closed_after_one():
    outlet = TextOutlet(OutletIdentity("0"))
    outlet.push("x", 1.0)
    outlet.close()
    return outlet


def test_an_outlet_that_cannot_be_made_is_tried_again_with_its_first_sample(monkeypatch, caplog):
    lsl = Lsl(monkeypatch, fails=1)
    outlet = closed_after_one()
    assert caplog.messages == ["the outlet rtemo_texts cannot be made"]
    assert (lsl.made, lsl.sent) == (["rtemo_texts"], [(["x"], 1.0)])
    assert (outlet.info.name, outlet.queue.name) == ("rtemo_texts", "LSL outlet rtemo_texts")
    assert outlet.queue.status().n_written == 1


@pytest.mark.parametrize(
    ("made", "push"),
    [
        (lambda told: TextOutlet(OutletIdentity("0"), changed=told), lambda outlet: outlet.push("x", 1.0)),
        (
            lambda told: ValueOutlet(["a"], OutletIdentity("0"), changed=told),
            lambda outlet: outlet.push(np.array([1.0]), 1.0),
        ),
        (
            lambda told: EventOutlet(changed=told),
            lambda outlet: outlet.send(Event(1.0, EventKind.ANNOTATION, "x")),
        ),
        (lambda told: PredictionOutlet(LABELS, "f", 0.25, changed=told), lambda outlet: outlet.put(prediction(1.0))),
    ],
)
def test_an_outlet_that_can_never_be_made_has_failed_and_tells_it(monkeypatch, made, push):
    Lsl(monkeypatch, fails=1000)
    told = []
    outlet = made(told.append)
    push(outlet)
    outlet.close()
    status = outlet.queue.status()
    assert (status.state, status.error, status.n_dropped) == (OutputState.FAILED, "OSError: no port is free", 1)
    assert [one.state for one in told] == [OutputState.FAILED]


@pytest.mark.parametrize(("consumers", "slept"), [(True, [0.2]), (False, [])])
def test_an_outlet_waits_for_its_receivers_to_get_the_last_sample(monkeypatch, consumers, slept):
    lsl = Lsl(monkeypatch, consumers=consumers)
    closed_after_one()
    assert lsl.slept == slept


def test_ratings_are_sent_on_a_grid_of_a_twentieth_of_a_second(monkeypatch):
    lsl, now = Lsl(monkeypatch), [50.0]
    monkeypatch.setattr(pylsl, "local_clock", lambda: now[0])
    outlet = RatingOutlet()
    channels, parts, _ = described(outlet.info)
    assert channels == [("valence", "Rating", "normalised"), ("arousal", "Rating", "normalised")]
    assert parts == {"acquisition": {"manufacturer": "rtemo", "version": rtemo.__version__}}
    info = outlet.info
    assert (info.name, info.type, info.nominal_rate_hz, info.channel_format) == (
        "rtemo_ratings", "Ratings", 20.0, "float32",
    )  # fmt: skip
    assert info.n_channels == 2
    assert info.source_id == outlet.source_id == f"rtemo_ratings@{HOST}"
    for at_s, valence in ((50.0, 0.0), (50.07, 0.1), (50.16, 0.2), (60.01, 0.3)):
        now[0] = at_s
        outlet.push(valence, -valence)
    assert lsl.sent == [
        ([0.1, -0.1], pytest.approx(50.0)),
        *[([0.2, -0.2], pytest.approx(50.0 + k / 20)) for k in (1, 2)],
        *[([0.3, -0.3], pytest.approx(50.0 + k / 20)) for k in (196, 197, 198, 199)],
    ]
    outlet.close()
    now[0] = 70.0
    outlet.push(0.4, 0.4)
    assert len(lsl.sent) == 7
