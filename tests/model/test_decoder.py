from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from rtemo.core.errors import RtemoError
from rtemo.model.decoder import Decoder, pool, usable
from rtemo.model.embeddings import Embeddings

LABELS = ("neutral", "sad", "fear", "happy")


@pytest.fixture
def z():
    def make(seed=0, size=0.5):
        return Embeddings(*(np.random.default_rng(seed).normal(size=(3, 40)) * size).astype(np.float32))

    return make


def with_spec(bundle, **changes):
    return replace(bundle, spec=replace(bundle.spec, **changes))


def test_both_modalities_use_the_weighted_calibrated_heads(bundle, window, z):
    embeddings = z()
    weighted = np.zeros(4)
    for head, weight in bundle.spec.combinations["both"].weights.items():
        logits = bundle.heads[head].weight @ embeddings.of(head) + bundle.heads[head].bias
        weighted += weight * np.log(softmax(logits.astype(float) / bundle.spec.temperatures[head]))
    prediction = Decoder(bundle).step(window(), embeddings)
    np.testing.assert_allclose(list(prediction.probabilities.values()), softmax(weighted), rtol=1e-6)
    assert tuple(prediction.probabilities) == LABELS


@pytest.mark.parametrize(("missing", "head"), [("gaze_coverage", "eeg"), ("eeg_coverage", "eye")])
def test_a_missing_modality_leaves_the_other_ones_head(bundle, window, z, missing, head):
    embeddings = z()
    prediction = Decoder(bundle).step(window(**{missing: 0.0}), embeddings)
    logits = bundle.heads[head].weight @ embeddings.of(head) + bundle.heads[head].bias
    expected = softmax(logits.astype(float) / bundle.spec.temperatures[head])
    np.testing.assert_allclose(list(prediction.probabilities.values()), expected, rtol=1e-6)


def test_the_gate_wants_coverage_channels_and_features(bundle, window):
    gate, known = bundle.spec.gate, bundle.spec.combinations
    one_channel, few_cells = np.zeros((4, 8), np.bool_), np.zeros((4, 30), np.bool_)
    one_channel[:, 0] = few_cells[:, :5] = True
    assert usable(window(), gate, known) == "both"
    assert usable(window(eeg_mask=one_channel), gate, known) == "eye"
    assert usable(window(channels=30, eeg_mask=few_cells), gate, known) == "eye"
    assert usable(window(channels=0), gate, known) == "eye"
    assert usable(window(channels=1), replace(gate, eeg_channels=1.0), known) == "both"
    assert usable(window(eeg_coverage=0.49), gate, known) == "eye"
    assert usable(window(eye_valid=np.arange(33) < 9), gate, known) == "eeg"
    assert usable(window(eye_valid=np.arange(33) < 9, eeg_coverage=0.1), gate, known) is None


def test_a_bundle_of_one_modality_goes_on_with_that_one(bundle, window):
    only_eeg = {"eeg": bundle.spec.combinations["eeg"]}
    assert usable(window(), bundle.spec.gate, only_eeg) == "eeg"
    assert usable(window(eeg_coverage=0.0), bundle.spec.gate, only_eeg) is None


@pytest.mark.parametrize(("coverage", "reason"), [(0.0, "no signal"), (0.2, "signal too bad")])
def test_without_a_usable_modality_it_abstains_and_says_nothing_of_the_window(bundle, window, z, coverage, reason):
    prediction = Decoder(bundle).step(window(eeg_coverage=coverage, gaze_coverage=0.0), z())
    assert (prediction.emotion, prediction.abstain) == (None, reason)
    assert all(math.isnan(p) for p in prediction.probabilities.values())
    assert math.isnan(prediction.novelty)
    assert set(prediction.set) == set(LABELS)
    assert sum(prediction.smoothed.values()) == pytest.approx(1.0)


def test_a_model_that_gives_nan_is_named_and_not_taken_for_a_bad_signal(bundle, window):
    nan = np.full(40, np.nan, np.float32)
    found = Decoder(bundle).step(window(), Embeddings(nan, nan, nan))
    assert found.abstain == "the model gives no numbers"
    assert found.emotion is None
    assert np.isnan(list(found.probabilities.values())).all()


def test_a_window_unlike_the_training_data_adds_no_evidence(bundle, window, z):
    seen = Decoder(bundle)
    before = seen.step(window(4.0), z())
    after = seen.step(window(4.25), z(1, size=30.0))
    assert (after.emotion, after.abstain) == (None, "unlike the training data")
    assert after.novelty >= 1.0
    skipped = Decoder(bundle)
    skipped.step(window(4.0), z())
    blind = skipped.step(window(4.25, eeg_coverage=0.0, gaze_coverage=0.0), z(1))
    assert after.smoothed == blind.smoothed
    assert before.novelty < 1.0


def test_too_large_a_set_makes_it_abstain(bundle, window, z):
    strict = with_spec(bundle, decision=replace(bundle.spec.decision, largest_set=1))
    small = Embeddings(*np.zeros((3, 40), np.float32))
    prediction = Decoder(strict).step(window(), small)
    assert len(prediction.set) > 1
    assert (prediction.emotion, prediction.abstain) == (None, "too many emotions possible")


def test_the_emotion_is_the_most_probable_smoothed_label_and_first_in_the_set(bundle, window, z):
    decoder = Decoder(bundle)
    for i in range(20):
        prediction = decoder.step(window(4.0 + i), z(i))
        assert prediction.emotion == max(prediction.smoothed, key=prediction.smoothed.__getitem__)
        assert prediction.set[0] == prediction.emotion


def test_a_fork_goes_its_own_way(bundle, window, z):
    decoder = Decoder(bundle)
    decoder.step(window(4.0), z(0))
    provisional = decoder.fork().step(window(4.25), z(1))
    final = decoder.step(window(4.25), z(2))
    assert provisional.smoothed != final.smoothed
    alone = Decoder(bundle)
    alone.step(window(4.0), z(0))
    assert alone.step(window(4.25), z(2)) == final


def test_the_same_windows_give_the_same_lines(bundle, window, z):
    def lines():
        decoder = Decoder(bundle)
        return [decoder.step(window(4.0 + i / 4, seed=i), z(i)).to_json_line() for i in range(30)]

    assert lines() == lines()


def test_what_the_window_says_of_itself_is_passed_on(bundle, window, z):
    marked = window(bad_channels={"Fp1": "flat"}, forced=True, settled=False, eeg_coverage=0.9, gaze_coverage=0.8)
    prediction = Decoder(bundle).step(marked, z())
    assert prediction.bad_channels == ("Fp1",)
    assert (prediction.forced, prediction.settled) == (True, False)
    assert (prediction.eeg_coverage, prediction.gaze_coverage) == (0.9, 0.8)
    assert prediction.time_s == marked.end_s


def test_windows_out_of_order_are_refused(bundle, window, z):
    decoder = Decoder(bundle)
    decoder.step(window(4.0), z())
    with pytest.raises(RtemoError, match="forward in time"):
        decoder.step(window(4.0), z())


def test_pooling_works_on_many_windows_as_on_one(bundle):
    random = np.random.default_rng(0)
    logits = {head: random.normal(size=(7, 4)) for head in ("eeg", "eye", "joint")}
    both, temperatures = bundle.spec.combinations["both"], bundle.spec.temperatures
    many = pool(logits, both, temperatures)
    for i in range(7):
        one = pool({head: value[i] for head, value in logits.items()}, both, temperatures)
        np.testing.assert_allclose(many[i], one, rtol=1e-12)
