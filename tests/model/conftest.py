"""A small but real bundle: random weights, a real ONNX graph, every field filled in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from offline.export.onnx_graph import write_onnx
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Window
from rtemo.model.bundle import LinearHead, write_bundle
from rtemo.model.bundle_schema import BundleSpec, Combination, Decision, InputShape, ModalityGate
from rtemo.model.network import Heads, Network, NetworkConfig
from rtemo.model.uncertainty.novelty import Familiar, NoveltyScale
from rtemo.model.uncertainty.smoothing import Smoothing

LABELS = ("neutral", "sad", "fear", "happy")


@pytest.fixture(scope="session")
def network():
    torch.manual_seed(3)
    config = NetworkConfig(width=40, layers=2, heads=5, channel_width=16, queries=2, pool_heads=2)
    return Network(config).eval()


@pytest.fixture(scope="session")
def spec(network):
    scale = NoveltyScale(distance=(1.0, 2.0), energy=(-1.0, 5.0), disagreement=None, threshold=1.0)

    def combination(**weights):
        return Combination(weights, 8.0, 1.2, {0.8: 0.7, 0.9: 0.8}, scale)

    config = network.config
    return BundleSpec(
        name="test",
        labels=LABELS,
        pipeline=PipelineSettings(),
        input=InputShape(config.frames, config.bands, config.eye_features, config.width),
        network=config.to_dict(),
        temperatures={"eeg": 1.3, "eye": 0.8, "joint": 1.1},
        combinations={
            "eeg": combination(eeg=1.0),
            "eye": combination(eye=1.0),
            "both": combination(eeg=0.3, eye=0.2, joint=0.6),
        },
        gate=ModalityGate(eeg_coverage=0.5, eeg_channels=2.0, eeg_share=0.3, gaze_coverage=0.4, eye_share=0.3),
        smoothing=Smoothing(dwell_s=60.0, window_s=4.0, prior=(0.25, 0.25, 0.25, 0.25)),
        decision=Decision(set_level=0.9, largest_set=4, adaptation_rate=0.05),
        trained_on="nothing",
        training={"seed": 3},
        metrics={},
    )


@pytest.fixture(scope="session")
def parts(network, spec):
    """What write_bundle takes after the path and the spec."""
    torch.manual_seed(4)
    linear = Heads(network.config.width, len(LABELS)).linear
    heads = {
        name: LinearHead(head.weight.detach().numpy().copy(), head.bias.detach().numpy().copy())
        for name, head in linear.items()
    }
    width = network.config.width
    familiar = {
        name: Familiar(np.zeros(width, np.float32), np.eye(width, dtype=np.float32)) for name in spec.combinations
    }
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    return heads, familiar, weights, lambda path: write_onnx(network, path), "# A test\n"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, spec, parts):
    return write_bundle(tmp_path_factory.mktemp("bundles") / "test", spec, *parts)


@pytest.fixture
def window():
    """make(end_s, channels, ...) -> a Window with usable random content."""

    def make(end_s=4.0, channels=8, seed=0, **changes):
        random = np.random.default_rng(seed)
        positions = random.normal(size=(channels, 3)).astype(np.float32)
        fields = {
            "end_s": end_s,
            "eeg": random.normal(size=(4, channels, 20)).astype(np.float32),
            "eeg_power": np.zeros((4, channels, 20), np.float32),
            "eeg_mask": np.ones((4, channels), np.bool_),
            "eye": random.normal(size=33).astype(np.float32),
            "eye_raw": np.zeros(33, np.float32),
            "eye_valid": np.ones(33, np.bool_),
            "positions": positions / np.linalg.norm(positions, axis=1, keepdims=True),
            "channels": tuple(f"E{i}" for i in range(channels)),
            "eeg_coverage": 1.0,
            "gaze_coverage": 1.0,
            "settled": True,
        }
        return Window(**{**fields, **changes})

    return make
