"""Time per prediction of quality checks, normaliser, decoder and memory: `python -m offline.benchmarks.cost`.

Each element is timed by itself on the windows of one simulated person (62 channels at 500 Hz, gaze at 250 Hz), one
thread. Gate: the check of one frame of every channel, and of a hop of gaze. Baseline: one step of the EEG normaliser.
Decoder: everything that it does to a window, less heads, softmax and argmax, which a prediction needs anyway. Memory:
what is kept for a personal calibration. With reports: the same after eight self-reports. Explanations run beside.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import numpy as np

from offline.benchmarks.trust_people import embedded, windows_of
from rtemo.core.baseline.normaliser import Normaliser
from rtemo.core.eeg.quality import ChannelCheck
from rtemo.core.gaze.quality import GazeCheck
from rtemo.core.types import Window
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.decoder import Decoder, head_logits
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.personal.embedding_memory import EmbeddingMemory
from rtemo.model.runtime import Runtime
from rtemo.model.uncertainty.adaptive import SelfReport
from rtemo.model.uncertainty.probabilities import tempered
from rtemo.simulate.plan import SimulationPlan

SEED, SECONDS, HOP_S = 940_000, 90.0, 0.25
CHANNELS, RATE_HZ, GAZE_HZ = 62, 500, 250.0


def main() -> int:
    """Time everything."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.cost", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("assets/models/demo"), metavar="BUNDLE")
    bundle = load_bundle(parser.parse_args().model)
    plan = SimulationPlan.for_duration(SEED, SECONDS, eeg_channels=CHANNELS, eeg_rate_hz=RATE_HZ)
    made = windows_of(plan, [bundle.spec.pipeline.with_hop(HOP_S)], bundle.labels)[0]
    z = embedded(Runtime(bundle), made.windows)
    steps = [(w, Embeddings(*(z[head][i] for head in HEADS))) for i, w in enumerate(made.windows) if w.settled]
    plain = _timed([partial(_plain, bundle, e) for _, e in steps])
    costs = {
        "gate": _gate(bundle, len(steps)),
        "baseline": _baseline(bundle, [window for window, _ in steps]),
        "decoder": _decoder(bundle, steps, ()) - plain,
        "with reports": _decoder(bundle, steps, _reports(steps[0][0].end_s)) - plain,
        "memory": _memory(bundle, steps),
    }
    lines = [f"{len(steps)} windows; p50 and p99 in ms"]
    lines += [f"{name:12s} {np.quantile(ms, 0.5):7.3f} {np.quantile(ms, 0.99):7.3f}" for name, ms in costs.items()]
    together = np.sum([costs[name] for name in ("gate", "baseline", "with reports", "memory")], axis=0)
    lines.append(f"{'together':12s} {np.quantile(together, 0.5):7.3f} {np.quantile(together, 0.99):7.3f}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _timed(calls: list[Callable[[], object]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(n,) milliseconds."""
    took = []
    for call in calls:
        begin = time.perf_counter()
        call()
        took.append(1e3 * (time.perf_counter() - begin))
    return np.array(took)


def _plain(bundle: Bundle, embeddings: Embeddings) -> int:
    return int(tempered(head_logits(bundle, embeddings)["joint"], 1.0).argmax())


def _gate(bundle: Bundle, n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    settings, random = bundle.spec.pipeline, np.random.default_rng(0)
    grid_hz, samples = settings.eeg.grid_hz, round(settings.eeg.grid_hz * settings.window.frame_s)
    check = ChannelCheck(settings.quality, grid_hz, samples, settings.eeg.min_coverage)
    raw = random.normal(0.0, 10.0, (RATE_HZ, CHANNELS)).astype(np.float32)
    frame, valid = random.normal(0.0, 10.0, (samples, CHANNELS)), np.ones((samples, CHANNELS), np.bool_)
    gaze = GazeCheck(settings.quality, rate_hz=GAZE_HZ, keep_s=settings.window.length_s, n_ahead=1024, millimetres=True)
    hop = round(HOP_S * GAZE_HZ)
    times = np.arange(n * hop) / GAZE_HZ
    eyes = np.column_stack([random.uniform(0.2, 0.8, (n * hop, 4)), random.normal(3.5, 0.1, (n * hop, 2))])

    def one(i: int) -> None:
        check(raw, frame, frame, valid)
        part = slice(i * hop, (i + 1) * hop)
        gaze.push(times[part], eyes[part])
        gaze.faults(float(times[part.stop - 1]), settings.window.length_s, 1.0)

    return _timed([partial(one, i) for i in range(n)])


def _baseline(bundle: Bundle, windows: list[Window]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    first = windows[0].eeg_power[-1].astype(np.float64)
    normaliser = Normaliser(bundle.spec.pipeline.normaliser, np.nan_to_num(first), np.ones_like(first))
    tables = [(window.eeg_power[-1], np.isfinite(window.eeg_power[-1])) for window in windows]
    return _timed([partial(normaliser.update, v, s, 1.0) for v, s in tables])


def _reports(begin_s: float) -> tuple[SelfReport, ...]:
    return tuple(SelfReport(k % 4, begin_s, begin_s + 10.0 + k, begin_s + 12.0 + k) for k in range(8))


def _decoder(
    bundle: Bundle, steps: list[tuple[Window, Embeddings]], reports: tuple[SelfReport, ...]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    decoder = Decoder(bundle)
    for report in reports:
        decoder.report(report)
    return _timed([partial(decoder.step, w, e) for w, e in steps])


def _memory(bundle: Bundle, steps: list[tuple[Window, Embeddings]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    memory = EmbeddingMemory(bundle.spec)
    return _timed([partial(memory.take, w, e) for w, e in steps])


if __name__ == "__main__":
    sys.exit(main())
