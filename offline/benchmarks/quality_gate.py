"""Detection rate, false alarms and time of the signal quality checks: `python -m offline.benchmarks.quality_gate`.

Simulated people, one core. False alarms: windows of people without any fault in which a channel (or the gaze, or the
pupils) is named. Detection: of the windows that lie wholly within a fault, the share in which each channel that has it
is named at all, and named with the reason that fits; delay: from the fault's begin to the end of the first window that
names it, windows a quarter of a second apart. A channel is named in a window when half of its frames have a fault, or
one of them a pop. `--people` and `--seconds` change how much is simulated.

Measured on 2026-11-23 (`--people 6 --seconds 60`: 6 people, 18 for false alarms, none of them used to choose a
threshold). False alarms: none of 51,968 channels and windows of the default family, 0.04 % (one person, "noisy") of the
shifted and the held-out family each. Named, and the longest delay: flat 100 % (3.0 s), railed 100 % (1.3 s), clipped
100 % (half of them as noisy), mains of 20 uV 92 % and of 40 uV 100 % (1.3 s), muscle noise of 10 uV 89 %, of 15 and 30
uV 100 % (1.5 s), also on every channel, a pop every second 100 %, one every 5 s 76 % (of the windows of 4 s at most
80 % can hold one), loose electrodes of 80 uV 100 % (1.8 s) and of 40 uV 0 % (their hum stays below the limit), bridged
100 % (3.0 s), not a number 100 % (1.5 s), lost EEG packets 100 % (1.3 s), frozen gaze 100 % (3.0 s), lost tracking
100 % (2.0 s), lost gaze packets 100 % (2.0 s), impossible pupils 100 % (2.3 s). Cost on a busy machine: 0.71 ms a
frame of 64 channels at 1000 Hz.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import numpy as np
from numpy.typing import NDArray

from offline.corpus.build_recording import channel_map_of
from rtemo.core.eeg.quality import ChannelCheck, QualitySettings
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Chunk, ClockOffset, Modality, Window
from rtemo.simulate.device.faults import read_fault
from rtemo.simulate.families import FAMILIES
from rtemo.simulate.plan import Options, SimulationPlan
from rtemo.simulate.session import SimulatedSession

CAPS = (16, 32, 62)
ROLES = {"EEG": Modality.EEG, "Gaze": Modality.GAZE}
HOP_S, FIRST_S, LASTS_S = 0.25, 20.0, 12.0
N_BAD = 4
Change = Callable[[float, NDArray[np.float32]], NDArray[np.float32]]
"""(seconds since the fault's begin, samples (n, channels)) -> what is sent instead."""


@dataclass(frozen=True, slots=True)
class FaultTrial:
    """One kind of fault: what is done, and the reasons that fit it."""

    name: str
    reasons: tuple[str, ...]
    table: dict[str, object] | None = None
    change: Change | None = None
    stream: str = "eeg"
    named: str = ""  # what must be named, where it is not the channels that have the fault
    everywhere: bool = False  # on every channel, so that none is left to compare with


def _clip(_since_s: float, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """An amplifier that saturates on a strong slow wave."""
    middle = np.median(values, axis=0)
    clipped: NDArray[np.float32] = np.clip((values - middle) * 15.0, -250.0, 250.0) + middle
    return clipped


def _small_pupil(_since_s: float, values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(np.isin(np.arange(values.shape[1]), (2, 5)), values * 0.1, values).astype(np.float32)


class _Freeze:
    """A tracker that repeats the last sample it had."""

    def __init__(self) -> None:
        self._held: NDArray[np.float32] | None = None

    def __call__(self, _since_s: float, values: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._held is None:
            good = values[np.isfinite(values).all(axis=1)]
            if not len(good):
                return values
            self._held = good[:1]
        return np.repeat(self._held, len(values), axis=0)


def _hum(uv: float, *, everywhere: bool) -> FaultTrial:
    table = {"kind": "line_noise", "amplitude_uv": uv}
    return FaultTrial(f"mains {uv:g} uV{_WHERE[everywhere]}", ("line noise",), table, everywhere=everywhere)


def _muscle(uv: float, *, everywhere: bool) -> FaultTrial:
    table = {"kind": "emg", "rms_uv": uv}
    return FaultTrial(f"muscle {uv:g} uV{_WHERE[everywhere]}", ("muscle noise", "noisy"), table, everywhere=everywhere)


_WHERE = {False: "", True: ", all"}


def trials() -> tuple[FaultTrial, ...]:
    """Fresh ones: the changes have memories."""
    return (
        FaultTrial("flat", ("flat", "railed"), {"kind": "flat"}),
        FaultTrial("railed", ("railed",), {"kind": "railed"}),
        FaultTrial("clipped", ("clipped", "railed"), change=_clip),
        *(_hum(uv, everywhere=whole) for uv, whole in ((20.0, False), (40.0, False), (40.0, True))),
        *(_muscle(uv, everywhere=whole) for uv, whole in ((10.0, False), (15.0, False), (15.0, True), (30.0, False))),
        FaultTrial("pop every second", ("electrode pop", "noisy"), {"kind": "pop", "every_s": 1.0}),
        FaultTrial("pop every 5 s", ("electrode pop", "noisy"), {"kind": "pop"}),
        FaultTrial("loose 40 uV", ("loose electrode", "noisy"), {"kind": "loose", "rms_uv": 40.0}),
        FaultTrial("loose 80 uV", ("loose electrode", "noisy"), {"kind": "loose"}),
        FaultTrial("bridged", ("bridged",), {"kind": "bridged"}),
        FaultTrial("not a number", ("missing samples",), {"kind": "nan"}),
        FaultTrial("EEG packets lost", ("gap in the stream",), {"kind": "gap"}),
        FaultTrial("gaze frozen", ("frozen",), change=_Freeze(), stream="gaze", named="gaze"),
        FaultTrial("tracking lost", ("low validity",), {"kind": "tracking_lost"}, stream="gaze", named="gaze"),
        FaultTrial(
            "gaze packets lost", ("gap in the stream",), {"kind": "gap", "stream": "gaze"}, None, "gaze", "gaze"
        ),
        FaultTrial("pupil of 0.4 mm", ("implausible size",), change=_small_pupil, stream="gaze", named="pupil"),
    )


def write_line(line: str) -> None:
    """Print one line of the results."""
    sys.stdout.write(line + "\n")


def windows_of(session: SimulatedSession, trial: FaultTrial | None, bad: Sequence[int]) -> list[Window]:
    """All windows of a session, with a trial's change done to its chunks."""
    pipeline = Pipeline(PipelineSettings().with_hop(HOP_S))
    roles = {info.stream_id: ROLES.get(info.type) for info in session.streams}
    for info in session.streams:
        role = roles[info.stream_id]
        if role is not None:
            pipeline.add_stream(info, channel_map_of(info, role))
    windows: list[Window] = []
    for item in session.items(0.25):
        if isinstance(item, Chunk | ClockOffset):
            chunk = item if isinstance(item, ClockOffset) else _changed(item, session, trial, roles, bad)
            windows += pipeline.push(chunk)
    return windows


def _changed(
    item: Chunk,
    session: SimulatedSession,
    trial: FaultTrial | None,
    roles: dict[str, Modality | None],
    bad: Sequence[int],
) -> Chunk:
    if trial is None or trial.change is None or roles.get(item.stream_id) != trial.stream or not len(item):
        return item
    since_s = float(item.stamps[0]) - session.plan.start_s - FIRST_S
    if not 0.0 <= since_s < LASTS_S:
        return item
    values = item.values.copy()
    if trial.stream == "eeg":
        values[:, bad] = trial.change(since_s, values[:, bad])
    else:
        values = trial.change(since_s, values)
    return replace(item, values=values)


def false_alarms(people: int, seconds: float) -> None:
    """Windows and channels of people without faults that are named all the same, by family of people."""
    write_line(f"false alarms: {people} people a family without faults, {seconds:g} s, caps of {CAPS} channels")
    for family in FAMILIES:
        named: Counter[str] = Counter()
        n_cells, who = 0, set[int]()
        for seed in range(people):
            options = Options(muscle_confound=seed % 2 == 1)
            plan = SimulationPlan.for_duration(100 + seed, seconds, eeg_channels=CAPS[seed % 3], options=options)
            for window in windows_of(SimulatedSession(replace(plan, family=family)), None, ()):
                n_cells += len(window.channels) + 2
                named.update(window.bad_channels.values())
                who |= {seed} if window.bad_channels else set()
        share = sum(named.values()) / n_cells
        write_line(f"  {family:9s} {share:.4%} of {n_cells} channels and windows, {len(who)} people: {dict(named)}")


def detection(people: int) -> None:
    """Each trial on several people."""
    write_line(f"detection: {people} people, {N_BAD} channels of 32, all of them, or the gaze, for {LASTS_S:g} s")
    write_line(f"  {'fault':20s} {'named':>7s} {'fitting':>8s} {'delay s':>8s}  reasons")
    for number in range(len(trials())):
        named = fitting = n = 0
        delays, reasons = [], Counter[str]()
        for seed in range(people):
            trial = trials()[number]
            labels, windows, begin_s = _one(trial, 200 + seed)
            inside = [w for w in windows if begin_s + 4.0 <= w.end_s <= begin_s + LASTS_S]
            found = [window.bad_channels.get(label) for window in inside for label in labels]
            n += len(found)
            named += sum(reason is not None for reason in found)
            fitting += sum(reason in trial.reasons for reason in found)
            reasons.update(reason for reason in found if reason is not None)
            first = [w.end_s for w in windows if w.end_s > begin_s and any(label in w.bad_channels for label in labels)]
            delays.append(first[0] - begin_s if first else float("inf"))
        write_line(f"  {trial.name:20s} {named / n:7.1%} {fitting / n:8.1%} {max(delays):8.2f}  {dict(reasons)}")


def _one(trial: FaultTrial, seed: int) -> tuple[list[str], list[Window], float]:
    """What must be named, all windows, and when the fault begins."""
    plan = SimulationPlan.for_duration(seed, FIRST_S + LASTS_S + 2.0, eeg_channels=32, eeg_rate_hz=500)
    n_channels = len(plan.montage.labels)
    n_bad = n_channels if trial.everywhere else N_BAD
    bad = sorted(np.random.default_rng(seed).choice(n_channels, n_bad, replace=False).tolist())
    chosen = [plan.montage.labels[column] for column in bad]
    if trial.table is not None:
        table = {**trial.table, "start_s": FIRST_S, "duration_s": LASTS_S}
        whole = trial.stream == "gaze" or trial.table["kind"] == "gap"
        plan = replace(plan, faults=(read_fault(table if whole else {**table, "channels": chosen}),))
    session = SimulatedSession(plan)
    labels = [trial.named] if trial.named else chosen
    if trial.name == "bridged":
        labels = chosen[1:]  # the first of a group that is one electrode can still be used
    return labels, windows_of(session, trial, bad), plan.start_s + FIRST_S


def cost(channels: int = 64, rate_hz: int = 1000, repeats: int = 500) -> None:
    """The check of one frame, by the clock."""
    rng = np.random.default_rng(0)
    raw = rng.normal(0, 10, (rate_hz, channels)).astype(np.float32)
    frame = rng.normal(0, 10, (200, channels))
    check = ChannelCheck(QualitySettings(), 200.0, 200, 0.75)
    valid = np.ones(frame.shape, dtype=bool)
    took = []
    for _ in range(repeats):
        begin = time.perf_counter()
        check(raw, frame, frame, valid)
        took.append(time.perf_counter() - begin)
    write_line(
        f"cost: {1e3 * float(np.median(took)):.2f} ms for a frame of {channels} channels at {rate_hz} Hz (median)"
    )


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=120.0)
    args = parser.parse_args()
    cost()
    false_alarms(args.people, args.seconds)
    detection(args.people)


if __name__ == "__main__":
    main()
