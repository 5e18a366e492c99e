"""A sender in a process of its own: real LSL outlets that do what they are told, one JSON command a line on stdin.

Each outlet streams by itself. Channel 0 of a numeric stream is the sample's index (modulo nothing: float64 and int32
are exact), the others are 0. Answers are JSON lines on stdout. The process is killed, or ends with its stdin.
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time

import pylsl

outlets: dict[str, Sender] = {}


class Sender(threading.Thread):
    """One outlet and the thread that feeds it."""

    def __init__(self, spec: dict) -> None:
        super().__init__(daemon=True)
        self.spec = spec
        self.text = spec["format"] == "string"
        info = pylsl.StreamInfo(
            spec["name"], spec["type"], spec["channels"], spec["nominal_hz"], spec["format"], spec["source_id"]
        )
        node = info.desc().append_child("channels")
        for label in spec["labels"]:
            channel = node.append_child("channel")
            channel.append_child_value("label", label)
            channel.append_child_value("unit", "microvolts")
        for _ in range(spec.get("depth", 0)):
            node = node.append_child("deeper")
        info.desc().append_child_value("text", "x" * spec.get("text_bytes", 0))
        self.outlet = pylsl.StreamOutlet(info)
        self.uid = self.outlet.get_info().uid()
        self.lock = threading.Lock()
        self.paused = spec["paused"]
        self.n_nan = 0
        self.sent = 0
        self.last_s = pylsl.local_clock()
        self.gone = False
        self.start()

    def run(self) -> None:
        """Pushes chunks when they are due; time that passed in a pause is not made up for."""
        if not self.spec["hz"]:
            return
        period_s = self.spec["chunk"] / self.spec["hz"]
        due_s = pylsl.local_clock()
        while True:
            due_s += period_s
            time.sleep(max(0.0, due_s - pylsl.local_clock()))
            with self.lock:
                if self.gone:
                    return
                if not self.paused:
                    self.push(self.spec["chunk"], due_s)

    def push(self, n: int, last_s: float, span_s: float = 0.0) -> None:
        """n samples, the last one stamped last_s, spread over span_s or else at the stream's rate."""
        hz = n / span_s if span_s else self.spec["hz"]
        rows = [[float(self.sent + k)] + [0.0] * (self.spec["channels"] - 1) for k in range(n)]
        for row in rows[: self.n_nan]:
            row[1:] = [math.nan] * (len(row) - 1)
        self.n_nan = max(0, self.n_nan - n)
        shift_s = time.time() - pylsl.local_clock() if self.spec["clock"] == "unix" else self.spec["ahead_s"]
        self.outlet.push_chunk(rows, [last_s + shift_s - (n - 1 - k) / hz for k in range(n)])
        self.sent += n
        self.last_s = last_s


def answer(command: dict) -> dict:
    do = command["do"]
    if do == "open":
        sender = outlets[command["key"]] = Sender(command["spec"])
        return {"uid": sender.uid}
    sender = outlets[command["key"]]
    if do == "wait":
        return {"consumed": sender.outlet.wait_for_consumers(command["timeout_s"])}
    with sender.lock:
        if do == "pause":
            sender.paused = True
        elif do == "resume":
            sender.paused = False
        elif do == "nan":
            sender.n_nan = command["n"]
        elif do == "stray":
            sender.outlet.push_sample([float(sender.sent)] + [0.0] * (sender.spec["channels"] - 1), command["stamp"])
            sender.sent += 1
        elif do == "set clock":
            sender.spec["ahead_s"] += command["by_s"]
        elif do == "burst":
            sender.push(command["n"], pylsl.local_clock(), pylsl.local_clock() - sender.last_s)
        elif do == "say":
            text = command["text"] * command.get("times", 1)
            sender.outlet.push_sample([text], pylsl.local_clock() if "at" not in command else command["at"])
            sender.sent += 1
        elif do == "close":
            sender.gone = True
            sender.outlet = None
        return {"sent": sender.sent, "now": pylsl.local_clock()}


def main() -> None:
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
