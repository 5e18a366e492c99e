"""How cost grows: `python -m offline.benchmarks.growth [--only NAME …] [--out FILE.png]`.

`rtemo bench` on real LSL streams of a simulated person, one thing changed at a time; `rtemo replay --speed max` for the
length of a file; the pipeline alone for the length of a window, since a model takes windows of one length. Every point
is one run, so the machine should do nothing else; the first line states what it did.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Chunk, ClockOffset, Modality, WindowSpec
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.devices.profile import known_profiles

RTEMO = (sys.executable, "-m", "rtemo")
BASE: dict[str, float] = {"channels": 64, "rate": 1000, "hop": 0.1}
CHANGED: Mapping[str, tuple[float, ...]] = {
    "channels": (8, 16, 32, 64, 128, 256),
    "rate": (250, 500, 1000, 2000, 4000, 8000),
    "hop": (0.02, 0.05, 0.1, 0.25, 0.5, 1.0),
}
LENGTHS_S = (60.0, 300.0, 900.0)
WINDOWS_S = (1.0, 4.0, 10.0, 30.0, 60.0)
WINDOW_HOP_S, RECORDED_S = 1.0, 120.0  # of the recording that windows of every length are cut from
HEAD = "| {} | CPU, % of a core | memory, MB | arrival to prediction p50, ms | p99, ms | samples missing |"


def session(seconds: float, changed: dict[str, float]) -> dict[str, float]:
    """What one session costs."""
    options = [word for name, value in (BASE | changed).items() for word in (f"--{name}", f"{value:g}")]
    command = [*RTEMO, "bench", "--json", "--steps", "0", "--seconds", f"{seconds:g}", *options]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {
        "cpu": found["cpu_percent_of_one_core"],
        "memory": found["memory_mb"] + found["recorder_memory_mb"],
        "p50": found["arrival_to_prediction_ms"]["p50"],
        "p99": found["arrival_to_prediction_ms"]["p99"],
        "missing": found["samples_missing"],
    }


def recording(folder: Path, length_s: float) -> Path:
    """A simulated person in an XDF file."""
    path = folder / f"person{length_s:g}.xdf"
    size = ["--eeg-channels", f"{BASE['channels']:g}", "--eeg-rate", f"{BASE['rate']:g}"]
    make = ["simulate", "--xdf", str(path), "--quiet", *size, "--duration", f"{length_s:g}"]
    subprocess.run([*RTEMO, *make], check=True, capture_output=True)
    return path


def replay(length_s: float) -> dict[str, float]:
    """Seconds to replay a recording of that length, start-up included: on the clock, and of CPU."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = recording(Path(folder), length_s), Path(folder) / "out.csv"
        options = ["replay", str(path), "--speed", "max", "--hop", "0.25", "--out", str(out), "--quiet"]
        before, began = os.times(), time.perf_counter()
        subprocess.run([*RTEMO, *options], check=True, capture_output=True)
        took_s, after = time.perf_counter() - began, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall": took_s, "cpu": cpu_s}


def windows(path: Path, length_s: float) -> dict[str, float]:
    """Seconds of CPU for the windows of a recording, without a model, and how many there were."""
    found = OpenRecording(path, known_profiles())
    pipeline = Pipeline(PipelineSettings(window=WindowSpec(length_s, WINDOW_HOP_S)))
    began, n = time.process_time(), 0
    try:
        for info in found.opening:
            if (role := found.roles.role_of(info)) in (Modality.EEG, Modality.GAZE):
                pipeline.add_stream(info, found.roles.layout(info, role))
        while not found.source.exhausted:
            for item in found.source.read():
                if isinstance(item, Chunk | ClockOffset):
                    n += len(pipeline.push(item))
        n += len(pipeline.flush())
    finally:
        found.close()
    return {"cpu": time.process_time() - began, "windows": n}


Points = Mapping[float, Mapping[str, float]]


