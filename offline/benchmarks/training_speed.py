"""Training speed of the network in windows a second: `python -m offline.benchmarks.training_speed`.

Random windows of one montage in memory, forward, backward and AdamW; reading a corpus adds 3 to 8 %.
Pretraining passes the network twice and reads at most 32 channels of a recording.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import torch

from offline.training.batches import Augmentation, TrainingBatch, disturbed
from offline.training.finetune import batch_loss
from offline.training.training_run import Training, TrainingSettings, begin

LABELS = 4


def random_batch(settings: TrainingSettings, n_channels: int, random: np.random.Generator) -> TrainingBatch:
    """One batch of the size that training takes."""
    n, shape = settings.batch, settings.network
    positions = random.standard_normal((n, n_channels, 3), np.float32)
    return TrainingBatch(
        eeg=random.standard_normal((n, shape.frames, n_channels, shape.bands), np.float32),
        eeg_mask=np.ones((n, shape.frames, n_channels), np.bool_),
        positions=positions / np.linalg.norm(positions, axis=2, keepdims=True),
        eye=random.standard_normal((n, shape.eye_features), np.float32),
        eye_valid=np.ones((n, shape.eye_features), np.bool_),
        labels=random.integers(0, LABELS, n),
    )


def step(state: Training, batch: TrainingBatch, settings: TrainingSettings, random: np.random.Generator) -> None:
    """What one step of training costs, from the windows as they were read."""
    loss = batch_loss(
        state.network,
        state.heads,
        disturbed(batch, settings.augmentation, random),
        settings.label_smoothing,
        next(state.network.parameters()).device,
    )
    state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_([*state.network.parameters(), *state.heads.parameters()], 1.0)
    state.optimizer.step()


def windows_per_s(n_channels: int, steps: int, device: torch.device) -> tuple[float, float]:
    """Median and best."""
    settings, random = TrainingSettings(augmentation=Augmentation(channel_dropout=0.0)), np.random.default_rng(0)
    state = begin(settings, LABELS, device, None)
    state.network.train()
    batch, seconds = random_batch(settings, n_channels, random), []
    for _ in range(steps + 2):
        began = time.perf_counter()
        step(state, batch, settings, random)
        seconds.append(time.perf_counter() - began)
    return settings.batch / statistics.median(seconds[2:]), settings.batch / min(seconds[2:])


def main() -> int:
    """Print one line for each number of channels."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.training_speed", description=__doc__)
    parser.add_argument("--channels", type=int, nargs="+", default=[8, 32, 62], metavar="N")
    parser.add_argument("--steps", type=int, default=12, metavar="N", help="measured, after two (default: 12)")
    parser.add_argument("--device", default="cpu", help="(default: cpu)")
    asked = parser.parse_args()
    parameters = sum(
        p.numel() for p in begin(TrainingSettings(), LABELS, torch.device("cpu"), None).network.parameters()
    )
    sys.stdout.write(f"{parameters:,} parameters, {torch.get_num_threads()} threads\n")
    for n_channels in asked.channels:
        median, best = windows_per_s(n_channels, asked.steps, torch.device(asked.device))
        sys.stdout.write(f"{n_channels} channels: {median:.0f} windows/s, at best {best:.0f}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
