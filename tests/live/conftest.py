"""What tests of live parts share."""

from __future__ import annotations

import pytest

from rtemo.live.output import output_queue


@pytest.fixture
def quick_retries(monkeypatch):
    """A broken output is tried again at once."""
    monkeypatch.setattr(output_queue, "RETRY_S", 0.01)
    monkeypatch.setattr(output_queue, "LONGEST_RETRY_S", 0.02)
