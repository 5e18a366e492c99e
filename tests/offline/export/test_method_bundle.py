from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from invented import LABELS, about, invented_windows
from model_sessions import live_session, rows, simulated_person

from offline.__main__ import main
from offline.corpus import eeg_signal, shard_writer
from offline.corpus.corpus import open_corpus, write_manifest
from offline.corpus.eeg_signal import SignalKeeper, window_with_signal
from offline.corpus.shard_writer import ShardWriter
from offline.evaluation.methods import METHODS, method_named
from offline.evaluation.window_table import Windows, tabulate
from offline.export.bundle_scores import score
from offline.export.calibrate import calibrated
from offline.export.export import GATE
from offline.export.method_bundle import TrainingFacts, write_method_bundle
from offline.export.run_method import export_method, run_method
from offline.training.initial_weights import live_settings
from rtemo.cli import main as rtemo_main
from rtemo.core.eeg.conditioning import GridBlock
from rtemo.core.settings import PipelineSettings
from rtemo.model.decoder import head_logits, usable
from rtemo.model.runtime import Runtime
from rtemo.model.uncertainty.probabilities import tempered

SECONDS, HOP_S = 14.0, 1.0
SEEN = {"eeg": ("eeg",), "eye": ("eye",), "both": ("eeg", "eye")}
HEAD_SEES = {"eeg": ("eeg",), "eye": ("eye",), "joint": ("eeg", "eye")}


BRAINDECODE = "braindecode:ShallowFBCSPNet,frozen"  # random weights


@pytest.fixture(scope="session")
def with_signal(tmp_path_factory):
    """Six people with the EEG itself, which says nothing; one has lost a channel in half of the windows."""
    path, recordings = tmp_path_factory.mktemp("signal"), []
    for person in range(6):
        windows, labels, trials = invented_windows(person, 12 if person % 2 else 9, n_trials=4, per_trial=3)
        for window in windows[::2]:
            window.eeg_mask[:, 2] = False
        random = np.random.default_rng(person)
        with ShardWriter(path, about(person, windows[0].channels)) as writer:
            for one in zip(windows, labels, trials, strict=True):
                writer.add(*one)
            keep = SignalKeeper(writer.append)
            for first in range(0, round(200 * windows[-1].end_s), 2000):
                values = 10.0 * random.normal(size=(1990, len(windows[0].channels)))
                keep(GridBlock(first, values, values, np.ones(values.shape, bool), restarted=False))
            recordings.append(writer.finish(channels=windows[0].channels))
    people = {"people": "invented people", "sources": {"eeg": "causal", "eye": "causal"}}
    write_manifest(path, "invented", PipelineSettings().with_hop(1.0).to_dict(), LABELS, people, recordings)
    return open_corpus(path)


