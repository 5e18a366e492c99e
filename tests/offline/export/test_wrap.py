from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import joblib
import numpy as np
import onnx
import pytest
import torch
from hand_made_graphs import signal_graph
from invented import invented_corpus, rated_people
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from offline.__main__ import main
from offline.evaluation.methods.features import read_de, read_eye
from offline.evaluation.window_table import Windows, tabulate
from offline.export.session_outputs import NetworkOutputs, run_bundle
from offline.export.wrap.wrap import _held_out, _regressions
from offline.fit.rating_heads import rated as rated_of
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import load_bundle, write_bundle
from rtemo.model.decoder import Decoder, head_logits
from rtemo.model.embeddings import HEADS
from rtemo.model.runtime import Runtime
from rtemo.model.uncertainty.probabilities import tempered

OWN_NETWORK = """
import torch
from torch import nn


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.out = nn.Linear(20, 4)

    def forward(self, eeg, eeg_mask):
        return self.out((eeg * eeg_mask[..., None]).mean(dim=(1, 2)))
"""


@pytest.fixture(scope="session")
def few(tmp_path_factory):
    """Ten people with few windows: enough to calibrate on, and quick."""
    return invented_corpus(tmp_path_factory.mktemp("few"), 10, n_trials=4, per_trial=3)


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    return rated_people(tmp_path_factory.mktemp("rated"))


def wrapped(out, *arguments):
    assert main(["--quiet", "wrap", *map(str, arguments), "--out", str(out)]) == 0
    return load_bundle(out)


def test_a_pipeline_on_features_runs_as_it_did_in_scikit_learn(few, tmp_path):
    table = tabulate(few)
    windows = Windows(table, np.arange(len(table)), ("eeg", "eye"))
    x = np.concatenate((read_de(windows), read_eye(windows)), axis=1).astype(np.float32)
    names = np.array(few.labels)[windows.labels]  # sorted, they stand in another order than the corpus's
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200)).fit(x[::2], names[::2])
    joblib.dump(pipeline, tmp_path / "own.joblib")
    bundle = wrapped(tmp_path / "b", tmp_path / "own.joblib", "--features", "de,eye", "--corpus", few.path)

    assert bundle.spec.calibrated
    assert bundle.spec.model.kind == "scikit-learn"
    rows = np.arange(0, len(table), 29)
    given = [table.shards[table.shard[row]].window(int(table.index[row])) for row in rows]
    found = np.array([tempered(head_logits(bundle, z)["joint"], 1.0) for z in Runtime(bundle).embed_windows(given)])
    wanted = pipeline.predict_proba(x[rows])[:, [list(pipeline.classes_).index(label) for label in few.labels]]
    assert np.abs(found - wanted).max() < 1e-5
    assert found.argmax(axis=1).tolist().count(windows.labels[rows][0]) < len(rows)


