"""The sender: a process of its own that plays a fault's plan as real LSL outlets. `python -m tests.faults.sender NAME`.

Prints "up", then "t0 SECONDS" (LSL clock) once somebody reads the first outlets, and "end" after the last sample.
LSLAPICFG keeps it on this computer and in a session of its own.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import pylsl

from .catalog import by_name
from .plan import Plan, Sent, build

STEP_S = 0.02
BEFORE_S = 1.5  # between the first reader and the first sample
LINGER_S = 3.0  # outlets stay so long after the last sample


def description(about: dict[str, Any]) -> pylsl.StreamInfo:
    """A stream's description; depth, filler: nested elements and bytes in it that no reader expects."""
    info = pylsl.StreamInfo(
        about["name"], about["type"], about["n_channels"], about["nominal_hz"], about["format"], about["source_id"]
    )
    channels = info.desc().append_child("channels")
    for label, unit in zip(about["labels"], about["units"] or ["microvolts"] * len(about["labels"]), strict=False):
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", unit)
        channel.append_child_value("type", about["type"])
    node = info.desc()
    for _ in range(about.get("depth", 0)):
        node = node.append_child("deeper")
    if filler := about.get("filler", 0):
        info.desc().append_child_value("filler", "x" * filler)
    return info


class Playing:
    """One outlet and how much of it was sent."""

    def __init__(self, sent: Sent) -> None:
        self.sent, self.done = sent, 0
        self.outlet: pylsl.StreamOutlet | None = None
        self.gone = False

    def step(self, now_s: float) -> None:
        """Open, send what is due, close."""
        if self.gone:
            return
        if self.outlet is None and now_s >= self.sent.opens_s:
            self.outlet = pylsl.StreamOutlet(description(self.sent.description))
        due = int(np.searchsorted(self.sent.send_s, now_s, side="right"))
        if self.outlet is not None and due > self.done:
            self._push(self.outlet, self.done, due)
            self.done = due
        if now_s >= self.sent.closes_s:
            self.outlet, self.gone = None, True

    def _push(self, outlet: pylsl.StreamOutlet, begin: int, end: int) -> None:
        rows, stamps = self.sent.values[begin:end], self.sent.stamps[begin:end]
        if self.sent.description["format"] == "string":
            for row, stamp in zip(rows, stamps, strict=True):
                outlet.push_sample([str(text) for text in row], float(stamp))
        else:
            outlet.push_chunk(rows.tolist(), stamps.tolist())


def play(plan_of: Any, seconds: float) -> None:
    """Open what is there from the beginning, wait for a reader, and send."""
    plan: Plan = plan_of(0.0)
    players = [Playing(one) for one in plan.sent]
    for player in players:
        player.step(-1e6)
    print("up", flush=True)
    first = [p for p in players if p.outlet is not None and p.sent.role in ("eeg", "gaze")]
    while first and not all(p.outlet is not None and p.outlet.have_consumers() for p in first):
        time.sleep(STEP_S)
    t0 = pylsl.local_clock() + BEFORE_S
    for player, sent in zip(players, plan_of(t0).sent, strict=True):
        player.sent = sent
    print(f"t0 {t0!r}", flush=True)
    while (now_s := pylsl.local_clock() - t0) < seconds + LINGER_S:
        for player in players:
            player.step(now_s)
        time.sleep(STEP_S)
        if now_s >= seconds and now_s - STEP_S - 0.01 < seconds:
            print("sent", flush=True)
    print("end", flush=True)
    sys.stdin.read()  # until the bench has seen enough


def main() -> None:
    fault = by_name(sys.argv[1])
    plan = build(fault.changes, fault.seconds, 0.0)
    play(lambda t0: build(fault.changes, fault.seconds, t0), plan.seconds)


if __name__ == "__main__":
    main()