def fitted(corpus, name):
    """The method on the first half of the people; the sessions of both halves."""
    table, everything = tabulate(corpus), tabulate(corpus, labelled=False)
    known_people = corpus.subjects[: len(corpus.subjects) // 2]
    known = np.array([table.shards[number].about.subject in known_people for number in table.shard])
    train, validation = (Windows(table, np.flatnonzero(side), ("eeg", "eye")) for side in (known, ~known))
    method = method_named(name)
    if hasattr(method, "recipe"):
        method = replace(method, recipe=replace(method.recipe, epochs=1))
    model = method.fit(train, validation, 0)
    sessions = run_method(model, everything, GATE)
    sides = [[s for s in sessions if (s.shard.about.subject in known_people) == side] for side in (True, False)]
    return model, sides


def bundled(corpus, name, path, *, with_calibration=True):
    model, (training, held_out) = fitted(corpus, name)
    graph, settings = export_method(model, name), live_settings(corpus)
    calibration = calibrated(graph, graph.combinations, settings, training, held_out) if with_calibration else None
    people = sorted({s.shard.about.subject for s in training})
    facts = TrainingFacts.of(corpus, people, {"trained on": len(people)})
    bundle = write_method_bundle(path, graph, calibration, facts, name=name, labels=corpus.labels, settings=settings)
    return model, bundle


@pytest.mark.parametrize("name", [*(name for name in METHODS if name != "riemann"), BRAINDECODE])
def test_a_method_gives_the_same_offline_and_live(with_signal, session, tmp_path, name):
    model, bundle = bundled(with_signal, name, tmp_path / "bundle", with_calibration=False)

    table = tabulate(with_signal)
    rows = np.arange(0, len(table), 11)
    windows = [window_with_signal(table.shards[table.shard[row]], int(table.index[row]), 800, 200.0) for row in rows]
    live = Runtime(bundle).embed_windows(windows)
    for combination in bundle.spec.combinations:
        head = {"eeg": "eeg", "eye": "eye", "both": "joint"}[combination]
        offline = model.probabilities(Windows(table, rows, HEAD_SEES[head]))
        found = np.array([tempered(head_logits(bundle, one)[head], 1.0) for one in live])
        assert np.abs(found - offline).max() < 1e-5
    _check_session(*session, model, bundle, tmp_path)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A person, and a corpus of the person's session whose features are not rounded to float16."""
    person, folder = simulated_person(), tmp_path_factory.mktemp("session")
    live_session(person, None, folder / "sessions", SECONDS, HOP_S)
    with pytest.MonkeyPatch.context() as patch:
        for module in (shard_writer, eeg_signal):
            patch.setattr(module, "np", _Unrounded())
        asked = ["--root", str(folder / "sessions"), "--hop", str(HOP_S), "--signal", "--jobs", "1"]
        assert main(["--quiet", "build", "xdf", *asked, "--out", str(folder / "corpus")]) == 0
    return person, open_corpus(folder / "corpus")


class _Unrounded:
    def __getattr__(self, name):
        return getattr(np, "float32" if name == "float16" else name)


def _check_session(person, recorded, model, bundle, folder):
    """A whole session: live, its replay, and the method on the corpus of the same samples say the same."""
    left = live_session(person, bundle, folder / "sessions", SECONDS, HOP_S)
    live, replay = rows(left / "predictions.csv"), folder / "replay.csv"
    asked = ["--model", str(bundle.path), "--speed", "max", "--quiet", "--hop", str(HOP_S), "--out", str(replay)]
    assert rtemo_main(["replay", str(left / "recording.xdf"), *asked]) == 0
    assert rows(replay) == live

    table = tabulate(recorded, model.table.channels, labelled=False)
    (shard,) = recorded.shards
    compared = 0
    for i, end_s in enumerate(shard.rows["end_s"]):
        record = next(row for row in live if float(row["time_s"]) == round(float(end_s), 6))
        name = usable(shard.window(i), bundle.spec.gate, bundle.spec.combinations)
        if name is None:
            assert record["abstain"] in ("no signal", "signal too bad")
            continue
        offline = model.probabilities(Windows(table, np.array([i]), SEEN[name]))[0]
        found = [float(record[f"probabilities.{label}"]) for label in bundle.labels]
        assert np.abs(offline - found).max() < 1e-5
        compared += 1
    assert compared > 5


def test_a_regressions_sets_cover_people_who_were_neither_trained_nor_calibrated_on(corpus, tmp_path):
    model, (training, others) = fitted(corpus, "de-lr")
    graph, settings = export_method(model, "de-lr"), live_settings(corpus)
    assert graph.combinations == ("eeg",)
    calibration = calibrated(graph, graph.combinations, settings, training, others[:9])
    facts = TrainingFacts.of(corpus, corpus.subjects[:15], {"trained on": 15})
    more = {"name": "de-lr", "labels": corpus.labels, "settings": settings}
    bundle = write_method_bundle(tmp_path / "bundle", graph, calibration, facts, **more)
    outside = score(bundle, others[9:], "eeg")
    assert bundle.spec.calibrated
    assert outside["sets"]["0.8"]["coverage"] > 0.7
    assert outside["sets"]["0.8"]["size"] < 4.0
    assert outside["window"]["mean"] > 0.35  # of four
