"""`rtemo bench --model`: what a model costs on this computer, alone, on made-up windows: no stream is needed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from rtemo.core.types import Window
from rtemo.live.engine.model_pace import decided_of
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.bundle_schema import BundleSpec
from rtemo.model.decoder import Decoder
from rtemo.model.runtime import Runtime

FEWEST, BATCH = 50, 32  # windows that are timed one by one, at least; windows in a batch, as a replay runs them


def run(args: argparse.Namespace) -> int:
    """Measure one model."""
    result = measure(load_bundle(Path(args.model)), args.channels, args.hop, args.seconds)
    print(json.dumps(result, indent=2) if args.json else as_text(result))
    return 0


def measure(bundle: Bundle, channels: int, hop_s: float, seconds: float) -> dict[str, Any]:
    """Latency of one window through model and decoder, of windows in batches, time to load, memory."""
    process = psutil.Process()
    memory, begin = process.memory_info().rss, time.perf_counter()
    runtime = Runtime(bundle)
    load_s = time.perf_counter() - begin
    model_s, decoder_s, batch_s = list[float](), list[float](), list[float]()
    decoder, end_s = Decoder(bundle), 0.0
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(model_s) < FEWEST:
        end_s += hop_s
        window, t0 = made_up_window(bundle.spec, channels, end_s), time.perf_counter()
        embeddings = runtime.embed(window)
        t1 = time.perf_counter()
        decoder.step(window, embeddings)
        model_s.append(t1 - t0)
        decoder_s.append(time.perf_counter() - t1)
    batch = [made_up_window(bundle.spec, channels, float(i)) for i in range(BATCH)]
    for _ in range(5):
        t0 = time.perf_counter()
        runtime.embed_windows(batch)
        batch_s.append((time.perf_counter() - t0) / BATCH)
    window_s = np.add(model_s, decoder_s)
    worst = float(np.percentile(window_s, 99))
    return {
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        "model": {
            "name": bundle.spec.name,
            "kind": bundle.spec.model.kind,
            "inputs": list(bundle.spec.model.inputs),
            "calibrated": bundle.spec.calibrated,
            "fingerprint": bundle.fingerprint,
            "graph_mb": round(bundle.onnx_path.stat().st_size / 1e6, 3),
        },
        "asked": {"channels": channels, "hop_s": hop_s, "windows": len(model_s)},
        "load_s": round(load_s, 3),
        "memory_mb": round((process.memory_info().rss - memory) / 1e6, 1),
        "model_ms": _quantiles(model_s),
        "decoder_ms": _quantiles(decoder_s),
        "windows_per_second_in_batches": round(1.0 / float(np.median(batch_s)), 1),
        "window_ms": _quantiles(window_s),
        "cpu_percent_of_one_core": round(100 * float(np.mean(window_s)) / hop_s, 1),
        "keeps_up": worst < hop_s,
        "decided_one_window_of": decided_of(window_s.tolist(), hop_s),
        "shortest_hop_s": shortest_hop(bundle.spec, worst),
    }


def shortest_hop(spec: BundleSpec, worst_s: float) -> float | None:
    """The shortest hop, of those that divide a frame, that leaves twice the time a window takes; None: not one."""
    frame = round(spec.pipeline.window.frame_s * spec.pipeline.eeg.grid_hz)
    hops = [n / spec.pipeline.eeg.grid_hz for n in range(1, frame + 1) if frame % n == 0]
    return next((hop_s for hop_s in hops if hop_s >= 2 * worst_s), None)


def made_up_window(spec: BundleSpec, channels: int, end_s: float) -> Window:
    """A window with every input a model can take, from a seed."""
    random, shape = np.random.default_rng(round(1e3 * end_s)), spec.input
    positions = random.normal(size=(channels, 3)).astype(np.float32)
    samples = round(spec.pipeline.window.length_s * spec.pipeline.eeg.grid_hz)
    return Window(
        end_s=end_s,
        eeg=random.normal(size=(shape.frames, channels, shape.bands)).astype(np.float32),
        eeg_power=np.zeros((shape.frames, channels, shape.bands), np.float32),
        eeg_mask=np.ones((shape.frames, channels), np.bool_),
        eye=random.normal(size=shape.eye_features).astype(np.float32),
        eye_raw=np.zeros(shape.eye_features, np.float32),
        eye_valid=np.ones(shape.eye_features, np.bool_),
        positions=positions / np.linalg.norm(positions, axis=1, keepdims=True),
        channels=tuple(f"E{i}" for i in range(channels)),
        eeg_coverage=1.0,
        gaze_coverage=1.0,
        settled=True,
        signal=10.0 * random.normal(size=(samples, channels)).astype(np.float32),
        signal_size=np.full(channels, 10.0, np.float32),
    )


def _quantiles(seconds: Sequence[float] | NDArray[np.float64]) -> dict[str, float]:
    return {f"p{q}": round(1e3 * float(np.percentile(seconds, q)), 3) for q in (50, 99, 100)}


def as_text(result: dict[str, Any]) -> str:
    """What people read."""
    model, asked = result["model"], result["asked"]
    lines = [
        f"{model['name']} ({model['kind']}, {model['graph_mb']} MB) on {', '.join(model['inputs'])}; "
        f"{'calibrated' if model['calibrated'] else 'NOT calibrated: no sets, no novelty'}",
        f"{asked['channels']} channels, {asked['windows']} windows one by one, one thread; "
        f"{result['machine']['cores']} cores",
        f"loads in {result['load_s']} s, {result['memory_mb']} MB",
        "                  p50       p99       max (ms)",
    ]
    rows = {name: result[f"{name}_ms"] for name in ("model", "decoder")}
    lines += [f"{name:<18}" + "".join(f"{value:<10}" for value in row.values()) for name, row in rows.items()]
    lines.append(f"in batches        {result['windows_per_second_in_batches']:g} windows/s")
    lines.append(f"at this hop       {result['cpu_percent_of_one_core']:g} % of one core; {verdict(result)}")
    return "\n".join(lines)


def verdict(result: dict[str, Any]) -> str:
    """Whether the model keeps up with the hop, and by how much it does not."""
    hop_ms, every, better_s = 1e3 * result["asked"]["hop_s"], result["decided_one_window_of"], result["shortest_hop_s"]
    if result["keeps_up"]:
        return f"it keeps up with a hop of {hop_ms / 1e3:g} s"
    usual, slow = (result["window_ms"][name] for name in ("p50", "p99"))
    takes = f"a window takes {usual:.4g} ms (p99 {slow:.4g}), {usual / hop_ms:.2g} times the hop"
    skips = (
        f"a session would decide one of {every} and skip {1.0 - 1.0 / every:.0%}"
        if every > 1
        else "a session would skip none, and some predictions would come late"
    )
    advice = f"take --hop {better_s:g}" if better_s is not None else "no hop of one second or less is long enough"
    return f"TOO SLOW for a hop of {hop_ms / 1e3:g} s: {takes}; {skips}; {advice}"