def test_a_torch_class_of_any_montage_is_calibrated_and_its_sets_cover_people_outside(corpus, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(OWN_NETWORK, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    bundle = wrapped(
        tmp_path / "b", "mine:Network", "--input", "eeg", "--input", "eeg_mask", "--channels", "any",
        "--corpus", corpus.path,
    )  # fmt: skip
    assert bundle.spec.calibrated
    assert bundle.spec.model.channels is None
    assert bundle.spec.metrics["eeg"]["sets"]["0.8"]["coverage"] > 0.7
    one, module = corpus.shards[1].window(3), importlib.import_module("mine").Network().eval()
    with torch.inference_mode():
        wanted = module(torch.from_numpy(one.eeg)[None], torch.from_numpy(one.eeg_mask)[None])[0].numpy()
    assert np.abs(Runtime(bundle).embed(one).eeg - wanted).max() < 1e-5


def test_an_embedding_gets_heads_from_the_corpus(few, tmp_path):
    torch.export.save(_exported(_Embedding()), tmp_path / "own.pt2")
    bundle = wrapped(
        tmp_path / "b", tmp_path / "own.pt2", "--input", "eye", "--input", "eye_valid", "--output", "embedding",
        "--corpus", few.path,
    )  # fmt: skip
    sessions = run_bundle(bundle, few.shards[1::2], bundle.spec.gate, "check")
    right = np.concatenate([s.logits["eye"].argmax(axis=1) == s.labels for s in sessions])
    assert right.mean() > 0.4  # of four
    assert set(bundle.spec.combinations) == {"eye"}


def test_a_persons_labels_change_nothing_of_what_heads_for_the_others_say_of_the_person(few):
    own = SimpleNamespace(heads={})
    shards = {shard.about.subject: shard for shard in few}
    groups = _held_out(own, [_random_outputs(shard) for shard in few], ("eye",), 4, _no_ratings)
    assert sorted(s.shard.about.subject for group in groups.values() for s in group) == sorted(shards)
    mine = {s.shard.about.subject for s in groups[0]}
    relabelled = [_random_outputs(shard, (shard.about.subject in mine)) for shard in few]
    again = _held_out(own, relabelled, ("eye",), 4, _no_ratings)
    for one, two in zip(groups[0], again[0], strict=True):
        np.testing.assert_array_equal(one.logits["eye"], two.logits["eye"])
    assert not np.array_equal(groups[1][0].logits["eye"], again[1][0].logits["eye"])


def _no_ratings(others):
    return {}


def _random_outputs(shard, moved=0, targets=None):
    rows, random = shard.rows.copy(), np.random.default_rng(shard.rows["end_s"].size)
    rows["label"] = (rows["label"] + moved) % 4
    z = dict.fromkeys(HEADS, random.normal(size=(len(rows), 6)).astype(np.float32))
    passes = dict.fromkeys(("eeg", "eye", "both"), np.ones(len(rows), np.bool_))
    who = replace(shard.about, targets=targets or {})
    return NetworkOutputs(SimpleNamespace(about=who, rows=rows), z, {}, passes)


def _exported(module):
    example = torch.zeros(3, 33), torch.ones(3, 33, dtype=torch.bool)
    return torch.export.export(module, example, dynamic_shapes=({0: torch.export.Dim("N", min=1)},) * 2)


class _Embedding(nn.Module):
    def forward(self, eye, eye_valid):
        return (eye * eye_valid)[:, :24]


def test_ratings_of_the_corpus_are_estimated_from_a_models_embedding_with_intervals_that_hold_outside(rated, tmp_path):
    torch.export.save(_exported(_Embedding()), tmp_path / "own.pt2")
    bundle = wrapped(
        tmp_path / "b", tmp_path / "own.pt2", "--input", "eye", "--input", "eye_valid", "--output", "embedding",
        "--corpus", rated.path,
    )  # fmt: skip
    _check_valence(bundle, tmp_path)


def test_a_regressor_of_scikit_learn_gives_its_own_ratings_in_their_order(rated, tmp_path, capsys):
    """Its second output is valence; as tension it always gives 5, which nobody comes near."""
    theirs = rated_people(tmp_path / "theirs", first=900)
    table = tabulate(theirs)
    windows = Windows(table, np.arange(len(table)), ("eye",))
    x = read_eye(windows).astype(np.float32)
    valence = np.concatenate([rated_of(shard, "valence") for shard in theirs])
    own = make_pipeline(StandardScaler(), Ridge(30.0)).fit(x, np.stack((np.full(len(x), 5.0), valence), axis=1))
    joblib.dump(own, tmp_path / "own.joblib")
    asked = [tmp_path / "own.joblib", "--features", "eye", "--corpus", rated.path]
    bundle = wrapped(tmp_path / "b", *asked, "--ratings", "tension,valence")
    assert "estimates valence; no estimate of tension: no better than the mean" in capsys.readouterr().out
    _check_valence(bundle, tmp_path)
    one = rated.shards[0].window(5)
    row = read_eye(Windows(tabulate(rated), np.array([5]), ("eye",))).astype(np.float32)
    np.testing.assert_allclose(Runtime(bundle).embed(one).eye, own.predict(row)[0], atol=1e-4)
    np.testing.assert_array_equal(bundle.ratings["valence"]["eye"].weight, [[0.0, 1.0]])


def test_a_persons_ratings_change_nothing_of_what_is_estimated_of_the_person(rated):
    def estimates(moved):
        sessions = [_random_outputs(shard, targets=_moved(shard.about.targets, shard.about.subject in moved))
                    for shard in rated]  # fmt: skip
        regressions = partial(_regressions, SimpleNamespace(ratings=()), ("eye",), ("valence",))
        return _held_out(SimpleNamespace(heads={}), sessions, ("eye",), 4, regressions)

    groups = estimates(())
    mine = {s.shard.about.subject for s in groups[0]}
    for one, two in zip(groups[0], estimates(mine)[0], strict=True):
        np.testing.assert_array_equal(one.ratings["valence", "eye"], two.ratings["valence", "eye"])
    assert not np.array_equal(groups[1][0].ratings["valence", "eye"], estimates(mine)[1][0].ratings["valence", "eye"])


def _moved(targets, really):
    return {trial: {name: value + 3.0 * really for name, value in own.items()} for trial, own in targets.items()}


def _check_valence(bundle, tmp_path):
    """It errs less than the mean on people held out, says so in its card, and its intervals hold on others."""
    scores = bundle.spec.training["ratings"]["valence"]["eye"]
    assert scores["rmse"]["value"] < 0.8 * scores["rmse_of_the_mean"]["value"]
    assert scores["ccc"]["low"] > 0.3
    assert scores["windows"]["coverage"]["value"] > 0.7
    assert "| valence | eyes only | 10 | 80 |" in (bundle.path / "MODEL_CARD.md").read_text()
    inside = []
    for shard in rated_people(tmp_path / "outside", first=500, n_people=6):
        decoder, windows = Decoder(bundle), [shard.window(i) for i in range(len(shard.rows))]
        embedded = Runtime(bundle).embed_windows(windows)
        made = [decoder.step(window, z).ratings["valence"] for window, z in zip(windows, embedded, strict=True)]
        known = [
            (one, truth) for one, truth in zip(made, rated_of(shard, "valence"), strict=True) if one.low == one.low
        ]
        inside += [one.low <= truth <= one.high for one, truth in known]
    assert len(inside) > 100
    assert np.mean(inside) > 0.7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ratings", "valence,calm"], "no ratings of calm by 6 people or more; it has tension, valence"),
        (["--ratings", "valence"], "gives other ratings; 2 outputs; named are valence"),
        (["--ratings", "valence,tension", "--output", "logits"], "gives ratings or something else"),
        (["--ratings", "valence,valence"], "a rating is named twice"),
        ([], "2 outputs, 4 labels; name its labels (--labels), or what it rates (--ratings valence,arousal)"),
    ],
)
def test_ratings_that_do_not_fit_are_refused_with_what_was_found(rated, tmp_path, capsys, arguments, said):
    onnx.save(signal_graph(("Fp1",), 2, what="eye"), tmp_path / "own.onnx")
    asked = ["--input", "x=eye", "--corpus", str(rated.path), *arguments]
    assert main(["--quiet", "wrap", str(tmp_path / "own.onnx"), *asked, "--out", str(tmp_path / "b")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_a_classifier_is_no_regressor_and_a_model_of_ratings_needs_a_corpus(tmp_path, capsys):
    joblib.dump(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), tmp_path / "own.joblib")
    onnx.save(signal_graph(("Fp1",), 2, what="eye"), tmp_path / "own.onnx")
    more = ["--labels", "a,b", "--ratings", "valence,arousal", "--channels", "any", "--out", str(tmp_path / "b")]
    assert main(["wrap", str(tmp_path / "own.joblib"), "--features", "eye", *more]) == 2
    assert "this is no fitted regressor; LogisticRegression" in capsys.readouterr().err
    assert main(["wrap", str(tmp_path / "own.onnx"), "--input", "x=eye", *more]) == 2
    assert "a model of ratings needs heads for the labels; there is no corpus" in capsys.readouterr().err


def test_without_a_corpus_there_are_no_sets_and_no_novelty_and_every_record_says_so(tmp_path, few):
    onnx.save(signal_graph(("Fp1", "Fp2", "O1"), 4), tmp_path / "own.onnx")
    bundle = wrapped(
        tmp_path / "b", tmp_path / "own.onnx", "--input", "x=signal", "--channels", "Fp1,Fp2,O1",
        "--labels", ",".join(few.labels),
    )  # fmt: skip
    window = _with_signal(few.shards[0].window(0))
    prediction = Decoder(bundle).step(window, Runtime(bundle).embed(window))
    record = prediction.to_dict()
    assert record["calibrated"] is False
    assert record["set"] == []
    assert record["novelty"] is None
    assert record["emotion"] in few.labels
    assert "Not calibrated" in (bundle.path / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", "x=signal", "--channels", "Fp1,O1"], "has another shape"),
        (["--input", "x=eeg_mask", "--channels", "Fp1,Fp2,O1"], "is of another type"),
        (["--input", "y=signal", "--channels", "Fp1,Fp2,O1"], "wants other inputs than are declared"),
        (["--input", "x=noise", "--channels", "Fp1,Fp2,O1"], "there is no input 'noise'"),
        (["--input", "x=signal", "--channels", "Fp1,Fp2,Nose"], "these electrodes are not known"),
    ],
)
def test_a_graph_that_wants_other_inputs_is_refused_with_both_sides(tmp_path, capsys, arguments, said):
    onnx.save(signal_graph(("Fp1", "Fp2", "O1"), 4), tmp_path / "own.onnx")
    labels = ["--labels", "a,b,c,d"]
    assert main(["wrap", str(tmp_path / "own.onnx"), *arguments, *labels, "--out", str(tmp_path / "b")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_other_numbers_of_labels_are_refused(tmp_path, capsys):
    onnx.save(signal_graph(("Fp1",), 4), tmp_path / "own.onnx")
    asked = ["--input", "x=signal", "--channels", "Fp1", "--labels", "a,b,c"]
    assert main(["wrap", str(tmp_path / "own.onnx"), *asked, "--out", str(tmp_path / "b")]) == 2
    assert "4 outputs, 3 labels" in capsys.readouterr().err


def test_a_model_that_gives_nan_on_the_corpus_is_refused(tmp_path, few, capsys):
    onnx.save(signal_graph(("Fp1",), 4, what="eye", bias=float("nan")), tmp_path / "own.onnx")
    asked = ["--input", "x=eye", "--corpus", str(few.path)]
    assert main(["--quiet", "wrap", str(tmp_path / "own.onnx"), *asked, "--out", str(tmp_path / "b")]) == 2
    assert "gives no finite numbers" in capsys.readouterr().err


def test_a_calibration_cannot_be_given_to_another_model(tmp_path, few):
    """Neither the model under a calibration can be exchanged nor the calibration over a model."""
    bundles = []
    for i, bias in enumerate((0.0, 1.0)):
        onnx.save(signal_graph(("Fp1",), 4, what="eye", bias=bias), tmp_path / "own.onnx")
        asked = ["--input", "x=eye", "--corpus", few.path]
        bundles.append(wrapped(tmp_path / f"b{i}", tmp_path / "own.onnx", *asked))
    one, other = bundles

    def write(spec, graph):
        parts = (one.heads, one.familiar, {})
        write_bundle(tmp_path / "mixed", spec, *parts, lambda path: path.write_bytes(graph.read_bytes()), "# card\n")

    with pytest.raises(RtemoError, match="were not made for this model"):
        write(one.spec, other.onnx_path)  # other weights under its quantiles
    foreign = {name: replace(c, quantiles={k: q / 2 for k, q in c.quantiles.items()}) for name, c in
               one.spec.combinations.items()}  # fmt: skip
    with pytest.raises(RtemoError, match="were not made for this model"):
        write(replace(one.spec, combinations=foreign), one.onnx_path)  # other quantiles over its weights
    write(one.spec, one.onnx_path)
    assert load_bundle(tmp_path / "mixed").spec == one.spec


def test_a_wrapped_model_runs_without_torch_and_scikit_learn(tmp_path, few):
    onnx.save(signal_graph(("Fp1",), 4, what="eye"), tmp_path / "own.onnx")
    bundle = wrapped(tmp_path / "b", tmp_path / "own.onnx", "--input", "x=eye", "--corpus", few.path)
    code = (
        "import sys; from pathlib import Path; from rtemo.model.bundle import load_bundle\n"
        "from rtemo.model.runtime import Runtime\n"
        f"Runtime(load_bundle(Path({str(bundle.path)!r})))\n"
        "assert not {'torch', 'sklearn', 'onnx', 'skl2onnx'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _with_signal(window):
    shape = len(window.channels)
    signal = np.random.default_rng(0).normal(size=(800, shape)).astype(np.float32)
    return replace(window, signal=signal, signal_size=np.ones(shape, np.float32))
