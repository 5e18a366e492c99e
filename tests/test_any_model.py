"""Models that are not rtemo's network, through a live session and its replay."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hand_made_graphs import signal_graph
from model_sessions import live_session, rows, simulated_person

import rtemo
from offline.__main__ import main as offline
from rtemo.cli import main
from rtemo.commands.bench.model import verdict
from rtemo.live.engine.model_pace import decided_of
from rtemo.model.bundle import load_bundle
from rtemo.model.explain import Explainer

LABELS = ("neutral", "sad", "fear", "happy")
SECONDS, HOP_S = 28.0, 0.5
CHANNELS = ("Fp1", "Fp2", "O1", "O2")


@pytest.fixture(scope="module")
def person():
    return simulated_person()


def made(path, graph, *arguments):
    onnx.save(graph, path / "own.onnx")
    asked = ["--labels", ",".join(LABELS), *arguments, "--out", str(path / "bundle")]
    assert offline(["wrap", str(path / "own.onnx"), *asked]) == 0
    return load_bundle(path / "bundle")


@pytest.mark.parametrize(
    ("channels", "gain", "arguments"),
    [
        (CHANNELS, 1.0, ["--input", "x=signal", "--channels", ",".join(CHANNELS)]),
        (CHANNELS, 1e-3, ["--input", "x=signal", "--channels", ",".join(CHANNELS), "--scale", "microvolts"]),
        ((), 1.0, ["--input", "x=eye", "--channels", "any"]),
    ],
    ids=["signal", "microvolts", "eyes"],
)
def test_an_own_model_gives_the_same_live_and_in_a_replay(person, tmp_path, capsys, channels, gain, arguments):
    bundle = made(tmp_path, signal_graph(channels, 4, "signal" if channels else "eye", gain=gain), *arguments)
    folder = live_session(person, bundle, tmp_path / "sessions", SECONDS, HOP_S)
    live, out = rows(folder / "predictions.csv"), tmp_path / "replay.csv"
    assert len(live) > 20
    assert len({row["probabilities.sad"] for row in live}) > 10  # it looks at the windows
    assert {row["calibrated"] for row in live} == {"false"}
    assert {row["set"] for row in live} == {""}

    asked = ["--model", str(bundle.path), "--speed", "max", "--quiet", "--hop", str(HOP_S), "--out", str(out)]
    assert main(["replay", str(folder / "recording.xdf"), *asked]) == 0
    assert rows(out) == live
    assert "is not calibrated" in capsys.readouterr().err


def test_what_the_model_was_given_is_what_a_corpus_keeps(person, tmp_path):
    """The signal in the windows of a replay, and that of a corpus, differ by the rounding to float16 alone."""
    bundle = made(tmp_path, signal_graph(CHANNELS, 4), "--input", "x=signal", "--channels", ",".join(CHANNELS))
    folder = live_session(person, bundle, tmp_path / "sessions", SECONDS, HOP_S)
    model = rtemo.load(bundle.path, hop_s=1.0)
    replayed = {one.end_s: one for one in rtemo.open_recording(folder / "recording.xdf").windows(model)}
    asked = ["--root", str(tmp_path / "sessions"), "--out", str(tmp_path / "c"), "--signal"]
    assert offline(["--quiet", "build", "xdf", *asked]) == 0

    from offline.corpus.corpus import open_corpus
    from offline.corpus.eeg_signal import window_with_signal

    (shard,) = open_corpus(tmp_path / "c").shards
    checked = 0
    for i, end_s in enumerate(shard.rows["end_s"]):
        kept, seen = window_with_signal(shard, i, 800, 200.0), replayed[float(end_s)]
        np.testing.assert_allclose(kept.signal, seen.signal, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(kept.signal_size, seen.signal_size, rtol=1e-3)
        checked += 1
    assert checked > 5


def test_what_a_model_costs_is_measured_without_any_stream(person, tmp_path, capsys):
    bundle = made(tmp_path, signal_graph(CHANNELS, 4), "--input", "x=signal", "--channels", ",".join(CHANNELS))
    capsys.readouterr()
    assert main(["bench", "--model", str(bundle.path), "--seconds", "0.1", "--channels", "8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"]["calibrated"] is False
    assert found["model"]["inputs"] == ["signal"]
    assert 0.0 < found["model_ms"]["p50"] <= found["model_ms"]["p99"]
    assert found["keeps_up"]
    assert found["decided_one_window_of"] == 1
    assert main(["bench", "--model", str(bundle.path), "--seconds", "0.1", "--hop", "1e-6"]) == 0
    assert "TOO SLOW" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("window_ms", "every", "stated"),
    [
        (40.0, 1, "it keeps up with a hop of 0.1 s"),
        (460.0, 6, "a window takes 460 ms (p99 460), 4.6 times the hop; a session would decide one of 6 and skip 83%"),
    ],
)
def test_the_bench_states_how_slow_a_model_is_and_what_a_session_would_skip(window_ms, every, stated):
    seconds = [window_ms / 1e3] * 50
    assert decided_of(seconds, 0.1) == every
    window = {"p50": window_ms, "p99": window_ms}
    found = {"asked": {"hop_s": 0.1}, "window_ms": window, "keeps_up": window_ms < 100.0, "shortest_hop_s": 1.0}
    assert stated in verdict({**found, "decided_one_window_of": every})


def test_a_model_slower_than_the_hop_is_an_event_and_its_predictions_are_late(person, tmp_path):
    bundle = made(tmp_path, signal_graph((), 4, "eye"), "--input", "x=eye", "--channels", "any")
    folder = live_session(person, bundle, tmp_path / "sessions", SECONDS, HOP_S, look_s=1.0)
    told = [json.loads(line)["text"] for line in (folder / "events.jsonl").read_text().splitlines()]
    assert sum("the model is slower than the hop" in text for text in told) == 1
    assert sum("is not calibrated" in text for text in told) == 1
    with (folder / "predictions.csv").open() as file:
        assert "true" in {row["late"] for row in csv.DictReader(file)}


def test_a_model_that_never_catches_up_leaves_windows_out_and_the_replay_leaves_out_the_same(person, tmp_path, capsys):
    """A window takes 1.2 s, the hop is 0.5 s: one of three is decided, as soon as it is there."""
    bundle = made(tmp_path, signal_graph((), 4, "eye"), "--input", "x=eye", "--channels", "any")
    folder = live_session(person, bundle, tmp_path / "sessions", SECONDS, HOP_S, takes_s=1.2)
    stated = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    (slow,) = [event for event in stated if "the model is slower than the hop" in event["text"]]
    assert "a window takes 1200 ms, the hop is 500 ms; one of 3 windows is decided, one in 1.5 s" in slow["text"]
    assert slow["kind"] == "failure"
    with (folder / "predictions.csv").open() as file:
        live = [(float(row["time_s"]), float(row["latency_ms"]), row["late"]) for row in csv.DictReader(file)]
    resumes_s = slow["details"]["resumes_s"]
    after = [one for one in live if one[0] >= resumes_s]
    assert [time_s % 1.5 for time_s, _, _ in after] == [0.0] * len(after)
    assert np.diff([time_s for time_s, _, _ in after]).tolist() == [1.5] * (len(after) - 1)
    assert len(after) > 5
    assert max(latency for _, latency, _ in after) < 1400.0
    assert {late for _, _, late in after} == {"false"}
    assert not [time_s for time_s, _, _ in live if slow["details"]["from_s"] < time_s < resumes_s]

    def replayed(hop_s, *more):
        out = tmp_path / f"replay_{hop_s}.csv"
        asked = ["--model", str(bundle.path), "--speed", "max", "--quiet", "--hop", str(hop_s), "--out", str(out)]
        capsys.readouterr()
        assert main(["replay", str(folder / "recording.xdf"), *asked, *more]) == 0
        return rows(out), capsys.readouterr().err

    same, told = replayed(HOP_S)
    assert same == rows(folder / "predictions.csv")
    assert "windows were skipped, as the model was slower than the hop" in told
    other, told = replayed(1.0)  # a hop of which nothing was stated
    assert len(other) > 20
    assert "windows were skipped" not in told


def test_a_model_that_gives_nan_live_is_named_in_every_record(person, tmp_path):
    bundle = made(tmp_path, signal_graph((), 4, "eye", bias=float("nan")), "--input", "x=eye", "--channels", "any")
    folder = live_session(person, bundle, tmp_path / "sessions", SECONDS, HOP_S)
    found = rows(folder / "predictions.csv")
    assert "the model gives no numbers" in {row["abstain"] for row in found}
    assert {row["emotion"] for row in found} == {""}


def test_a_bundle_of_a_later_rtemo_is_read_unless_it_says_that_it_would_be_misread(tmp_path):
    bundle = made(tmp_path, signal_graph((), 4, "eye"), "--input", "x=eye", "--channels", "any")
    later = tmp_path / "bundle" / "bundle.json"
    rewrite(later, lambda document: document.update(colour="blue"))
    assert load_bundle(bundle.path).spec == bundle.spec
    rewrite(later, lambda document: document["must_understand"].append("colour"))
    with pytest.raises(rtemo.RtemoError, match=r"newer rtemo.*colour"):
        load_bundle(bundle.path)


def rewrite(path, change):
    from rtemo.model.bundle import _fingerprint

    document = json.loads(path.read_text())
    change(document)
    document["fingerprint"] = _fingerprint(document)
    path.write_text(json.dumps(document))


def test_an_uncalibrated_model_has_no_quantiles_to_claim(tmp_path):
    bundle = made(tmp_path, signal_graph((), 4, "eye"), "--input", "x=eye", "--channels", "any")
    rewrite(bundle.path / "bundle.json", lambda document: document.update(calibrated=True))
    with pytest.raises(rtemo.RtemoError, match="novelty does not fit"):
        load_bundle(bundle.path)
    assert replace(bundle.spec, calibrated=True) != bundle.spec


def test_what_a_model_of_the_signal_goes_by_is_told_by_region(person, tmp_path):
    bundle = made(tmp_path, signal_graph(CHANNELS, 4), "--input", "x=signal", "--channels", ",".join(CHANNELS))
    folder = live_session(person, bundle, tmp_path / "sessions", SECONDS, HOP_S)
    model = rtemo.load(bundle.path, hop_s=HOP_S)
    assert not model.calibrated
    *_, window = rtemo.open_recording(folder / "recording.xdf").windows(model)
    found = Explainer(bundle).explain(window)
    assert found is not None
    assert {name.split()[0] for name in found.shares} == {"EEG"}
    assert any(abs(share) > 1e-3 for share in found.shares.values())
