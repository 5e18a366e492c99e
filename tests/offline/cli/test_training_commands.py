from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from invented import invented_corpus

import offline.export.export
import offline.fit.fit
from offline.__main__ import main
from offline.cli import training_commands as commands
from offline.export.session_outputs import run_network
from offline.splits import split_subjects
from offline.training.initial_weights import read_initial
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError
from rtemo.core.settings import PipelineSettings
from rtemo.model.bundle import load_bundle
from rtemo.model.decoder import Decoder, usable
from rtemo.model.network import Heads, Network, NetworkConfig
from rtemo.model.runtime import Runtime

SMALL = NetworkConfig(width=40, layers=1, heads=5, channel_width=16, queries=2, pool_heads=2)
SETTINGS = TrainingSettings(
    seed=1, device="cpu", epochs=8, patience=8, batch=64, per_trial=6, rate=3e-3, least_steps=1, network=SMALL
)


@pytest.fixture(scope="module")
def bundle(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles") / "small"
    return commands.finetune(corpus.path, out, "small", SETTINGS, None, resume=False)


def test_finetune_writes_a_bundle_that_loads(bundle):
    read = load_bundle(bundle.path)
    assert read.spec.trained_on == "invented people"
    assert read.spec.training["corpus_fingerprint"]
    assert set(read.spec.combinations) == {"eeg", "eye", "both"}
    assert all(set(c.quantiles) == {0.5, 0.65, 0.8, 0.9} for c in read.spec.combinations.values())


def test_the_bundle_takes_the_corpus_pipeline_at_the_hop_of_a_live_session(bundle, corpus):
    assert corpus.pipeline["window"]["hop_s"] == 1.0
    assert bundle.spec.pipeline == PipelineSettings()


def test_the_card_tells_people_scores_chance_and_limits(bundle):
    card = (bundle.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    m = bundle.spec.metrics["both"]
    assert "**Trained on invented people.**" in card
    assert f"| EEG and eyes | {m['n_people']} | {m['n_trials']} | {m['n_windows']} | 25.0 % |" in card
    assert f"{100 * m['window']['mean']:.1f} % ± {100 * m['window']['sd']:.1f} %" in card
    assert "no medical device" in card


def test_a_model_of_simulated_people_says_that_it_never_saw_a_human_being(bundle):
    card = offline.export.export.model_card(replace(bundle.spec, trained_on="simulated people"))
    assert "never seen a human being" in card


def test_a_text_of_many_lines_stays_in_its_line_of_the_card(bundle):
    mapping = {"file": "map.toml", "text": "# proposed\n[trials]\n"}
    described = {**bundle.spec.training["description"], "mapping": mapping}
    spec = replace(bundle.spec, training={**bundle.spec.training, "description": described})
    card = offline.export.export.model_card(spec)
    assert "- mapping: file map.toml, text 2 lines, in bundle.json\n" in card
    assert "\n# proposed" not in card


def test_scores_are_better_than_chance_on_people_used_for_nothing_else(bundle):
    metrics = bundle.spec.metrics
    for name in ("eeg", "eye", "both"):
        assert metrics[name]["window"]["mean"] > 0.35
        assert metrics[name]["n_people"] == bundle.spec.training["people"]["test"]


def test_the_bundle_says_live_what_training_measured(bundle, corpus):
    who = split_subjects(corpus.subjects, SETTINGS.seed).test[:1]  # nobody's windows lie right on the novelty limit
    (shard,) = corpus.of(who)
    network = Network(NetworkConfig.from_dict(bundle.spec.network))
    weights = read_initial(bundle.path).weights
    network.load_state_dict(weights)
    heads = Heads(SMALL.width, 4)
    for name, head in bundle.heads.items():
        heads.linear[name].weight.data = torch.from_numpy(head.weight)
        heads.linear[name].bias.data = torch.from_numpy(head.bias)
    (session,) = run_network(network, heads, [shard], bundle.spec.gate, "test")
    runtime, live, offline_decoder = Runtime(bundle), Decoder(bundle), Decoder(bundle)
    for window, embeddings in session.windows("both"):
        a = live.step(window, runtime.embed(window))
        b = offline_decoder.step(window, embeddings)
        np.testing.assert_allclose(list(a.smoothed.values()), list(b.smoothed.values()), atol=1e-4)


def test_export_from_the_checkpoint_gives_the_same_bundle(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(offline.export.export, "write_onnx", lambda network, path: shutil.copy(bundle.onnx_path, path))
    checkpoint = bundle.path.with_name("small.checkpoint.pt")
    again = commands.export(checkpoint, None, tmp_path / "again", "small")
    assert again.fingerprint == bundle.fingerprint


def test_training_can_begin_from_a_bundle_or_a_checkpoint(bundle):
    from_bundle = read_initial(bundle.path).weights
    from_checkpoint = read_initial(bundle.path.with_name("small.checkpoint.pt")).weights
    for name, value in from_bundle.items():
        assert torch.equal(value, from_checkpoint[name].half().float())


def test_an_interrupted_export_leaves_no_bundle(bundle, tmp_path, monkeypatch):
    def stop(network, path):
        raise KeyboardInterrupt

    monkeypatch.setattr(offline.export.export, "write_onnx", stop)
    with pytest.raises(KeyboardInterrupt):
        commands.export(bundle.path.with_name("small.checkpoint.pt"), None, tmp_path / "x", "small")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_and_no_run_is_taken_up_by_accident(bundle, corpus, tmp_path):
    with pytest.raises(RtemoError, match="exists already"):
        commands.finetune(corpus.path, bundle.path, "x", SETTINGS, None, resume=True)
    (tmp_path / "b.checkpoint.pt").write_bytes(b"")
    with pytest.raises(RtemoError, match="--resume"):
        commands.finetune(corpus.path, tmp_path / "b", "x", SETTINGS, None, resume=False)


def test_bad_input_is_one_line_and_exit_2(tmp_path, capsys):
    assert main(["finetune", "--corpus", str(tmp_path), "--out", str(tmp_path / "b")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1


def test_an_interrupt_is_exit_130(monkeypatch, tmp_path):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "finetune", stop)
    assert main(["finetune", "--split", "--corpus", str(tmp_path), "--out", str(tmp_path / "b")]) == 130


def test_the_command_line_hands_on_what_it_is_given(monkeypatch, tmp_path, bundle, capsys):
    calls = []

    def record(*args, **kwargs):
        calls.append((args, kwargs))
        return bundle

    monkeypatch.setattr(commands, "finetune", record)
    arguments = ["--seed", "7", "--max-minutes", "3", "--epochs", "9", "--device", "cpu", "--name", "n", "--resume"]
    assert main(["finetune", "--split", "--corpus", str(tmp_path), "--out", str(tmp_path / "b"), *arguments]) == 0
    ((_, _, name, settings, init), options) = calls[0]
    assert (name, init, options) == ("n", None, {"resume": True})
    assert (settings.seed, settings.max_minutes, settings.epochs, settings.device) == (7, 3.0, 9, "cpu")
    assert capsys.readouterr().out == f"{bundle.path}\n"


def test_finetune_cross_fits_the_network_unless_people_are_to_be_held_out_for_good(corpus, tmp_path, monkeypatch):
    asked = []

    def record(corpus_, request, out, workers, keep):
        asked.append((request, workers))
        raise RtemoError("enough", "", "")

    monkeypatch.setattr(offline.fit.fit, "fit", record)
    line = f"finetune --corpus {corpus.path} --out {tmp_path / 'b'} --folds 5 --jobs 2 --max-minutes 8 --mode probe"
    assert main(line.split()) == 2
    ((request, workers),) = asked
    assert (request.method, request.folds, workers.jobs) == ("network", 5, 2)
    assert request.training.mode == "probe"
    assert request.training.max_minutes == 2.0  # three rounds of folds, and everybody
    assert main([*line.split(), "--resume"]) == 2
    assert len(asked) == 1


def test_a_bundle_is_scored_on_other_people_by_the_command(bundle, tmp_path, capsys):
    invented_corpus(tmp_path / "others", 6, first=100)
    assert main(["score", str(bundle.path), "--corpus", str(tmp_path / "others")]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["both"]["n_people"] == 6
    assert result["both"]["window"]["mean"] > 0.35
    assert result["bundle"] == bundle.fingerprint


def test_a_bundle_is_not_scored_on_its_own_corpus_nor_on_one_that_does_not_fit(bundle, corpus, tmp_path, monkeypatch):
    with pytest.raises(RtemoError, match="was trained on"):
        commands.score(bundle.path, corpus.path)
    others = invented_corpus(tmp_path / "others", 2, first=100)
    quiet = replace(PipelineSettings(), eeg_prior_level=9.0).to_dict()
    for change, what in (({"pipeline": quiet}, "other pipeline settings"), ({"labels": ("a", "b")}, "other labels")):
        monkeypatch.setattr(commands, "open_corpus", lambda path, change=change: replace(others, **change))
        with pytest.raises(RtemoError, match=what):
            commands.score(bundle.path, others.path)


def test_metrics_are_plain_json(bundle):
    text = json.dumps(bundle.spec.metrics, allow_nan=False)
    assert not math.isnan(json.loads(text)["both"]["ece"])


@pytest.mark.parametrize("eye", ["as released", "none"])
def test_a_model_of_released_eye_features_or_none_takes_live_eeg_alone_and_says_why(corpus, tmp_path, monkeypatch, eye):
    sources = {"eeg": "causal", "eye": eye}
    changed = replace(corpus, description={**corpus.description, "sources": sources, "data set": "SEED-IV"})
    monkeypatch.setattr(commands, "open_corpus", lambda path: changed)
    made = commands.finetune(corpus.path, tmp_path / "b", "b", replace(SETTINGS, epochs=1), None, resume=False)
    read = load_bundle(made.path)
    assert set(read.spec.combinations) == {"eeg"}
    assert read.spec.sources == sources
    why = Decoder(read).eye_unused
    assert why.endswith("EEG alone decides")
    assert ("as SEED-IV releases them" in why) == (eye == "as released")
    window = corpus.shards[0].window(0)
    assert usable(window, read.spec.gate, read.spec.combinations) == "eeg"
    assert usable(replace(window, eeg_coverage=0.0), read.spec.gate, read.spec.combinations) is None


def test_a_model_of_live_features_uses_the_eyes(bundle):
    assert bundle.spec.sources == {"eeg": "causal", "eye": "causal"}
    assert Decoder(bundle).eye_unused == ""


def test_a_model_of_released_eeg_features_is_not_exported(bundle, corpus, tmp_path, monkeypatch):
    changed = replace(corpus, description={**corpus.description, "sources": {"eeg": "as released", "eye": "none"}})
    monkeypatch.setattr(commands, "open_corpus", lambda path: changed)
    checkpoint = bundle.path.with_name("small.checkpoint.pt")
    with pytest.raises(RtemoError, match="released EEG features cannot run live"):
        commands.export(checkpoint, None, tmp_path / "b", "b")
