"""`python -m tests.faults kill --target recorder|engine|window -n 200`: kills at random moments, a session each.

The moment lies anywhere between the program's start and the session's end. What is right: of a killed engine or window
nothing is lost, of a killed recorder one stretch, which begins LOST_S before the kill at most; every file can be read
and replayed; the session goes on, ends when it is asked to, and predictions outside the restart are the replay's. How
long nobody recorded is printed: RESTART_S is what a computer with nothing else to do needs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from multiprocessing.connection import Client, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from .catalog import by_name
from .fault import Fault, Want
from .judge import Outcome, Result, judge
from .plan import build
from .process import REPOSITORY, Watched, child_named, start
from .run_fault import STARTS_S, LiveRun, replayed
from .xdf_bytes import read_xdf

LOST_S, RESTART_S = 0.35, 3.0
GAP_S = 0.05  # between two samples: some are missing
RATE_HZ = 250 + 120  # samples a second of both streams
PLAN = "kill_session"
END_S = 4.0  # before the session's end, in which an engine is hardly started again
START_S = 3.0  # the program's own start, in which it can be killed too
TARGETS = ("recorder", "engine", "window")


def main(arguments: list[str]) -> int:
    """The command."""
    p = argparse.ArgumentParser(prog="python -m tests.faults kill", description=__doc__)
    p.add_argument("--target", choices=TARGETS, required=True)
    p.add_argument("-n", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--jobs", type=int, default=4)
    p.add_argument("--keep", type=Path, metavar="DIR")
    p.add_argument("--results", type=Path, metavar="FILE.jsonl")
    args = p.parse_args(arguments)
    begun_s, results = time.monotonic(), []

    def one(number: int) -> Result:
        made = kill_once(args.target, args.seed, number, args.keep)
        print(f"{made.name}: {'right' if made.right else '; '.join(made.wrong)}", flush=True)
        return made

    os.environ["RTEMO_SAVE_S"] = "3"  # so that most engines go on from a saved state, as in a session of an hour
    with ThreadPoolExecutor(args.jobs) as pool:
        results = list(pool.map(one, range(args.n)))
    if args.results:
        args.results.write_text("".join(json.dumps(asdict(made)) + "\n" for made in results), encoding="utf-8")
    wrong = [made for made in results if not made.right]
    lost = sorted(made.sent - made.recorded for made in results)
    print(
        f"{args.target}: {len(results)} kills, {len(wrong)} wrong; samples lost: median {lost[len(lost) // 2]}, "
        f"most {lost[-1]}; {time.monotonic() - begun_s:.0f} s"
    )
    if args.target == "recorder":
        away_s = sorted(made.said_s or 0.0 for made in results)
        soon = sum(one <= RESTART_S for one in away_s)
        print(f"nobody recorded for {away_s[len(away_s) // 2]:.2f} s (median), {away_s[-1]:.2f} s at most; {soon} "
              f"times for {RESTART_S:g} s or less")  # fmt: skip
    return 1 if wrong else 0


def kill_once(target: str, seed: int, number: int, keep: Path | None) -> Result:
    """One session and one kill."""
    chance = random.Random(f"{seed} {target} {number}")
    plan = by_name(PLAN)
    at_s = chance.uniform(-START_S, plan.seconds - 1.0)
    early = RATE_HZ * START_S if target == "window" else 0  # a session may begin before it is known to
    at_the_end = target == "engine" and at_s > plan.seconds - END_S  # the next one may be too late to end the session
    codes = (0, 1, 130) if at_the_end else (0, 130)
    want = Want(repeated=int(early), predictions=0, ends_within_s=20.0, gap_s=60.0, exit=codes)
    fault = replace(plan, name=f"{target}_{number}_at_{at_s:.2f}s", want=want, plays=PLAN, begins_s=max(at_s, 0.0))
    with contextlib.ExitStack() as closing:
        kept = tempfile.TemporaryDirectory(prefix="rtemo-kill-", ignore_cleanup_errors=True)  # one may be ending
        folder = keep / fault.name if keep else Path(closing.enter_context(kept))
        folder.mkdir(parents=True, exist_ok=True)
        made = WindowRun(fault, folder, at_s) if target == "window" else ProcessRun(fault, folder, target, at_s)
        try:
            outcome = made.run()
        except Exception as error:  # noqa: BLE001 - the bench's own fault, to be seen as such
            return Result(fault.name, "live", wrong=[f"the bench failed: {type(error).__name__}: {error}"])
        away_s = _longest_gap_s(outcome) if target == "recorder" else 0.0
        lost = int((LOST_S + away_s) * RATE_HZ) if away_s else 0
        result = judge(replace(fault, want=replace(want, lost=lost)), outcome)
        result.said_s = away_s
        return result


def _longest_gap_s(outcome: Outcome) -> float:
    """For how long nobody recorded: the longest time without a sample of the EEG in the files; 0: none was missing."""
    stamps = [one.stamps for path in outcome.recordings for one in read_xdf(path).values() if one.name == "Amp"]
    end_s = outcome.plan.t0 + outcome.plan.seconds
    steps = np.diff(np.sort(np.concatenate([*stamps, [end_s]]))) if stamps else np.zeros(0)
    longest_s = float(steps.max(initial=0.0))
    return longest_s if longest_s > GAP_S else 0.0


class ProcessRun(LiveRun):
    """A headless session in which one of its processes is killed."""

    def __init__(self, fault: Fault, folder: Path, target: str, at_s: float) -> None:
        super().__init__(fault, folder)
        self._target, self._at_s = target, at_s
        if at_s >= 0.0:
            self.fault = replace(fault, acts=((at_s, "kill_role", {}),))

    def _await_t0(self, sender: Watched) -> str | None:
        if self._at_s < 0.0:  # while it starts
            end_s = time.monotonic() + START_S + self._at_s
            while time.monotonic() < end_s:
                time.sleep(0.01)
            self._do_kill_role()
        return super()._await_t0(sender)

    def _do_kill_role(self) -> None:
        end_s, found = time.monotonic() + STARTS_S, None
        while found is None and time.monotonic() < end_s and self.program.process.poll() is None:  # not started yet
            found = child_named(self.program, self._target)
            time.sleep(0.0 if found is not None else 0.01)
        with contextlib.suppress(psutil.Error):
            if found is not None:
                found.kill()
            else:
                self.problems.append(f"there is no {self._target} to be killed")


class WindowRun(LiveRun):
    """A session begun in the window, whose process is killed: the session goes on and a new window finds it."""

    def __init__(self, fault: Fault, folder: Path, at_s: float) -> None:
        super().__init__(fault, folder)
        self._at_s, self._root = at_s, folder / "sessions"
        self._windows: list[Watched] = []

    def run(self) -> Outcome:
        with contextlib.ExitStack() as closing:
            sender = start(["tests.faults.sender", self.fault.plays], self.folder, cwd=REPOSITORY)
            closing.callback(sender.end, signal.SIGKILL, 5.0)
            sender.wait_for("up", STARTS_S)
            window = self._open_window()
            closing.callback(self._end_all)
            if self._at_s < 0.0:  # while it starts
                time.sleep(START_S + self._at_s)
                window.end(signal.SIGKILL, 5.0)
                window = self._open_window()
            line = sender.wait_for("t0 ", STARTS_S)
            if line is None:
                return self._failed("the window's engine does not read the streams")
            self.t0 = float(line.text.split()[1])
            begun = self._begin_session()
            begun_s = time.monotonic() - self.t0
            while time.monotonic() - self.t0 < self.fault.seconds + 1.0:
                if begun and 0.0 <= self._at_s <= time.monotonic() - self.t0 and window.process.poll() is None:
                    window.end(signal.SIGKILL, 5.0)
                time.sleep(0.02)
            if not begun:
                self.problems.append("no session could be started")
            again = self._open_window()  # finds the session that runs
            self.problems += (
                [] if self._phase() == "running" else [f"the session did not go on: {self._phase() or 'no engine'}"]
            )
            self._send("stop", {})
            time.sleep(1.5)
            again.end(signal.SIGTERM, 5.0)
            self._send("shutdown", {})
        plan = build(self.fault.changes, self.fault.seconds, self.t0)
        for one in plan.sent:  # what came before the session is not in it
            one.select(one.send_s >= begun_s)
        recordings = sorted(self._root.rglob("*.xdf"))
        made = Outcome(plan, recordings, None, None, None, [], 0, in_time=True, problems=self.problems)
        if recordings:
            again_, made.replay_in_time, made.replay, made.placement = replayed(recordings[0], self.folder, "replay")
            made.replay_code = again_.process.returncode
        return made

    def _open_window(self) -> Watched:
        self._windows.append(start(["rtemo", "app"], self.folder, cwd=self.work))
        return self._windows[-1]

    def _end_all(self) -> None:
        """All windows, and the engine that outlives them, by the pid in its address file."""
        for window in self._windows:
            window.end(signal.SIGKILL, 5.0)
        if (address := self._address()) is not None:
            with contextlib.suppress(psutil.Error):
                engine = psutil.Process(address["pid"])
                if "engine" in engine.cmdline():
                    for one in [*engine.children(recursive=True), engine]:
                        one.kill()

    def _begin_session(self) -> bool:
        """Ask until a session runs: the engine must have both streams first."""
        end_s = self.t0 + self.fault.seconds - 2.0
        while time.monotonic() < end_s:
            if self._phase() == "running":
                return True
            self._send("start", {"subject": "P", "notes": "", "root": str(self._root)})
            time.sleep(0.3)
        return False

    def _phase(self) -> str:
        header = self._exchange({"poll": ""}, answered=True)
        try:
            size = int.from_bytes(header[4:8], "little")
            return str(json.loads(header[8 : 8 + size])["snapshot"]["phase"])
        except (ValueError, KeyError):
            return ""

    def _send(self, command: str, arguments: dict[str, Any]) -> None:
        self._exchange({"command": command, "arguments": arguments}, answered=False)

    def _exchange(self, request: dict[str, Any], *, answered: bool) -> bytes:
        """One request to the engine that runs; empty where there is none."""
        address = self._address()
        if address is None:
            return b""
        try:
            with Client(address["address"], address["family"]) as connection:
                answer_challenge(connection, bytes.fromhex(address["key"]))
                deliver_challenge(connection, bytes.fromhex(address["key"]))
                connection.send_bytes(json.dumps(request).encode())
                return connection.recv_bytes() if answered and connection.poll(5.0) else b""
        except (OSError, EOFError):
            return b""

    def _address(self) -> dict[str, Any] | None:
        for path in sorted((self.folder / "runtime").rglob("engine.json")):
            with contextlib.suppress(OSError, ValueError):
                found: dict[str, Any] = json.loads(path.read_text())
                return found
        return None
