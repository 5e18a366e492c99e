"""The steps of `rtemo bench`: from a change in the signals to the first prediction that shows it, in another program.

The sender, a process of its own, notes when it handed each sample over and when each prediction came. The engine's
stages are timed in the engine. Both are compared for each step: what the stages do not explain is shown as well.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtemo.commands.console import stop_on_signal, stop_with
from rtemo.core.errors import RtemoError
from rtemo.simulate.steps import ReceivedPrediction, SignalStep, StepRecord

STAGES = ("waiting", "transport", "pipeline", "network", "decision", "output", "reception")
MEANING = {
    "waiting": "until the window that shows it is complete",
    "transport": "sample to pipeline: LSL, recorder, socket",
    "pipeline": "filters, features, window",
    "network": "the model",
    "decision": "calibration, smoothing, sets",
    "output": "the output's queue",
    "reception": "outlet to receiver: LSL",
}
LONGEST_S = 600.0  # of the person who sends: the last step comes long before
ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class WindowTimes:
    """When the engine did what for one window, LSL time, and how long it took. role, stamp: of the newest sample that
    was taken in when it was complete.
    """

    role: str
    stamp: float
    push_s: float
    push_took_s: float
    network_took_s: float
    decided_s: float  # from the network's end to the outputs
    given_s: float  # to the engine's own output
    taken_s: float  # by an output that stands behind a queue


def run_sender(args: argparse.Namespace) -> int:
    """The process that sends steps and receives predictions."""
    from rtemo.simulate.plan import SimulationPlan
    from rtemo.simulate.session import SimulatedSession
    from rtemo.sources.lsl.config import configure

    configure("machine", args.steps_of)
    from rtemo.simulate.steps import send_steps

    plan = SimulationPlan.for_duration(1, LONGEST_S, eeg_channels=args.channels, eeg_rate_hz=args.rate)
    with stop_on_signal() as stop:
        stop_with(args.owner, stop)
        record = send_steps(SimulatedSession(plan), args.steps, stop)
    print(json.dumps(record.to_dict()))
    return 0


class StepSender:
    """That process, seen from the engine. `done` is set when it has ended; then there is a record."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self._text = process, ""
        self.done = threading.Event()
        self._reader = threading.Thread(target=self._read, name="steps", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        self._text = self._process.stdout.read()
        self.done.set()

    def record(self) -> StepRecord:
        """Waits for the process. Raises RtemoError where it failed."""
        self._reader.join(ANSWER_S)
        if not self._text.strip():
            raise RtemoError("the sender of the steps ended without an answer", "", "see the lines above")
        return StepRecord.from_dict(json.loads(self._text.strip().splitlines()[-1]))


@contextlib.contextmanager
def step_sender(args: argparse.Namespace, session: str) -> Iterator[StepSender]:
    """The sender in a process of its own, until the block ends."""
    sizes = ["--channels", str(args.channels), "--rate", f"{args.rate:g}", "--steps", str(args.steps)]
    command = [sys.executable, "-m", "rtemo", "bench", "--steps-of", session, "--owner", str(os.getpid()), *sizes]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        yield StepSender(process)
    finally:
        process.terminate()
        process.wait()


def explain(record: StepRecord, step: SignalStep, windows: Mapping[float, WindowTimes]) -> dict[str, float] | None:
    """The stages of one step in seconds, with `total` and what is `unexplained`; None where it did not show, or where
    its window was cut before all its samples had come.
    """
    shown = record.shown_by(step)
    times = windows.get(round(shown.end_s, 6)) if shown is not None else None
    if shown is None or times is None:
        return None
    complete_s = record.pushed_s(times.role, times.stamp)
    if complete_s is None:
        return None
    return _stages(step, shown, times, complete_s)


def _stages(step: SignalStep, shown: ReceivedPrediction, times: WindowTimes, complete_s: float) -> dict[str, float]:
    stages = {
        "waiting": complete_s - step.pushed_s,
        "transport": times.push_s - complete_s,
        "pipeline": times.push_took_s,
        "network": times.network_took_s,
        "decision": times.decided_s,
        "output": times.taken_s - times.given_s,
        "reception": shown.received_s - times.taken_s,
    }
    total = shown.received_s - step.pushed_s
    return {**stages, "total": total, "unexplained": total - sum(stages.values())}


def summary(record: StepRecord, windows: Mapping[float, WindowTimes]) -> dict[str, Any]:
    """For each stream: how many steps were sent and could be followed, and the median and largest of each stage, ms."""
    found: dict[str, Any] = {}
    for stream in sorted({step.stream for step in record.steps}):
        steps = [step for step in record.steps if step.stream == stream]
        followed = [stages for step in steps if (stages := explain(record, step, windows)) is not None]
        found[stream] = {"steps": len(steps), "followed": len(followed), "ms": _middle_and_most(followed)}
    return found


def _middle_and_most(followed: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    if not followed:
        return {}
    columns = {name: 1e3 * np.array([stages[name] for stages in followed]) for name in (*STAGES, "total")}
    columns["unexplained"] = 1e3 * np.abs([stages["unexplained"] for stages in followed])
    return {
        name: {"p50": round(float(np.median(ms)), 3), "max": round(float(ms.max()), 3)} for name, ms in columns.items()
    }


def as_text(found: Mapping[str, Any]) -> list[str]:
    """Lines for people: one for each stage, the sum, and what it leaves over."""
    streams = [name for name in found if found[name]["ms"]]
    counts = ", ".join(f"{found[name]['followed']} of {found[name]['steps']} in {name}" for name in found)
    lines = [f"steps             to the first prediction that shows one, in another program; followed: {counts}"]
    if streams:
        lines.append(f"{'':18}" + "".join(f"{f'{name} p50':<10}{'max':<10}" for name in streams) + "(ms)")
    for stage in (*STAGES, "total", "unexplained") if streams else ():
        values = "".join(
            f"{found[name]['ms'][stage]['p50']:<10}{found[name]['ms'][stage]['max']:<10}" for name in streams
        )
        lines.append(f"  {stage:<16}{values}{MEANING.get(stage, '')}".rstrip())
    return lines


class StageTimes:
    """Collects what the engine did for each window, by the window's end."""

    def __init__(self) -> None:
        self._pushes: dict[float, tuple[str, float, float, float]] = {}
        self._networks: dict[float, tuple[float, float]] = {}  # when it ended, how long it took
        self._given: dict[float, float] = {}
        self._taken: dict[float, float] = {}
        self.roles: dict[str, str] = {}  # what streams are used as

    def pushed(self, end_s: float, stream_id: str, stamp: float, begin_s: float, took_s: float) -> None:
        self._pushes[round(end_s, 6)] = (stream_id, stamp, begin_s, took_s)

    def embedded(self, end_s: float, ended_s: float, took_s: float) -> None:
        self._networks[round(end_s, 6)] = (ended_s, took_s)

    def given(self, end_s: float, now_s: float) -> None:
        self._given[round(end_s, 6)] = now_s

    def taken(self, end_s: float, now_s: float) -> None:
        self._taken[round(end_s, 6)] = now_s

    def windows(self) -> dict[float, WindowTimes]:
        """Of the windows whose every stage is known."""
        found = {}
        for end_s, (stream_id, stamp, begin_s, took_s) in self._pushes.items():
            role = self.roles.get(stream_id, "")
            ended_s, network_s = self._networks.get(end_s, (math.nan, math.nan))
            given_s, taken_s = self._given.get(end_s, math.nan), self._taken.get(end_s, math.nan)
            if given_s >= begin_s and math.isfinite(ended_s + taken_s):  # else it was given before all had come
                decided_s = given_s - ended_s
                found[end_s] = WindowTimes(role, stamp, begin_s, took_s, network_s, decided_s, given_s, taken_s)
        return found
