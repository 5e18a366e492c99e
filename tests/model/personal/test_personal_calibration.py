"""A personal calibration: helps where a person differs, is rolled back where not, and fits one bundle only."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hostile_documents import JSON_TEXTS, changed, damaged, json_bytes, outcome, refused
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.model.decoder import Decoder
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.personal import embedding_memory
from rtemo.model.personal.calibration import PersonalCalibration, load_person, save_person
from rtemo.model.personal.embedding_memory import EmbeddingMemory
from rtemo.model.personal.fit import LabelledClip, fit_person

WIDTH, ROWS = 40, 12


def clip(label, centre, seed):
    random = np.random.default_rng(seed)
    z = {head: (centre[head] + random.normal(size=(ROWS, WIDTH))).astype(np.float32) for head in HEADS}
    begin_s = 100.0 * seed
    times = begin_s + 4.0 + np.arange(ROWS)
    return LabelledClip(label, begin_s, begin_s + 20.0, times, np.array(["both"] * ROWS), z)


def places(bundle, shift, meaning=3.0):
    """Where a person's labels lie, by head: where the trained head looks for them, and all beside that by a shift."""
    aside = np.random.default_rng(5).normal(size=WIDTH)
    where = {}
    for head in HEADS:
        weight = bundle.heads[head].weight - bundle.heads[head].weight.mean(axis=0)
        where[head] = meaning * weight / np.linalg.norm(weight, axis=1, keepdims=True) + shift * aside
    return where


def clips_of(where, seed=0):
    return [clip(k, {head: where[head][k] for head in HEADS}, seed + 4 * i + k + 1) for i in range(2) for k in range(4)]


@pytest.fixture(scope="module")
def own(bundle):
    """A person whose embeddings all lie beside the training people's."""
    return fit_person(bundle, clips_of(places(bundle, 2.0)), holds_s=7.5)


def found(bundle, clips, person):
    """The share of windows whose label the joint head finds."""
    right = []
    for one in clips:
        head = Decoder(bundle, person).model_at(0.0).heads["joint"]
        right.append(np.mean((one.z["joint"] @ head.weight.T + head.bias).argmax(axis=1) == one.label))
    return np.mean(right)


def test_a_person_whose_embeddings_lie_beside_the_usual_ones_is_told_better_in_new_clips(bundle, own):
    assert own.person is not None
    new = clips_of(places(bundle, 2.0), seed=50)
    assert found(bundle, new, own.person) > found(bundle, new, None) + 0.1
    assert own.scores["both"]["after"]["nll"] < own.scores["both"]["before"]["nll"]


def test_more_clips_move_the_heads_further(bundle):
    where = places(bundle, 2.0)
    few, many = clips_of(where), [one for seed in range(4) for one in clips_of(where, 8 * seed)]

    def moved(clips):
        return np.abs(fit_person(bundle, clips).person.heads["joint"].bias - bundle.heads["joint"].bias).sum()

    assert moved(many) > 1.3 * moved(few)


def test_a_long_clip_counts_no_more_than_a_short_one(bundle, own):
    clips = clips_of(places(bundle, 2.0))
    long = replace(
        clips[0],
        times=np.concatenate([clips[0].times, clips[0].times + 12.0]),
        offers=np.tile(clips[0].offers, 2),
        z={head: np.tile(z, (2, 1)) for head, z in clips[0].z.items()},
    )
    twice = fit_person(bundle, [long, *clips[1:]]).person
    np.testing.assert_allclose(
        twice.heads["joint"].bias, own.person.heads["joint"].bias, atol=0.03
    )  # other rows are drawn


def test_labels_that_mean_nothing_are_rolled_back(bundle):
    told = clips_of(places(bundle, 0.0))
    shuffled = [replace(one, label=k) for one, k in zip(told, (0, 1, 2, 3, 1, 2, 3, 0), strict=True)]
    wrong = [replace(one, label=k) for one, k in zip(told, (1, 2, 3, 0, 3, 0, 1, 2), strict=True)]
    for clips in (shuffled, wrong):
        outcome = fit_person(bundle, clips)
        assert outcome.person is None
        assert "the trained model stays" in outcome.verdict


def test_the_same_clips_give_the_same_numbers(bundle, own):
    again = fit_person(bundle, clips_of(places(bundle, 2.0)), holds_s=7.5)
    for head in HEADS:
        np.testing.assert_array_equal(again.person.heads[head].weight, own.person.heads[head].weight)
    assert again.person.quantiles == own.person.quantiles


def test_too_few_clips_are_refused(bundle):
    with pytest.raises(RtemoError, match="too little is labelled"):
        fit_person(bundle, clips_of(places(bundle, 2.0))[:3])
    with pytest.raises(RtemoError, match="too little is labelled"):
        fit_person(bundle, [clip(1, dict.fromkeys(HEADS, 1.0), seed) for seed in range(6)])


