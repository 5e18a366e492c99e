"""Pretraining small enough for a test."""

from __future__ import annotations

from dataclasses import replace

from offline.pretraining.contexts_and_targets import Masking
from offline.pretraining.pretrain import PretrainSettings
from rtemo.model.network import NetworkConfig

SMALL = NetworkConfig(width=40, layers=1, heads=5, channel_width=16, queries=2, pool_heads=2)
SETTINGS = PretrainSettings(
    seed=3, device="cpu", steps=12, batch=48, rate=3e-3, log_every=2, save_every=4, network=SMALL, masking=Masking()
)
FEW_STEPS = replace(SETTINGS, steps=4, log_every=1)
