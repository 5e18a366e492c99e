"""Attention over channels against sums written out, and the scale that its weights begin with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rtemo.model.network import ChannelPool, NetworkConfig

CONFIG = NetworkConfig(width=40, layers=2, heads=5, channel_width=16, queries=2, pool_heads=2)


@pytest.fixture
def pool():
    torch.manual_seed(0)
    return ChannelPool(CONFIG)


def test_values_begin_with_the_variance_of_a_linear_layer():
    torch.manual_seed(0)
    wide = ChannelPool(NetworkConfig(width=40, layers=2, heads=5, channel_width=256, queries=2, pool_heads=2))
    assert wide.values.shape == (2, 256, 128)
    assert float(wide.values.detach().std()) == pytest.approx(1 / 16, rel=0.02)
    assert float(wide.values.detach().mean()) == pytest.approx(0.0, abs=0.002)


def test_it_attends_to_the_usable_channels_and_the_null_token(pool):
    rng = np.random.default_rng(1)
    with torch.no_grad():
        pool.null.copy_(torch.tensor(rng.normal(size=16), dtype=torch.float32))
    tokens, positions = rng.normal(size=(3, 5, 16)), rng.normal(size=(5, 3))
    mask = np.array([[True] * 5, [True, False, True, False, False], [False] * 5])
    with torch.no_grad():
        found = pool(
            torch.tensor(tokens[None], dtype=torch.float32), torch.tensor(mask[None]),
            torch.tensor(positions[None], dtype=torch.float32),
        )[0].numpy()  # fmt: skip
    w = {name: value.detach().numpy().astype(float) for name, value in pool.named_parameters()}
    normal = (tokens - tokens.mean(-1, keepdims=True)) / np.sqrt(tokens.var(-1, keepdims=True) + 1e-5)
    for frame in range(3):
        out = []
        for query in range(2):
            heads = []
            for head in range(2):
                k = 2 * query + head
                used = np.flatnonzero(mask[frame])
                scores = [w["scores.weight"][k] @ w["null"] + w["scores.bias"][k]]
                scores += [
                    w["scores.weight"][k] @ normal[frame, c] + w["scores.bias"][k] + positions[c] @ w["regions"][:, k]
                    for c in used
                ]
                share = np.exp(scores - np.max(scores))
                share /= share.sum()
                pooled = share[0] * w["null"] + share[1:] @ normal[frame, used]
                heads.append(pooled @ w["values"][head])
            out.append(w["out.weight"] @ np.concatenate(heads) + w["out.bias"])
        np.testing.assert_allclose(found[frame], np.concatenate(out), atol=1e-5)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="no multiple"):
        ChannelPool(NetworkConfig(width=40, layers=2, heads=5, channel_width=16, queries=2, pool_heads=3))
