"""A model that was fitted on ratings: offline, its bundle, live and in the replay."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from invented import rated_people
from model_sessions import live_session, rows, simulated_person

import rtemo
from offline.export.session_outputs import NetworkOutputs
from offline.fit.fit import FitRequest, fit
from offline.fit.rating_heads import calibrated_ratings, rated
from rtemo.cli import main
from rtemo.core.errors import RtemoError
from rtemo.core.frozen_state import freeze, thaw
from rtemo.live.output.outlet import prediction_values
from rtemo.model.bundle import load_bundle, write_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.runtime import Runtime


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return rated_people(tmp_path_factory.mktemp("rated"))


@pytest.fixture(scope="module")
def bundle(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    made, _ = fit(corpus, FitRequest("early-fusion", folds=4), folder / "bundle")
    return made


def test_ratings_of_people_held_out_are_estimated_better_than_by_their_mean_and_lie_in_the_intervals(bundle, tmp_path):
    scores = bundle.spec.training["ratings"]["valence"]["both"]
    assert scores["rmse"]["value"] < 0.8 * scores["rmse_of_the_mean"]["value"]
    assert scores["ccc"]["low"] > 0.3
    assert scores["windows"]["coverage"]["value"] > 0.7
    assert "| valence | EEG and eyes | 10 | 80 |" in (bundle.path / "MODEL_CARD.md").read_text()

    outside = rated_people(tmp_path / "outside", first=500)
    decoded = [(p.ratings["valence"], truth) for shard in outside for p, truth in _decoded(bundle, shard)]
    inside = [one.low <= truth <= one.high for one, truth in decoded]
    assert np.mean(inside) > 0.7
    assert np.mean([abs(one.value - truth) for one, truth in decoded]) < 1.5  # the mean predictor: 2


def _decoded(bundle, shard):
    decoder, windows = Decoder(bundle), [shard.window(i) for i in range(len(shard.rows))]
    embedded = Runtime(bundle).embed_windows(windows)
    predictions = [decoder.step(window, z) for window, z in zip(windows, embedded, strict=True)]
    return [pair for pair in zip(predictions, rated(shard, "valence"), strict=True) if pair[0].abstain is None]


def test_what_errs_no_less_than_the_mean_is_scored_and_not_shipped(corpus):
    """The one regression knows the rating, the other says something else."""
    sessions = []
    for i, shard in enumerate(corpus):
        truth = np.nan_to_num(rated(shard, "valence"), nan=5.0)
        noise = 5.0 + 3.0 * np.random.default_rng(i).choice((-1.0, 1.0)) * np.ones(len(truth))
        passes = dict.fromkeys(("eeg", "eye"), np.ones(len(truth), np.bool_))
        said = {("valence", "eeg"): truth.astype(np.float32), ("valence", "eye"): noise.astype(np.float32)}
        sessions.append(NetworkOutputs(shard, {}, {}, passes, ratings=said))
    found = calibrated_ratings(sessions, ("eeg", "eye"), ("valence",))
    assert set(found.scores["valence"]) == {"eeg", "eye"}
    assert set(found.specs["valence"].half_width) == {"eeg"}


def test_nothing_is_estimated_where_the_window_says_nothing(bundle, corpus):
    window = replace(corpus.shards[0].window(0), eeg_coverage=0.0, gaze_coverage=0.0)
    prediction = Decoder(bundle).step(window, Runtime(bundle).embed(window))
    assert prediction.to_dict()["ratings"] == {"valence": {"value": None, "low": None, "high": None}}
    assert np.isnan(prediction_values(prediction, bundle.labels)[-3:]).all()


def test_an_engine_that_takes_a_session_up_goes_on_with_the_same_averages(bundle, corpus):
    shard, runtime = corpus.shards[0], Runtime(bundle)
    windows = [shard.window(i) for i in range(4)]  # of one trial
    steps = list(zip(windows, runtime.embed_windows(windows), strict=True))
    one, other = Decoder(bundle), Decoder(bundle)
    for window, z in steps[:2]:
        one.step(window, z)
    given = {"bundle": bundle}
    thaw(freeze({"decoder": one}, given), given, {"decoder": other})
    fresh = Decoder(bundle)
    for window, z in steps[2:]:
        wanted = one.step(window, z).to_dict()
        assert other.step(window, z).to_dict() == wanted
        assert fresh.step(window, z).to_dict()["ratings"] != wanted["ratings"]


def test_estimates_are_the_same_live_and_in_the_replay_and_are_in_every_output(bundle, tmp_path):
    bundle = _with_parts(tmp_path / "at ease", bundle, _nothing_is_novel(bundle.spec))
    folder = live_session(simulated_person(), bundle, tmp_path / "sessions", 14.0, 1.0)
    live, out = rows(folder / "predictions.csv"), tmp_path / "replay.csv"
    asked = ["--model", str(bundle.path), "--speed", "max", "--quiet", "--hop", "1", "--out"]
    assert main(["replay", str(folder / "recording.xdf"), *asked, str(out)]) == 0
    assert rows(out) == live
    known = [row for row in live if row["ratings.valence"]]
    assert len({row["ratings.valence"] for row in known}) > 5
    half = bundle.spec.ratings["valence"].half_width
    for row in known:
        low, value, high = (float(row[f"ratings.valence{part}"]) for part in (".low", "", ".high"))
        assert min(abs(value - low - one) + abs(high - value - one) for one in half.values()) < 1e-5

    table = rtemo.open_recording(folder / "recording.xdf").predict(rtemo.load(bundle.path, hop_s=1.0))
    with out.open() as file:
        assert list(table.columns) == csv.DictReader(file).fieldnames
    assert table.to_csv() == out.read_text()
    streamed = _outlet(folder / "recording.xdf")
    assert list(streamed) == ["ratings.valence", "ratings.valence.low", "ratings.valence.high"]
    np.testing.assert_allclose(
        streamed["ratings.valence"], [float(row["ratings.valence"] or "nan") for row in live], 1e-5
    )

    assert main(["report", str(folder), "--out", str(tmp_path / "report.html")]) == 0
    assert "Estimated ratings" in (tmp_path / "report.html").read_text()


def _outlet(path):
    import pyxdf

    streams, _ = pyxdf.load_xdf(str(path), synchronize_clocks=False, dejitter_timestamps=False)
    stream = next(one for one in streams if one["info"]["type"] == ["Emotion"])
    channels = stream["info"]["desc"][0]["channels"][0]["channel"]
    names = [channel["label"][0] for channel in channels]
    return {name: stream["time_series"][:, i] for i, name in enumerate(names) if channels[i]["type"] == ["Rating"]}


def _with_parts(path, bundle, spec, ratings=None):
    """The bundle with another spec. ratings: None: with its own."""
    parts = (bundle.heads, bundle.familiar, {}, lambda to: to.write_bytes(bundle.onnx_path.read_bytes()), "# card\n")
    return write_bundle(path, spec, *parts, bundle.ratings if ratings is None else ratings)


def _nothing_is_novel(spec):
    """Invented people are not like simulated ones."""
    combinations = {
        name: replace(one, novelty=replace(one.novelty, threshold=1e9)) for name, one in spec.combinations.items()
    }
    return replace(spec, combinations=combinations, calibration_of="")


def test_intervals_belong_to_one_model(bundle, tmp_path):
    own = bundle.spec.ratings["valence"]
    halved = replace(own, half_width={name: half / 2 for name, half in own.half_width.items()})
    with pytest.raises(RtemoError, match="intervals were not made for this model"):
        _with_parts(tmp_path / "b", bundle, replace(bundle.spec, ratings={"valence": halved}))
    same = _with_parts(tmp_path / "b", bundle, bundle.spec)
    assert load_bundle(same.path).spec == bundle.spec


def test_a_bundle_without_ratings_says_nothing_of_them(bundle, tmp_path):
    plain = _with_parts(tmp_path / "b", bundle, replace(bundle.spec, ratings={}, ratings_of=""), {})
    assert not {"ratings", "ratings_of"} & set(json.loads((plain.path / "bundle.json").read_text()))
    assert plain.spec.calibration_of == bundle.spec.calibration_of  # older readers find it as it was
