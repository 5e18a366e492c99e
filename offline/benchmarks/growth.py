"""How a session's cost grows: `python -m offline.benchmarks.growth [--out FILE.png]`.

`rtemo bench` on real LSL streams of a simulated person, one thing changed at a time; and `rtemo replay --speed max` for
the length of a file. Every point is one run, so the machine should do nothing else.
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

RTEMO = (sys.executable, "-m", "rtemo")
BASE: dict[str, float] = {"channels": 64, "rate": 1000, "hop": 0.1}
CHANGED: Mapping[str, tuple[float, ...]] = {
    "channels": (8, 16, 32, 64, 128, 256),
    "rate": (250, 500, 1000, 2000, 4000, 8000),
    "hop": (0.02, 0.05, 0.1, 0.25, 0.5, 1.0),
}
LENGTHS_S = (60.0, 300.0, 1200.0)
HEAD = "| {} | CPU, % of a core | memory, MB | arrival to prediction p50, ms | p99, ms | samples missing |"


def session(seconds: float, changed: dict[str, float]) -> dict[str, float]:
    """What one session costs."""
    options = [word for name, value in (BASE | changed).items() for word in (f"--{name}", f"{value:g}")]
    command = [*RTEMO, "bench", "--json", "--seconds", f"{seconds:g}", *options]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {
        "cpu": found["cpu_percent_of_one_core"],
        "memory": found["memory_mb"] + found["recorder_memory_mb"],
        "p50": found["arrival_to_prediction_ms"]["p50"],
        "p99": found["arrival_to_prediction_ms"]["p99"],
        "missing": found["samples_missing"],
    }


def replay_s(length_s: float) -> float:
    """Seconds to replay a recording of that length, start-up included."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "person.xdf", Path(folder) / "out.csv"
        size = ["--eeg-channels", f"{BASE['channels']:g}", "--eeg-rate", f"{BASE['rate']:g}"]
        make = ["simulate", "--xdf", str(path), "--quiet", *size, "--duration", f"{length_s:g}"]
        subprocess.run([*RTEMO, *make], check=True)
        began = time.perf_counter()
        replay = ["replay", str(path), "--speed", "max", "--hop", "0.25", "--out", str(out), "--quiet"]
        subprocess.run([*RTEMO, *replay], check=True, capture_output=True)
        return time.perf_counter() - began


def draw(
    path: Path, measured: Mapping[str, Mapping[float, Mapping[str, float]]], replays: Mapping[float, float]
) -> None:
    """CPU and latency against what was changed."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(measured) + 1, figsize=(13, 6), constrained_layout=True)
    for column, (name, points) in enumerate(measured.items()):
        values = list(points)
        axes[0, column].plot(values, [points[value]["cpu"] for value in values], "o-")
        for quantile in ("p50", "p99"):
            axes[1, column].plot(values, [points[value][quantile] for value in values], "o-", label=quantile)
        for row, label in enumerate(("CPU, % of a core", "arrival to prediction, ms")):
            axes[row, column].set(xscale="log", xlabel=name, ylabel=label if not column else "", ylim=(0, None))
        axes[1, column].legend(frameon=False)
    lengths = list(replays)
    axes[0, -1].plot(lengths, [replays[length] for length in lengths], "o-")
    axes[0, -1].set(xlabel="recording, s", ylabel="replay, s", ylim=(0, None))
    axes[1, -1].plot(lengths, [length / replays[length] for length in lengths], "o-")
    axes[1, -1].set(xlabel="recording, s", ylabel="times real time", ylim=(0, None))
    figure.savefig(path, dpi=110)


def main() -> int:
    """Print a table for each thing that is changed."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.growth", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each session (default: 8)")
    parser.add_argument("--out", type=Path, metavar="FILE.png", help="a plot")
    asked = parser.parse_args()
    sys.stdout.write(f"{platform.platform()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}\n")
    measured: dict[str, dict[float, dict[str, float]]] = {}
    for name, values in CHANGED.items():
        sys.stdout.write(f"\n{HEAD.format(name)}\n|{'---|' * 6}\n")
        for value in values:
            try:
                found = measured.setdefault(name, {})[value] = session(asked.seconds, {name: value})
            except subprocess.CalledProcessError as error:
                sys.stdout.write(f"| {value:g} | {error.stderr.strip().splitlines()[-1]:.100} | | | | |\n")
                continue
            row = " | ".join(f"{found[key]:g}" for key in ("cpu", "memory", "p50", "p99", "missing"))
            sys.stdout.write(f"| {value:g} | {row} |\n")
            sys.stdout.flush()
    sys.stdout.write("\n| recording, s | replay, s | times real time |\n|---|---|---|\n")
    replays = {length: replay_s(length) for length in LENGTHS_S}
    sys.stdout.write(
        "".join(f"| {length:g} | {used:.2f} | {length / used:.0f} |\n" for length, used in replays.items())
    )
    if asked.out:
        draw(asked.out, measured, replays)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
