from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from offline.corpus.corpus import ROW, UNLABELLED
from offline.evaluation.metrics import ece
from offline.export import calibrate
from offline.export.session_outputs import NetworkOutputs
from rtemo.model.bundle_schema import Combination
from rtemo.model.decoder import pool
from rtemo.model.uncertainty.smoothing import Smoothing

EVEN = Smoothing(60.0, 4.0, (0.25,) * 4)
TRUE_TEMPERATURE = 2.0


def session(person, n=240, seed=None, skill=2.0):
    """Windows every second, blocks of 40 s of one label, logits too sure by TRUE_TEMPERATURE."""
    random = np.random.default_rng(person if seed is None else seed)
    rows = np.zeros(n, ROW)
    rows["end_s"] = 100.0 + np.arange(n)
    rows["trial"] = np.arange(n) // 40
    rows["label"] = rows["trial"] % 4
    rows["label"][::40] = UNLABELLED  # windows that lie across two clips
    evidence = random.normal(size=(3, n, 4))
    evidence[:, np.arange(n), rows["trial"] % 4] += skill
    calibrated = skill * evidence  # Gaussian evidence of this skill: its softmax is exactly calibrated
    heads = ("eeg", "eye", "joint")
    labelled = np.flatnonzero(rows["label"] != UNLABELLED)
    about = SimpleNamespace(subject=f"p{person}")
    return NetworkOutputs(
        shard=SimpleNamespace(rows=rows, labelled=labelled, about=about),
        z={head: evidence[i].astype(np.float32) for i, head in enumerate(heads)},
        logits={head: TRUE_TEMPERATURE * calibrated[i] for i, head in enumerate(heads)},
        passes={name: np.ones(n, np.bool_) for name in ("eeg", "eye", "both")},
    )


@pytest.fixture(scope="module")
def people():
    return [session(person) for person in range(12)]


def test_temperature_undoes_overconfidence(people):
    for found in calibrate.temperatures(people).values():
        assert found == pytest.approx(TRUE_TEMPERATURE, rel=0.1)


def test_a_person_with_ten_times_the_windows_counts_no_more(people):
    sure = session(99, n=2400)
    for head in sure.logits:
        sure.logits[head][:] *= 10.0  # this one person's evidence is far too strong
    few = calibrate.temperatures([*people, session(98)])["eeg"]
    many = calibrate.temperatures([*people, sure])["eeg"]
    thrice = calibrate.temperatures([*people, sure, sure])["eeg"]
    assert few < many
    assert thrice == pytest.approx(many, rel=1e-3)


def test_independent_heads_are_added_up_and_a_useless_one_is_left_out(people):
    by_head = calibrate.temperatures(people)
    weights = calibrate.fusion_weights(people, by_head)
    assert weights["eeg"] == {"eeg": 1.0}
    assert all(weight == pytest.approx(1.0, abs=0.2) for weight in weights["both"].values())
    noise = [session(person) for person in range(12)]
    for one in noise:
        one.logits["eye"][:] = np.random.default_rng(7).normal(size=one.logits["eye"].shape)
    weights = calibrate.fusion_weights(noise, {**by_head, "eye": 1.0})
    assert weights["both"]["eye"] < 0.1


def test_smoothing_is_the_decoders_and_skips_what_the_gate_stops(people):
    one = session(3)
    combination = Combination({"eeg": 1.0}, 8.0, 1.0, {}, calibrate.novelty_scale([one], "eeg", identity(), ONES))
    free = calibrate.smoothed(one, "eeg", combination, {"eeg": 2.0}, EVEN)
    one.passes["eeg"][100:] = False
    stopped = calibrate.smoothed(one, "eeg", combination, {"eeg": 2.0}, EVEN)
    np.testing.assert_array_equal(free[:100], stopped[:100])
    gap_s = one.times[150] - one.times[99]
    stay = np.exp(-gap_s / 60.0)
    np.testing.assert_allclose(stopped[150], stay * stopped[99] + (1 - stay) / 4, rtol=1e-9)


ONES = {"eeg": 1.0, "eye": 1.0, "joint": 1.0}


def identity():
    return calibrate.Familiar(np.zeros(4, np.float32), np.eye(4, dtype=np.float32))


def test_evidence_that_repeats_itself_gets_a_longer_decorrelation_time(people):
    echo = [session(person, skill=1.0) for person in range(12)]
    for one in echo:
        for values in one.logits.values():  # every window of 20 s says the same
            values[:] = np.repeat(values[::20], 20, axis=0)[: len(values)]
    fresh = [session(person, skill=1.0) for person in range(12)]
    times = {}
    for name, group in (("echo", echo), ("fresh", fresh)):
        by_head = calibrate.temperatures(group)
        scale = calibrate.NoveltyScale((0.0, 1.0), (0.0, 1.0), None, 1.0)
        candidates = [
            calibrate.Combination({"eeg": 1.0}, seconds, 1.0, {}, scale) for seconds in (4.0, 8.0, 16.0, 32.0, 64.0)
        ]
        best = min(candidates, key=lambda one: calibrate.smoothing_loss("eeg", one, by_head, EVEN, group))
        times[name] = best.decorrelation_s
    assert times["echo"] >= 3 * times["fresh"]


