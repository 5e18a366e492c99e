"""The budgets, then and now, as one table: `python -m offline.benchmarks.budgets [--only NAME …]`.

Everything runs one after the other in processes of its own, compiled files in place, about six minutes in all; nothing
else should run meanwhile, and the first line states what did. What takes hours or another environment has a command of
its own: the peers (offline.benchmarks.peers), losses and memory over hours (tests.faults), growth
(offline.benchmarks.growth).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHON = (sys.executable, "-m")
REPLAYED_S, REPLAYS = 300.0, 3
CORPUS_HOP_S = 1.0
HEAD = "| what | budget | at e4a8292 | now | by |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of the table. then: at e4a8292, on a quiet machine of two cores; "" where it was not measured."""

    what: str
    budget: str
    then: str
    now: str
    by: str


class Place:
    """A folder for what is measured, and the environment of the processes that are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = kept | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}

    def run(self, *command: str, threads: int = 1) -> tuple[str, float, float]:
        """What `python -m COMMAND` prints, the seconds it took, and those of CPU. threads: of products; 0: all."""
        environment = self._environment | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
        before, began = os.times(), time.perf_counter()
        done = subprocess.run([*PYTHON, *command], capture_output=True, text=True, check=False, env=environment)
        took_s, after = time.perf_counter() - began, os.times()
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
        return done.stdout, took_s, cpu_s

    def json(self, *command: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run(*command)[0])
        return found


def session(place: Place) -> list[Cost]:
    """64 channels at 1000 Hz, gaze, ten predictions a second, recorder and outlet on."""
    found, by = place.json("rtemo", "bench", "--json", "--seconds", "20"), "`rtemo bench --seconds 20`"
    delay, memory = found["arrival_to_prediction_ms"], found["memory_mb"]
    lines = [
        Cost("recorder and engine, of one core", "15 %", "10 to 13 %", f"{found['cpu_percent_of_one_core']} %", by),
        Cost("memory, engine + recorder", "", "205 MB", f"{memory:.0f} + {found['recorder_memory_mb']:.0f} MB", by),
        Cost("last sample to prediction, p50", "4 ms", "3.4 to 3.6 ms", f"{delay['p50']:.1f} ms", by),
        Cost("the same, p99", "8 ms", "4.6 to 5.6 ms", f"{delay['p99']:.1f} ms", by),
        Cost("samples lost", "0", "0", f"{found['samples_missing'] + found['samples_not_recorded']}", by),
    ]
    for stream, steps in found["steps"].items():
        if steps["ms"]:
            total, rest = steps["ms"]["total"]["p50"], steps["ms"]["unexplained"]["max"]
            now = f"{total:.0f} ms; stages leave over {rest:.2f} ms at most"
            lines.append(Cost(f"a step in {stream} to its receiver", "stages within 1 ms", "", now, by))
    return lines


def window(place: Place) -> list[Cost]:
    """What the window costs beside a session."""
    lines = []
    for channels, budget, then in (("64", "30", "31.8"), ("128", "30", "")):
        options = ["--gui", "--json", "--seconds", "20", "--channels", channels]
        found, by = place.json("rtemo", "bench", *options), f"`rtemo bench --gui --channels {channels}`"
        lines.append(Cost(f"frames a second, {channels} channels", budget, then, f"{found['frames_per_s']}", by))
        if channels == "64":
            cpu, paint = found["cpu_percent_of_one_core"], found["first_paint_s"]
            lines += [
                Cost("window, of one core", "35 %", "17 %", f"{cpu} %", by),
                Cost("first paint", "1.5 s", "0.5 s", f"{paint} s", by),
                Cost("p99 with the window", "15 ms", "10.4 ms", f"{found['arrival_to_prediction_ms']['p99']} ms", by),
            ]
    return lines


def replay(place: Place) -> list[Cost]:
    """300 s of 64 channels at 1000 Hz, hop 0.25 s, start-up included; and six seconds of it, which is the start-up."""
    path, out = place.folder / "person.xdf", place.folder / "out.csv"
    size = ["--eeg-channels", "64", "--eeg-rate", "1000", "--duration", f"{REPLAYED_S:g}"]
    place.run("rtemo", "simulate", "--xdf", str(path), "--quiet", *size)
    command = ["rtemo", "replay", str(path), "--speed", "max", "--hop", "0.25", "--out", str(out), "--quiet"]
    place.run(*command, "--stop", "6")  # compiles
    short, whole = _medians(place, [*command, "--stop", "6"]), _medians(place, command)
    by = "`rtemo replay --speed max`"
    now = f"{REPLAYED_S / whole[0]:.0f} times ({whole[0]:.2f} s; {whole[1]:.2f} s of CPU)"
    return [
        Cost("replay of 300 s, start-up included", "200 times real time", "53 times", now, by),
        Cost("start-up of a replay", "0.6 s", "1.3 s", f"{short[0]:.2f} s ({short[1]:.2f} s of CPU)", by),
    ]


def _medians(place: Place, command: Sequence[str]) -> tuple[float, float]:
    """Seconds on the clock and of CPU."""
    runs = [place.run(*command)[1:] for _ in range(REPLAYS)]
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)


def corpus(place: Place) -> list[Cost]:
    """Three sessions of 62 channels at 200 Hz, hop 1 s, one process, start-up included."""
    root, out = place.folder / "people", place.folder / "corpus"
    place.run("offline", "--quiet", "synthesize", "seed-iv", "--out", str(root), "--subjects", "1", "--scale", "0.25")
    command = ["offline", "--quiet", "build", "seed-iv", "--root", str(root), "--jobs", "1", "--out"]
    place.run(*command, str(place.folder / "first"))  # compiles
    text, _, cpu_s = place.run(*command, str(out))
    match = re.search(r"(\d+) windows", text)
    seconds = CORPUS_HOP_S * int(match.group(1)) if match else float("nan")
    now = f"{seconds / cpu_s:.0f} times ({cpu_s:.1f} s of CPU for {seconds:.0f} s)"
    return [Cost("building a corpus, per core", "400 times real time", "", now, "`python -m offline build seed-iv`")]


def training(place: Place) -> list[Cost]:
    """The default network, forward, backward and AdamW."""
    text, _, _ = place.run("offline.benchmarks.training_speed", "--channels", "62", threads=0)
    now = text.strip().splitlines()[-1]
    return [Cost("training", "500 windows/s", "", now, "`python -m offline.benchmarks.training_speed`")]


PARTS: dict[str, Callable[[Place], list[Cost]]] = {
    "session": session,
    "window": window,
    "replay": replay,
    "corpus": corpus,
    "training": training,
}


def main() -> int:
    """Print the table, a part as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.budgets", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="what is measured (default: all)")
    chosen = parser.parse_args().only or list(PARTS)
    busy = f", load {os.getloadavg()[0]:.1f} before it began" if hasattr(os, "getloadavg") else ""
    sys.stdout.write(f"{platform.platform()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}{busy}\n\n{HEAD}\n")
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            for cost in PARTS[name](Place(Path(folder))):
                sys.stdout.write(f"| {cost.what} | {cost.budget} | {cost.then} | {cost.now} | {cost.by} |\n")
                sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
