from __future__ import annotations

import numpy as np
import pytest
from invented import invented_corpus

from rtemo.model.network import Network


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """30 people: 18 to train on, 4 to select, ... as offline.splits deals them."""
    return invented_corpus(tmp_path_factory.mktemp("corpus"), 30)


@pytest.fixture
def embedded(monkeypatch):
    """How many windows each call of a network's `embed` was given, in order."""
    seen, original = [], Network.embed

    def watch(self, eeg, *inputs):
        seen.append(len(eeg))
        return original(self, eeg, *inputs)

    monkeypatch.setattr(Network, "embed", watch)
    return seen
