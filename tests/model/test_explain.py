"""Occlusion names what was planted, and the batch says the same as one part at a time."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.model.embeddings import HEADS
from rtemo.model.explain import Explainer, band_masks, eye_groups, probabilities, regions, without
from rtemo.model.runtime import Runtime


@pytest.fixture(scope="module")
def explainer(bundle):
    return Explainer(bundle)


def test_every_channel_band_and_eye_feature_belongs_to_one_part(bundle, window):
    assert (np.sum(list(regions(window(channels=40).positions).values()), axis=0) == 1).all()
    assert (np.sum(list(band_masks(bundle.spec.pipeline.eeg).values()), axis=0) == 1).all()
    assert (np.sum(list(eye_groups().values()), axis=0) == 1).all()


def test_the_batch_is_what_taking_away_one_part_at_a_time_gives(bundle, window, explainer):
    one, runtime = window(channels=12), Runtime(bundle)

    def p(version):
        z = runtime.embed(version)
        return probabilities(bundle, "both", {head: z.of(head)[None] for head in HEADS})[0]

    explanation = explainer.explain(one)
    whole = p(one)
    top = int(whole.argmax())
    assert explanation.label == bundle.labels[top]
    for (region, channels), (band, bands) in zip(
        regions(one.positions).items(), band_masks(bundle.spec.pipeline.eeg).items(), strict=False
    ):
        if channels.any():
            less = p(without(one, channels, bands, np.zeros(33, bool)))
            assert explanation.shares[f"EEG {region} {band}"] == pytest.approx(whole[top] - less[top], abs=1e-5)
    for group, features in eye_groups().items():
        less = p(without(one, np.zeros(12, bool), np.zeros(20, bool), features))
        assert explanation.shares[f"eye {group}"] == pytest.approx(whole[top] - less[top], abs=1e-5)


def test_only_what_was_planted_moves_the_prediction(bundle, window, explainer):
    plain = window(channels=12)
    channels, bands = regions(plain.positions), band_masks(bundle.spec.pipeline.eeg)
    region = next(name for name, inside in channels.items() if inside.any())
    planted = np.zeros_like(plain.eeg)
    planted[:, channels[region][:, None] & bands["alpha"]] = 3.0
    explanation = explainer.explain(window(channels=12, eeg=planted, eye=np.zeros(33, np.float32)))
    first, *others = explanation.shares
    assert first == f"EEG {region} alpha"
    assert all(explanation.shares[name] == pytest.approx(0.0, abs=1e-6) for name in others)


def test_a_missing_modality_and_masked_channels_have_no_part(window, explainer):
    blind = explainer.explain(window(gaze_coverage=0.0))
    assert blind.shares
    assert all(name.startswith("EEG") for name in blind.shares)
    bare = explainer.explain(window(eeg_coverage=0.0))
    assert all(name.startswith("eye") for name in bare.shares)
    assert explainer.explain(window(eeg_coverage=0.0, gaze_coverage=0.0)) is None


def test_shares_come_in_order_of_size(window, explainer):
    sizes = [abs(share) for share in explainer.explain(window(channels=20)).shares.values()]
    assert sizes == sorted(sizes, reverse=True)
