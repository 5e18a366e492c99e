"""A short recording of a simulated person, and what the command line predicts from it."""

from __future__ import annotations

import pytest

from rtemo.cli import main

HOP_S = "0.5"


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("api") / "person.xdf"
    options = ["--seed", "3", "--duration", "40", "--eeg-channels", "8", "--eeg-rate", "250", "--gaze-rate", "60"]
    assert main(["simulate", *options, "--xdf", str(path), "--quiet"]) == 0
    return path


@pytest.fixture(scope="session")
def replayed(recording, tmp_path_factory):
    """What `rtemo replay` writes, as CSV and as JSON lines."""
    texts = []
    for ending in ("csv", "jsonl"):
        out = tmp_path_factory.mktemp("replayed") / f"out.{ending}"
        options = ["--speed", "max", "--quiet", "--hop", HOP_S, "--out", str(out)]
        assert main(["replay", str(recording), *options]) == 0
        texts.append(out.read_text())
    return texts