def test_the_dwell_time_follows_how_long_an_emotion_lasts(people):
    people = people[:4]
    by_head = calibrate.temperatures(people)
    smoothing, fitted = calibrate.fit_smoothing({"eeg": {"eeg": 1.0}}, by_head, EVEN.prior, 4.0, people)
    scale = calibrate.NoveltyScale((0.0, 1.0), (0.0, 1.0), None, 1.0)
    one = calibrate.Combination({"eeg": 1.0}, fitted["eeg"], 1.0, {}, scale)
    best = calibrate.smoothing_loss("eeg", one, by_head, smoothing, people)
    for dwell_s in (8.0, 64.0):
        other = calibrate.Smoothing(dwell_s, 4.0, EVEN.prior)
        assert best <= calibrate.smoothing_loss("eeg", one, by_head, other, people) + 1e-9


def test_the_sets_of_new_people_cover_what_they_promise(people):
    by_head = calibrate.temperatures(people)
    calibration = [session(person) for person in range(20, 40)]
    one = calibrate.combination("eeg", {"eeg": 1.0}, by_head, EVEN, 8.0, 1.1, calibration, identity())
    assert one.quantiles[0.8] <= one.quantiles[0.9]
    for level, q in one.quantiles.items():
        covered = []
        for new in (session(person) for person in range(100, 140)):
            p, counted = calibrate.smoothed(new, "eeg", one, by_head, EVEN), new.counted("eeg")
            true = p[np.arange(len(p)), np.maximum(new.labels, 0)][counted]
            covered.append(np.mean((1.0 - true <= q) | (true == p[counted].max(axis=1))))
        assert np.mean(covered) >= level - 0.02


def test_familiar_embeddings_have_distance_one(people):
    known = calibrate.familiar(people, "both")
    z = np.concatenate([one.z["joint"] for one in people])
    assert np.sqrt(np.mean(calibrate.distance(z, known) ** 2)) == pytest.approx(1.0, abs=0.05)


def test_one_window_in_a_hundred_of_held_out_people_counts_as_novel(people):
    known = calibrate.familiar(people, "eeg")
    held_out = [session(person) for person in range(50, 70)]
    scale = calibrate.novelty_scale(held_out, "eeg", known, ONES)
    values = calibrate.novelty(*calibrate.novelty_measures(held_out, "eeg", known, ONES), scale)
    assert np.mean(values > 1.0) == pytest.approx(calibrate.NOVEL_SHARE, abs=0.005)


def test_label_shares_count_trials_not_windows(people):
    one = session(1, n=100)  # trials of 40, 40 and 20 windows: labels 0, 1, 2
    shares = calibrate.label_shares([one], 4)
    assert shares == pytest.approx((2 / 7, 2 / 7, 2 / 7, 1 / 7))


def test_pooling_one_head_is_that_head(people):
    one = people[0]
    combination = Combination({"eye": 1.0}, 8.0, 1.0, {}, calibrate.novelty_scale([one], "eye", identity(), ONES))
    p = pool(one.logits, combination, {"eeg": 1.0, "eye": 2.0, "joint": 1.0})
    expected = np.exp(one.logits["eye"] / 2.0)
    np.testing.assert_allclose(p, expected / expected.sum(axis=1, keepdims=True), rtol=1e-9)


def echoing(person):
    """A session in which every window of 10 s says the same."""
    one = session(person, skill=1.0)
    for values in one.logits.values():
        values[:] = np.repeat(values[::10], 10, axis=0)[: len(values)]
    return one


def test_smoothed_probabilities_that_are_too_sure_are_made_less_sure_and_better_calibrated():
    people = [echoing(person) for person in range(10)]
    by_head = calibrate.temperatures(people)
    fitted = ({"eeg": 1.0}, by_head, EVEN, 1.0)  # a decorrelation time that is much too short
    warmth = calibrate.smoothed_temperature("eeg", *fitted, people)
    scale = calibrate.NoveltyScale((0.0, 1.0), (0.0, 1.0), None, 1.0)
    new = [echoing(person) for person in range(100, 115)]

    def error(temperature):
        one = Combination({"eeg": 1.0}, 1.0, temperature, {}, scale)
        parts = [(calibrate.smoothed(s, "eeg", one, by_head, EVEN)[s.counted("eeg")], s) for s in new]
        return ece(
            np.concatenate([p for p, _ in parts]), np.concatenate([s.labels[s.counted("eeg")] for _, s in parts])
        )

    assert warmth > 1.1
    assert error(warmth) < 0.7 * error(1.0)
