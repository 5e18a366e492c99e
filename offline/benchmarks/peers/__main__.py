"""rtemo beside its peers: `python -m offline.benchmarks.peers --python peers/bin/python [--only NAME]`.

The peers run in an environment of their own (requirements.txt), on the same simulated streams and files, in alternation
with rtemo, so that what else the computer does touches both. Ratios are what can be compared between computers.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import numpy as np

from offline.benchmarks.gaze_events import CANONICAL, LEAST_DEG, clear_of_blinks, matched, spans, tracker, true_share
from rtemo.core.gaze.events import GazeEventKind
from rtemo.simulate.eyes.gaze import DISTANCE_MM, SCREEN_MM
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.lsl.config import settings_for

HERE = Path(__file__).resolve().parent
RTEMO = (sys.executable, "-m", "rtemo")
CHANNELS, RATE_HZ, HOP_S = 64, 1000.0, 0.25
PERSON = ("simulate", "--eeg-channels", str(CHANNELS), "--eeg-rate", f"{RATE_HZ:g}")
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def peer(python: Path, script: str, *arguments: object, lsl: Path | None = None) -> dict[str, Any]:
    """What a script of this folder prints under the peers' Python."""
    environment = os.environ | ENVIRONMENT | ({"LSLAPICFG": str(lsl)} if lsl else {})
    environment.pop("PYTHONPATH", None)
    command = [str(python), "-W", "ignore", str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{script} failed under {python}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def sender(session: str) -> Iterator[Path]:
    """A simulated person on LSL, kept on this computer. Gives the LSL settings to find it with."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "lsl.cfg"
        settings.write_text(settings_for("machine", session), encoding="utf-8")
        process = subprocess.Popen(
            [*RTEMO, *PERSON, "--duration", "3600", "--lsl-session", session], stderr=subprocess.DEVNULL
        )
        try:
            yield settings
        finally:
            process.terminate()
            process.wait()


def acquisition(python: Path, seconds: float, repeat: int) -> list[str]:
    """CPU for the same 64 channels at 1000 Hz: our whole session against acquiring and filtering alone."""
    ours: list[float] = []
    theirs: dict[float, list[float]] = {0.001: [], 0.01: []}
    for _ in range(repeat):
        bench = [*RTEMO, "bench", "--json", "--seconds", f"{seconds:g}", "--channels", str(CHANNELS)]
        found = json.loads(subprocess.run(bench, capture_output=True, text=True, check=True).stdout)
        ours.append(found["cpu_percent_of_one_core"])
        for delay_s, got in theirs.items():
            with sender(f"peers-{os.getpid()}") as lsl:
                name = "rtemo simulated EEG"
                found = peer(python, "peer_acquisition.py", name, seconds, delay_s, lsl=lsl)
                if found["samples"] < 0.95 * seconds * RATE_HZ:
                    raise SystemExit(f"only {found['samples']} samples came in {seconds:g} s: the computer is too busy")
                got.append(found["cpu_percent"])
    mine = float(np.median(ours))
    lines = [f"rtemo: recorder, engine with model, 10 predictions a second | {mine:.1f} % of a core | 1"]
    for delay_s, got in theirs.items():
        other = float(np.median(got))
        lines.append(
            f"MNE-LSL: StreamLSL and filters, delay {delay_s * 1000:g} ms | {other:.1f} % | {other / mine:.2f}"
        )
    return lines


def replay(python: Path, seconds: float, repeat: int) -> list[str]:
    """A recording to predictions, against pyxdf, MNE's filters and band power without any model."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "person.xdf", Path(folder) / "out.csv"
        make = [
            "simulate",
            "--xdf",
            str(path),
            "--quiet",
            "--eeg-channels",
            str(CHANNELS),
            "--eeg-rate",
            f"{RATE_HZ:g}",
        ]
        subprocess.run([*RTEMO, *make, "--duration", f"{seconds:g}"], check=True)
        ours, theirs = [], []
        for _ in range(repeat):
            out.unlink(missing_ok=True)
            began = time.perf_counter()
            command = [
                *RTEMO,
                "replay",
                str(path),
                "--speed",
                "max",
                "--hop",
                f"{HOP_S:g}",
                "--out",
                str(out),
                "--quiet",
            ]
            subprocess.run(command, check=True, capture_output=True)
            ours.append(time.perf_counter() - began)
            theirs.append(peer(python, "peer_replay.py", path, HOP_S)["seconds"])
    mine, other = float(np.median(ours)), float(np.median(theirs))
    return [
        f"rtemo replay: causal, with model and gaze, start-up included | {mine:.2f} s ({seconds / mine:.0f}x) | 1",
        f"pyxdf, MNE filters, Welch band power: EEG alone, no model, imports left out | {other:.2f} s "
        f"({seconds / other:.0f}x) | {other / mine:.2f}",
    ]


def degrees(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of both eyes (n, 2) in degrees from the screen's centre, from canonical samples in [0, 1]."""
    eyes = np.stack([samples[:, 0:2], samples[:, 2:4]])
    xy = np.where(np.isnan(eyes[0]), eyes[1], np.where(np.isnan(eyes[1]), eyes[0], eyes.mean(axis=0)))
    mm = (xy - 0.5) * np.asarray(SCREEN_MM)
    angles = np.degrees(np.arctan2(mm, DISTANCE_MM))
    return angles[:, 0], angles[:, 1]


def scored(found: list[tuple[float, float]], onset: np.ndarray, end: np.ndarray, slack_s: float, truth: Any) -> str:
    """Recall, precision and timing of saccades against the simulated person's."""
    fair = (truth.amplitude_deg >= LEAST_DEG) & clear_of_blinks(truth, onset, end)
    ours = np.asarray(found, dtype=float).reshape(-1, 2)
    recall, timing_ms = matched(ours, onset[fair], end[fair], slack_s)
    precision = true_share(ours, onset, end, slack_s) if len(ours) else 0.0
    return f"{recall:.3f} | {precision:.3f} | {timing_ms:.1f} ms"


def gaze_events(python: Path, seconds: float, repeat: int) -> list[str]:
    """Saccades of a simulated person: recall, precision, timing, and speed."""
    lines = []
    for rate_hz in (120.0, 250.0, 500.0, 1000.0):
        session = SimulatedSession(SimulationPlan.for_duration(1, seconds, gaze_rate_hz=rate_hz))
        times, values = session.gaze(0.0, seconds)
        samples, truth = values[:, CANONICAL].astype(np.float64), session.truth.train
        onset, end, slack_s = truth.onset_s, truth.onset_s + truth.duration_s, 0.5 / rate_hz
        used = []
        for _ in range(repeat):
            detector, began = tracker(rate_hz), time.process_time()
            detector.push(times, samples)
            events = detector.take_events()
            used.append(time.process_time() - began)
        mine = spans(events, GazeEventKind.SACCADE).tolist()
        speed = seconds / float(np.median(used))
        lines.append(f"rtemo, online | {rate_hz:g} Hz | {scored(mine, onset, end, slack_s, truth)} | {speed:.0f}x")
        x, y = degrees(samples)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "gaze.npz"
            np.savez(path, x=x, y=y, rate_hz=rate_hz)
            for name, found in peer(python, "peer_gaze_events.py", path).items():
                if "error" in found:
                    lines.append(f"{name}, whole file | {rate_hz:g} Hz | {found['error']:.60} | | | ")
                    continue
                theirs = [(times[0] + a, times[0] + b) for a, b in found["saccades"]]
                score = scored(theirs, onset, end, slack_s, truth)
                lines.append(f"{name}, whole file | {rate_hz:g} Hz | {score} | {seconds / found['cpu_s']:.0f}x")
    return lines


PARTS = {
    "acquisition": (acquisition, 20.0, "| program | CPU | ratio |\n|---|---|---|"),
    "replay": (replay, 300.0, "| program | for 300 s | ratio |\n|---|---|---|"),
    "gaze-events": (
        gaze_events,
        120.0,
        "| method | rate | recall | precision | timing | speed |\n|---|---|---|---|---|---|",
    ),
}


def main() -> int:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.peers", description=__doc__)
    parser.add_argument("--python", type=Path, required=True, help="of the environment made of requirements.txt")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--repeat", type=int, default=3, help="the median of so many runs counts (default: 3)")
    asked = parser.parse_args()
    sys.stdout.write(f"{platform.platform()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}\n")
    for name, (part, seconds, head) in PARTS.items():
        if asked.only in (None, name):
            lines = part(asked.python.absolute(), seconds, asked.repeat)
            sys.stdout.write(f"\n{name}\n\n{head}\n" + "".join(f"| {line} |\n" for line in lines))
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
