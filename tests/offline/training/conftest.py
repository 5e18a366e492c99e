from __future__ import annotations

import pytest
from invented import invented_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """30 people: 18 to train on, 4 to select, ... as offline.splits deals them."""
    return invented_corpus(tmp_path_factory.mktemp("corpus"), 30)
