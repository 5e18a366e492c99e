from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.eeg.conditioning import GridBlock
from rtemo.core.eeg.signal import SMALLEST_UV, ChannelSizes, mostly_usable, scaled


def blocks(cuts, values, first=0):
    edges = [0, *sorted(cuts), len(values)]
    for begin, end in itertools.pairwise(edges):
        part = values[begin:end]
        yield GridBlock(first + begin, part, part, np.ones(part.shape, bool), restarted=False)


@given(st.lists(st.integers(0, 1100), max_size=6), st.integers(0, 10))
def test_a_size_does_not_depend_on_how_the_blocks_were_cut_and_looks_at_nothing_later(cuts, seed):
    values = 10.0 * np.random.default_rng(seed).normal(size=(1100, 2))
    whole, cut = ChannelSizes(2, 200.0), ChannelSizes(2, 200.0)
    for block in blocks([], values):
        whole.push(block)
    for block in blocks(cuts, values):
        cut.push(block)
    for end in (0, 199, 200, 399, 400, 1000, 1100):
        seconds = end // 200
        rms = np.sqrt(np.mean(values[: 200 * seconds].reshape(seconds, 200, 2) ** 2, axis=1))
        wanted = np.exp(np.log(rms).mean(axis=0)) if seconds else np.full(2, np.inf)
        np.testing.assert_allclose(cut.at(end), wanted, rtol=1e-5)
        np.testing.assert_allclose(whole.at(end), cut.at(end), rtol=1e-6)


def test_a_flat_channel_is_not_blown_up_and_nothing_is_known_before_a_second():
    sizes = ChannelSizes(1, 200.0)
    assert np.isinf(sizes.at(5000)).all()
    for block in blocks([], np.zeros((400, 1))):
        sizes.push(block)
    assert sizes.at(400)[0] == pytest.approx(SMALLEST_UV)
    loud = np.full((1, 3, 1), 1e6, np.float32)
    assert scaled(loud, sizes.at(400)[None]).max() == 20.0
    assert not scaled(loud, sizes.at(100)[None]).any()


def test_a_channel_counts_that_is_usable_in_half_of_the_frames():
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]], bool)
    assert mostly_usable(mask).tolist() == [True, True, False, False]
    assert mostly_usable(np.stack([mask, ~mask])).tolist() == [[True, True, False, False], [False, True, True, True]]
