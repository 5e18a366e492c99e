"""Speed of the simulator, in multiples of real time: `python -m offline.benchmarks.simulation`.

One process, one core (by OMP_NUM_THREADS), the session cut into blocks as a live source would cut it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession


def streamed(plan: SimulationPlan, block_s: float) -> float:
    """Seconds of session for one second of work, everything included from the plan to the last chunk."""
    began = time.perf_counter()
    for _item in SimulatedSession(plan).items(block_s):
        pass
    return plan.duration_s / (time.perf_counter() - began)


def drawn(plan: SimulationPlan) -> float:
    """The same for arrays, as data sets are written from them."""
    began = time.perf_counter()
    session = SimulatedSession(plan)
    session.eeg(0.0, plan.duration_s)
    session.gaze(0.0, plan.duration_s)
    return plan.duration_s / (time.perf_counter() - began)


def main() -> int:
    """Print one line for each rate, number of channels and way of reading."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.simulation", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="length of each session (default: 60)")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many runs counts (default: 3)")
    asked = parser.parse_args()
    for channels, rate in ((62, 1000), (62, 500), (62, 200), (128, 500), (8, 250)):
        plan = SimulationPlan.for_duration(1, asked.seconds, eeg_channels=channels, eeg_rate_hz=rate)
        ways = {
            "10 ms blocks": partial(streamed, plan, 0.01),
            "100 ms blocks": partial(streamed, plan, 0.1),
            "arrays": partial(drawn, plan),
        }
        found = {way: max(measure() for _ in range(asked.repeat)) for way, measure in ways.items()}
        text = ", ".join(f"{way} {speed:.0f}x" for way, speed in found.items())
        sys.stdout.write(f"{channels} channels at {rate} Hz, gaze at 120 Hz: {text}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