def draw(path: Path, measured: Mapping[str, Points], replays: Points, cut: Points) -> None:
    """CPU and latency against what was changed."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(measured) + 1, figsize=(3.2 * (len(measured) + 1), 6), constrained_layout=True)
    for column, (name, points) in enumerate(measured.items()):
        values = list(points)
        axes[0, column].plot(values, [points[value]["cpu"] for value in values], "o-")
        for quantile in ("p50", "p99"):
            axes[1, column].plot(values, [points[value][quantile] for value in values], "o-", label=quantile)
        for row, label in enumerate(("CPU, % of a core", "arrival to prediction, ms")):
            axes[row, column].set(xscale="log", xlabel=name, ylabel=label if not column else "", ylim=(0, None))
            axes[row, column].minorticks_off()
            axes[row, column].set_xticks(values, [f"{value:g}" for value in values])
        axes[1, column].legend(frameon=False)
    for row, (points, label, cost) in enumerate(((replays, "recording, s", "replay"), (cut, "window, s", "windows"))):
        axes[row, -1].plot(list(points), [found["cpu"] for found in points.values()], "o-")
        axes[row, -1].set(xlabel=label, ylabel=f"{cost}, s of CPU", ylim=(0, None))
    figure.savefig(path, dpi=80)


def sessions(name: str, seconds: float) -> dict[float, dict[str, float]]:
    """One table: what sessions cost when one thing is changed."""
    points: dict[float, dict[str, float]] = {}
    sys.stdout.write(f"\n{HEAD.format(name)}\n|{'---|' * 6}\n")
    for value in CHANGED[name]:
        try:
            found = points[value] = session(seconds, {name: value})
        except (subprocess.CalledProcessError, KeyError) as error:  # KeyError: it gave no prediction
            why = error.stderr.strip().splitlines()[-1] if isinstance(error, subprocess.CalledProcessError) else "none"
            sys.stdout.write(f"| {value:g} | {why:.100} | | | | |\n")
            continue
        row = " | ".join(f"{found[key]:g}" for key in ("cpu", "memory", "p50", "p99", "missing"))
        sys.stdout.write(f"| {value:g} | {row} |\n")
        sys.stdout.flush()
    return points


def main() -> int:
    """Print a table for each thing that is changed."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.growth", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each session (default: 8)")
    parser.add_argument(
        "--only", nargs="+", choices=[*CHANGED, "length", "window"], help="what is changed (default: all)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="a plot")
    asked = parser.parse_args()
    chosen = asked.only or [*CHANGED, "length", "window"]
    busy = f", load {os.getloadavg()[0]:.1f} before it began" if hasattr(os, "getloadavg") else ""
    sys.stdout.write(f"{platform.platform()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}{busy}\n")
    cut: dict[float, dict[str, float]] = {}
    if "window" in chosen:
        sys.stdout.write("\n| window, s | CPU, s | windows |\n|---|---|---|\n")
        with tempfile.TemporaryDirectory() as folder:
            path = recording(Path(folder), RECORDED_S)
            for length in WINDOWS_S:
                cut[length] = windows(path, length)
                sys.stdout.write(f"| {length:g} | {cut[length]['cpu']:.2f} | {cut[length]['windows']:g} |\n")
                sys.stdout.flush()
    replays: dict[float, dict[str, float]] = {}
    if "length" in chosen:
        sys.stdout.write("\n| recording, s | replay, s | CPU, s | times real time | by CPU |\n|---|---|---|---|---|\n")
        for length in LENGTHS_S:
            wall_s, cpu_s = (replays.setdefault(length, replay(length))[name] for name in ("wall", "cpu"))
            times = f"{length / wall_s:.0f} | {length / cpu_s:.0f}"
            sys.stdout.write(f"| {length:g} | {wall_s:.2f} | {cpu_s:.2f} | {times} |\n")
            sys.stdout.flush()
    measured = {name: sessions(name, asked.seconds) for name in CHANGED if name in chosen}
    if asked.out:
        draw(asked.out, measured, replays, cut)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
