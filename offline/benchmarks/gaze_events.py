"""Speed and accuracy of live detection of saccades and blinks: `python -m offline.benchmarks.gaze_events`.

One process, one core. Simulated people, whose saccades and blinks are known, at several sampling rates; features every
quarter of a second as in a replay. A saccade of 1 degree or more that no blink touches counts as found when exactly one
detected saccade overlaps it, give or take a sample.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import numpy as np
from numpy.typing import NDArray

from rtemo.core.channel_map import Screen, ViewGeometry
from rtemo.core.gaze.events import GazeEvent, GazeEventKind
from rtemo.core.gaze.tracker import GazeAnalyser, GazeSettings
from rtemo.simulate.eyes.eye_movements import EyeTrain
from rtemo.simulate.eyes.gaze import DISTANCE_MM, SCREEN_MM
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession

HOP_S, WINDOW_S = 0.25, 4.0
CANONICAL = [0, 1, 3, 4, 2, 5]  # of the simulated tracker's columns
LEAST_DEG = 1.0
LID_S = 0.15  # eyelids touch what is this near to a blink
Times = NDArray[np.float64]


def tracker(rate_hz: float) -> GazeAnalyser:
    """A fresh tracker in front of the simulated person's screen."""
    screen = Screen(width_mm=SCREEN_MM[0], height_mm=SCREEN_MM[1], distance_mm=DISTANCE_MM)
    return GazeAnalyser(GazeSettings(), ViewGeometry.of_screen(screen), rate_hz)


def replayed(times: Times, samples: Times, rate_hz: float) -> float:
    """Seconds of gaze for one second of processor time, with features at every hop."""
    ends = np.arange(np.ceil(times[0] / HOP_S), np.floor(times[-1] / HOP_S)) * HOP_S
    stops = times.searchsorted(ends, side="right").tolist()
    used, begin = tracker(rate_hz), 0
    began = time.process_time()
    for end_s, stop in zip(ends.tolist(), stops, strict=True):
        used.push(times[begin:stop], samples[begin:stop])
        begin = stop
        used.features(end_s, WINDOW_S)
    return float(times[-1] - times[0]) / (time.process_time() - began)


def spans(events: list[GazeEvent], kind: GazeEventKind) -> Times:
    """Beginnings and ends (n, 2) of the events of a kind."""
    return np.array([(e.start_s, e.end_s) for e in events if e.kind == kind]).reshape(-1, 2)


def true_share(found: Times, onset: Times, end: Times, slack_s: float) -> float:
    """Precision: the share of what was found (n, 2) that touches a true event."""
    return float(((found[:, :1] < end + slack_s) & (found[:, 1:] > onset - slack_s)).any(axis=1).mean())


def matched(found: Times, onset: Times, end: Times, slack_s: float) -> tuple[float, float]:
    """Recall of true events by what was found (n, 2), and the median error of their onsets and ends in ms."""
    errors = []
    for a, b in zip(onset, end, strict=True):
        near = found[(found[:, 0] < b + slack_s) & (found[:, 1] > a - slack_s)]
        if len(near) == 1:
            errors += [abs(near[0, 0] - a), abs(near[0, 1] - b)]
    return len(errors) / 2 / max(len(onset), 1), 1000 * float(np.median(errors)) if errors else np.nan


def clear_of_blinks(train: EyeTrain, onset: Times, end: Times) -> NDArray[np.bool_]:
    """Which saccades (n,) no blink touches."""
    near = (onset[:, None] < train.blink_end_s + LID_S) & (end[:, None] > train.blink_onset_s - LID_S)
    return np.asarray(~near.any(axis=1))


def detection_quality(train: EyeTrain, times: Times, samples: Times, rate_hz: float) -> str:
    """Recall and timing of a session's saccades and blinks, less the last seconds, whose events are not settled yet."""
    detector = tracker(rate_hz)
    detector.push(times, samples)
    events = detector.take_events()
    slack_s, last_s = 0.5 / rate_hz, times[-1] - 2.0
    onset, end = train.onset_s, train.onset_s + train.duration_s
    fair = (end < last_s) & (train.amplitude_deg >= LEAST_DEG) & clear_of_blinks(train, onset, end)
    detected = spans(events, GazeEventKind.SACCADE)
    recall, timing_ms = matched(detected, onset[fair], end[fair], slack_s)
    precision = true_share(detected, onset, end, slack_s)
    lids = train.blink_end_s < last_s
    lidded = spans(events, GazeEventKind.BLINK)
    blinks, blink_ms = matched(lidded, train.blink_onset_s[lids], train.blink_end_s[lids], slack_s)
    return (
        f"{fair.sum()} saccades: recall {recall:.3f}, precision {precision:.3f}, timing {timing_ms:.1f} ms, "
        f"{lids.sum()} blinks: recall {blinks:.3f}, timing {blink_ms:.1f} ms"
    )


def main() -> int:
    """Print one line for each rate."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.gaze_events", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="length of each session (default: 120)")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many runs counts (default: 3)")
    parser.add_argument("--rates", type=float, nargs="+", default=[30.0, 60.0, 120.0, 250.0, 1000.0], metavar="HZ")
    asked = parser.parse_args()
    for rate_hz in asked.rates:
        session = SimulatedSession(SimulationPlan.for_duration(1, asked.seconds, gaze_rate_hz=rate_hz))
        times, values = session.gaze(0.0, asked.seconds)
        samples = values[:, CANONICAL].astype(np.float64)
        speed = max(replayed(times, samples, rate_hz) for _ in range(asked.repeat))
        found = detection_quality(session.truth.train, times, samples, rate_hz)
        sys.stdout.write(f"{rate_hz:g} Hz: {speed:.0f}x real time; {found}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
