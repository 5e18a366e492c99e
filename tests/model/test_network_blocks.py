"""A transformer block against sums written out, and what dropping a path does in training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import erf, softmax

from rtemo.model.network import Block


def normed(x, weight, bias):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * weight + bias


def test_a_block_is_attention_and_a_mix_each_added():
    torch.manual_seed(0)
    block, rng = Block(6, 2, 0.0).eval(), np.random.default_rng(0)
    x, bias = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 1, 1, 5))
    with torch.no_grad():
        found = block(torch.tensor(x, dtype=torch.float32), torch.tensor(bias, dtype=torch.float32)).numpy()
    w = {name: value.detach().numpy().astype(float) for name, value in block.named_parameters()}
    for i in range(2):
        h = normed(x[i], w["norm1.weight"], w["norm1.bias"]) @ w["qkv.weight"].T + w["qkv.bias"]
        q, k, v = h[:, :6], h[:, 6:12], h[:, 12:]
        heads = []
        for part in (slice(0, 3), slice(3, 6)):
            share = softmax(q[:, part] @ k[:, part].T / np.sqrt(3.0) + bias[i, 0, 0], axis=-1)
            heads.append(share @ v[:, part])
        y = x[i] + np.concatenate(heads, axis=1) @ w["out.weight"].T + w["out.bias"]
        inner = normed(y, w["norm2.weight"], w["norm2.bias"]) @ w["mix.0.weight"].T + w["mix.0.bias"]
        inner = inner * 0.5 * (1.0 + erf(inner / np.sqrt(2.0)))
        np.testing.assert_allclose(found[i], y + inner @ w["mix.2.weight"].T + w["mix.2.bias"], atol=1e-5)


def test_a_dropped_path_is_made_up_for_by_the_others():
    torch.manual_seed(0)
    block, x = Block(4, 2, 0.25), torch.ones(20_000, 1, 4)
    dropped = block.train().drop(x)
    assert dropped.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]
    assert (dropped == dropped[:, :, :1]).all()  # a sample's whole path
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.02)
    assert block.eval().drop(x) is x
    assert Block(4, 2, 0.0).train().drop(x) is x


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="no multiple"):
        Block(6, 4, 0.0)