def test_quantiles_are_never_lowered(bundle, own):
    for name, combination in bundle.spec.combinations.items():
        for level, quantile in combination.quantiles.items():
            assert own.person.quantiles[name][level] >= quantile


def test_a_file_gives_the_same_person_and_is_not_overwritten(bundle, own, tmp_path):
    save_person(tmp_path / "p.json", own.person)
    read = load_person(tmp_path / "p.json", bundle)
    for head in HEADS:
        np.testing.assert_array_equal(read.heads[head].weight, own.person.heads[head].weight)
    assert (read.holds_s, read.fitted_on) == (7.5, own.person.fitted_on)
    assert read.quantiles == own.person.quantiles
    with pytest.raises(RtemoError, match="exists already"):
        save_person(tmp_path / "p.json", own.person)


def test_another_bundle_is_refused(bundle, own, tmp_path):
    save_person(tmp_path / "p.json", own.person)
    other = replace(bundle, fingerprint="0" * 64)
    with pytest.raises(RtemoError, match="made for another model"):
        load_person(tmp_path / "p.json", other)
    with pytest.raises(RtemoError, match="made for another model"):
        Decoder(other, own.person)


@pytest.mark.parametrize(
    ("where", "value"),
    [("heads.eeg.weight", "AAAA"), ("quantiles.both", {"0.8": 0.5}), ("format", 9)],
)
def test_a_damaged_file_is_refused(bundle, own, tmp_path, where, value):
    save_person(tmp_path / "p.json", own.person)
    document = json.loads((tmp_path / "p.json").read_text())
    *path, last = where.split(".")
    inner = document
    for key in path:
        inner = inner[key]
    inner[last] = value
    (tmp_path / "p.json").write_text(json.dumps(document))
    with pytest.raises(RtemoError, match="personal calibration"):
        load_person(tmp_path / "p.json", bundle)


def test_hostile_files_are_refused_and_changed_ones_refused_or_read(bundle, own, tmp_path):
    path = tmp_path / "p.json"
    save_person(path, own.person)
    content = path.read_bytes()

    def read(text):
        path.write_bytes(text)
        return load_person(path, bundle)

    for text in JSON_TEXTS:
        refused(lambda text=text: read(text))

    @given(st.one_of(changed(json.loads(content)).map(json_bytes), damaged(content)))
    def check(text):
        outcome(lambda: read(text), PersonalCalibration)

    check()


def test_a_person_counts_from_its_time_on_and_until_taken_back(bundle, window, own):
    def lines(change):
        decoder = Decoder(bundle)
        change(decoder)
        random = np.random.default_rng(1)
        steps = [Embeddings(*random.normal(size=(3, WIDTH)).astype(np.float32)) for _ in range(12)]
        return [list(decoder.step(window(4.0 + i), z).probabilities.values()) for i, z in enumerate(steps)]

    def both(decoder):
        decoder.adopt(own.person, 7.0)
        decoder.adopt(None, 11.0)

    plain, personal, timed = lines(lambda d: None), lines(lambda d: d.adopt(own.person, float("-inf"))), lines(both)
    assert timed[:4] == plain[:4]
    assert timed[4:8] == personal[4:8] != plain[4:8]
    assert timed[8:] == plain[8:]


def test_the_memory_keeps_one_settled_usable_window_a_second(bundle, window):
    memory = EmbeddingMemory(bundle.spec)
    random = np.random.default_rng(2)
    for i in range(80):
        end_s = 10.0 + i / 4
        z = Embeddings(*random.normal(size=(3, WIDTH)).astype(np.float32))
        memory.take(window(end_s, settled=end_s >= 15.0, gaze_coverage=0.0 if end_s >= 25.0 else 1.0), z)
    found = memory.clip(2, 12.0, 40.0)
    assert found.times.tolist() == [float(s) for s in range(16, 30)]
    assert found.offers.tolist() == ["both"] * 9 + ["eeg"] * 5
    assert found.rows("eeg").z.shape == (14, WIDTH)
    assert found.rows("joint").z.shape == (9, WIDTH)


def test_the_memory_holds_the_newest_windows_and_no_more_than_it_was_made_with(bundle, window, monkeypatch):
    monkeypatch.setattr(embedding_memory, "KEPT", 5)
    memory = EmbeddingMemory(bundle.spec)
    for second in range(1, 9):
        row = np.full(WIDTH, second, np.float32)
        memory.take(window(10.0 + second), Embeddings(row, 10 * row, 100 * row))
    found = memory.clip(2, 0.0, 40.0)
    assert found.times.tolist() == [14.0, 15.0, 16.0, 17.0, 18.0]
    assert found.z["eeg"][:, 0].tolist() == [4.0, 5.0, 6.0, 7.0, 8.0]
    assert found.z["joint"][:, 0].tolist() == [400.0, 500.0, 600.0, 700.0, 800.0]
    assert memory.clip(2, 12.0, 17.5).times.tolist() == [16.0, 17.0]
