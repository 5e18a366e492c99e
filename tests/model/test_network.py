from __future__ import annotations

import pytest
import torch

from offline.export.onnx_graph import sample_inputs
from rtemo.core.errors import RtemoError
from rtemo.model.network import Network, NetworkConfig, Straight

EEG, MASK, PLACES, EYE, VALID = range(5)


@pytest.fixture
def inputs(network):
    return list(sample_inputs(network.config, 3, 16))


def embed(network, inputs):
    with torch.inference_mode():
        return network.embed(*inputs)


def test_the_default_network_has_between_one_and_three_million_parameters():
    count = sum(p.numel() for p in Network(NetworkConfig()).parameters())
    assert 1_000_000 <= count <= 3_000_000


def test_what_a_masked_channel_holds_has_no_influence(network, inputs):
    before = embed(network, inputs)
    inputs[EEG] = torch.where(inputs[MASK].unsqueeze(-1), inputs[EEG], torch.full_like(inputs[EEG], float("nan")))
    for a, b in zip(before, embed(network, inputs), strict=True):
        assert torch.equal(a, b)


def test_a_masked_channel_is_as_good_as_an_absent_one(network, inputs):
    inputs[MASK][:, :, 10:] = False
    fewer = [inputs[EEG][:, :, :10], inputs[MASK][:, :, :10], inputs[PLACES][:, :10], inputs[EYE], inputs[VALID]]
    for a, b in zip(embed(network, inputs), embed(network, fewer), strict=True):
        torch.testing.assert_close(a, b, atol=2e-6, rtol=0)


def test_an_invalid_eye_feature_has_no_influence(network, inputs):
    before = embed(network, inputs)
    inputs[EYE] = torch.where(inputs[VALID], inputs[EYE], torch.full_like(inputs[EYE], float("nan")))
    for a, b in zip(before, embed(network, inputs), strict=True):
        assert torch.equal(a, b)


def test_the_order_of_the_channels_does_not_matter(network, inputs):
    order = torch.randperm(16, generator=torch.Generator().manual_seed(1))
    shuffled = [inputs[EEG][:, :, order], inputs[MASK][:, :, order], inputs[PLACES][:, order], *inputs[EYE:]]
    for a, b in zip(embed(network, inputs), embed(network, shuffled), strict=True):
        torch.testing.assert_close(a, b, atol=2e-6, rtol=0)


def test_the_place_of_a_channel_matters(network, inputs):
    before = embed(network, inputs)
    inputs[PLACES] = inputs[PLACES].flip(1)
    assert (before[0] - embed(network, inputs)[0]).abs().max() > 1e-3


@pytest.mark.parametrize("channels", [1, 4, 8, 19, 32, 62, 129])
def test_any_number_of_channels_gives_finite_embeddings(network, channels):
    for z in embed(network, sample_inputs(network.config, 2, channels)):
        assert z.shape == (2, network.config.width)
        assert torch.isfinite(z).all()


def test_nothing_usable_at_all_gives_finite_embeddings_and_gradients(network, inputs):
    inputs[MASK][:] = False
    inputs[VALID][:] = False
    network.zero_grad()
    outputs = network.embed(*inputs)
    sum(z.sum() for z in outputs).backward()
    assert all(torch.isfinite(z).all() for z in outputs)
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())
    network.zero_grad()


def test_one_empty_frame_leaves_the_others_their_say(network, inputs):
    inputs[MASK][:, 1] = False
    z = embed(network, inputs)[0]
    inputs[EEG][:, 2] += 1.0
    assert torch.isfinite(z).all()
    assert (z - embed(network, inputs)[0]).abs().max() > 1e-3


def test_each_embedding_depends_on_its_own_modality_and_the_joint_one_on_both(network, inputs):
    eeg, eye, joint = embed(network, inputs)
    inputs[EYE] = inputs[EYE] + 1.0
    eeg_2, eye_2, joint_2 = embed(network, inputs)
    assert torch.equal(eeg, eeg_2)
    assert (eye - eye_2).abs().max() > 1e-3
    assert (joint - joint_2).abs().max() > 1e-4
    inputs[EEG] = inputs[EEG] + 1.0
    eeg_3, eye_3, joint_3 = embed(network, inputs)
    assert torch.equal(eye_2, eye_3)
    assert (eeg_2 - eeg_3).abs().max() > 1e-3
    assert (joint_2 - joint_3).abs().max() > 1e-4


def test_a_window_does_not_depend_on_its_batch(network, inputs):
    alone = embed(network, [value[1:2] for value in inputs])
    for a, b in zip(embed(network, inputs), alone, strict=True):
        torch.testing.assert_close(a[1:2], b, atol=2e-6, rtol=0)


def test_unknown_settings_are_refused_by_name():
    with pytest.raises(RtemoError, match="depth"):
        NetworkConfig.from_dict({"depth": 3})


def test_band_power_also_goes_straight_into_the_embeddings(network, inputs):
    """Where nothing but the straight way depends on the input, the embedding is linear in it."""
    straight = network.straight
    eeg, mask, positions, *_ = inputs

    def of(values):
        with torch.inference_mode():
            return straight(torch.where(mask.unsqueeze(-1), values, 0.0), mask, positions)

    torch.testing.assert_close(of(2.0 * eeg), 2.0 * of(eeg))
    assert of(eeg).abs().max() > 1e-2


def test_a_place_far_from_every_usable_channel_counts_as_the_sessions_mean():
    config = NetworkConfig(width=320)  # as many values as places times bands, half of them for z_eeg
    straight = Straight(config)
    straight.out.weight.data = torch.eye(config.places * config.bands)
    on_top = torch.tensor([[[0.0, 0.0, 1.0]]])  # the only channel
    eeg, mask = torch.ones(1, 4, 1, config.bands), torch.ones(1, 4, 1, dtype=torch.bool)
    with torch.inference_mode():
        at = straight(eeg, mask, on_top).reshape(config.places, config.bands)[:, 0]
    height = straight.places[:, 2]
    assert at[height > 0.95].min() > 0.7
    assert at[height < 0.3].abs().max() < 0.1


def test_without_places_there_is_no_straight_way():
    assert Network(NetworkConfig(places=0)).straight is None
