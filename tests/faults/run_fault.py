"""Runs one fault, as a file through `rtemo replay` or as real outlets beside `rtemo live`, and has it judged."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil

from .fault import Fault
from .judge import Outcome, Result, Said, judge
from .plan import OFFSET_EVERY_S, Plan, build
from .process import REPOSITORY, Watched, child_named, freeze, run, start
from .xdf_bytes import XdfOut

T0 = 1000.0  # of recordings
STEP_S = 0.1
REPLAY_S = 120.0
STARTS_S = 120.0  # for a program to start: a computer that does other things too takes long
QUERIES = ("--eeg", "name=Amp", "--gaze", "name=Tobii")


def run_fault(fault: Fault, keep: Path | None = None) -> Result:
    """Run and judge one fault. keep: a folder for what it leaves behind; otherwise that is thrown away."""
    with contextlib.ExitStack() as closing:
        folder = keep or Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="rtemo-faults-")))
        folder.mkdir(parents=True, exist_ok=True)
        outcome = _recorded(fault, folder) if fault.mode == "xdf" else LiveRun(fault, folder).run()
        return judge(fault, outcome)


def write_recording(plan: Plan, path: Path) -> None:
    """The plan as a recorder would have written it: by the times at which samples are sent."""
    out = XdfOut(path)
    for number, one in enumerate(plan.sent, 1):
        out.stream(number, one.description)
    end_s = max((float(one.send_s[-1]) for one in plan.sent if len(one.send_s)), default=plan.seconds)
    done = [0] * len(plan.sent)
    for step in range(int(end_s / STEP_S) + 2):
        now_s = (step + 1) * STEP_S
        for number, one in enumerate(plan.sent, 1):
            due = int(np.searchsorted(one.send_s, now_s - 1e-9))
            if due > done[number - 1]:
                rows = slice(done[number - 1], due)
                out.samples(number, one.stamps[rows], one.values[rows])
                done[number - 1] = due
        if step % int(OFFSET_EVERY_S / STEP_S) == 0:
            for number, one in enumerate(plan.sent, 1):
                offset_s = one.offset_of(step * STEP_S) if one.offset_of else 0.0
                wrong = one.wrong_offsets.get(round(step * STEP_S, 6), offset_s)
                out.offset(number, plan.t0 + step * STEP_S - offset_s, wrong)
    out.close()
    data = path.read_bytes()
    for damage in plan.damage:
        data = damage(data)
    path.write_bytes(data)


def replayed(
    recording: Path, folder: Path, name: str, options: tuple[str, ...] = ()
) -> tuple[Watched, bool, Path, Path]:
    """Replay by the command, with a spy on placements. Returns process, whether it ended, predictions, placements."""
    predictions, placed = folder / f"{name}.jsonl", folder / f"{name}.npz"
    line = [
        "tests.faults.placement",
        str(placed),
        "replay",
        str(recording),
        "--speed",
        "max",
        "--out",
        str(predictions),
    ]
    made, in_time = run([*line, *options], folder, REPLAY_S, cwd=REPOSITORY)
    return made, in_time, predictions, placed


def _recorded(fault: Fault, folder: Path) -> Outcome:
    plan = build(fault.changes, fault.seconds, T0)
    recording = folder / "input.xdf"
    write_recording(plan, recording)
    made, in_time, predictions, placed = replayed(recording, folder, "replay", fault.options)
    said = [Said(float("nan"), line.text) for line in made.lines if line.error]
    return Outcome(plan, [recording], None, predictions, placed, said, made.process.returncode, in_time)


def _is_later_part(path: Path) -> bool:
    with path.open("rb") as file:
        return b"<continues" in file.read(4096)


class LiveRun:
    """One live session: sender, program, what is done to it, and the replay of what it recorded."""

    def __init__(self, fault: Fault, folder: Path) -> None:
        self.fault, self.folder = fault, folder
        self.work = folder / "session"
        self.work.mkdir()
        self.recording, self.predictions = self.work / "x.xdf", self.work / "p.jsonl"
        self.problems: list[str] = []
        self.said: list[Said] = []
        self.to_stdout = {"stdout", "dev_full"} & set(fault.options)
        self.program: Watched
        self.t0 = float("nan")
        self.ended = False
        self._deleted: BinaryIO | None = None

    def run(self) -> Outcome:
        with contextlib.ExitStack() as closing:
            self._small_disks(closing)
            sender = start(["tests.faults.sender", self.fault.plays or self.fault.name], self.folder, cwd=REPOSITORY)
            closing.callback(sender.end, signal.SIGKILL, 5.0)
            if sender.wait_for("up", STARTS_S) is None:
                return self._failed(f"the sender did not start: {[line.text for line in sender.lines][-1:]}")
            self.program = self._start()
            closing.callback(self.program.end, signal.SIGKILL, 5.0)
            line = self._await_t0(sender)
            if line is not None:
                self.t0 = float(line.split()[1])
                self._meanwhile(sender)
            in_time = self._end()
            # while the sender still stands: the program's end must not depend on its streams
        plan = build(self.fault.changes, self.fault.seconds, self.t0 if self.t0 == self.t0 else 0.0)
        return self._outcome(plan, in_time)

    def _await_t0(self, sender: Watched) -> str | None:
        """The sender begins once the program reads both streams; a program that refuses ends before that."""
        end_s = time.monotonic() + STARTS_S
        while time.monotonic() < end_s and self.program.process.poll() is None:
            line = next((line.text for line in list(sender.lines) if line.text.startswith("t0 ")), None)
            if line is not None:
                return line
            time.sleep(0.02)
        return None

    def _start(self) -> Watched:
        line = ["rtemo", "live", *QUERIES, "--record", str(self.recording)]
        line += [one for one in self.fault.options if one.startswith("--") or one.replace(".", "").isdigit()]
        stdout: Any = subprocess.PIPE
        if "dev_full" in self.fault.options:
            stdout = os.open("/dev/full", os.O_WRONLY)
        elif not self.to_stdout:
            line += ["--out", str(self.predictions)]
        made = start(line, self.folder, stdout, cwd=self.work, start_new_session=True)
        if any(act == "stop_reading" for _, act, _ in self.fault.acts):
            made.reading.clear()
        return made

    def _meanwhile(self, sender: Watched) -> None:
        """Until the sender has sent all, with what is done to the program at its times."""
        plan_s = build(self.fault.changes, self.fault.seconds, 0.0).seconds
        acts = sorted(self.fault.acts, key=lambda act: act[0])
        while time.monotonic() - self.t0 < plan_s + 1.0:
            now_s = time.monotonic() - self.t0
            if acts and now_s >= acts[0][0]:
                _at_s, act, parameters = acts.pop(0)
                getattr(self, f"_do_{act}")(**parameters)
            if sender.process.poll() is not None:
                self.problems.append(f"the sender ended: {[line.text for line in sender.lines][-1:]}")
                return
            if self.program.process.poll() is not None and not acts:
                return
            time.sleep(0.02)

    def _end(self) -> bool:
        if self.ended:
            return self.program.wait(self.fault.want.ends_within_s)
        if (
            self.program.process.poll() is not None
            and not self.fault.want.refused
            and self.program.process.returncode not in (0, 3)
        ):
            self.problems.append("the session ended by itself")
        return self.program.end(signal.SIGINT, self.fault.want.ends_within_s)

    def _outcome(self, plan: Plan, in_time: bool) -> Outcome:
        if self._deleted is not None and not self.recording.exists():  # the recorder may have made it whole again
            (self.work / "deleted.xdf").write_bytes(self._deleted.read())
            self._deleted.close()
        elsewhere = (self.folder / "data").rglob("*.xdf")  # where a recording goes on whose disk is full
        for path in sorted(elsewhere):  # its parts are put into one folder to be read as one
            shutil.move(path, self.work / path.name)
        recordings = sorted(self.work.glob("*.xdf"), key=lambda path: (_is_later_part(path), path))
        lines = [line for line in self.program.lines if line.error]
        t0 = plan.t0
        self.said += [Said(line.at_s - t0, line.text) for line in lines]
        made = Outcome(
            plan,
            recordings,
            None if self.to_stdout else self.predictions,
            None,
            None,
            self.said,
            self.program.process.returncode,
            in_time,
            problems=self.problems,
        )
        if self.to_stdout:
            made.live = self.folder / "stdout.jsonl"
            made.live.write_text(
                "\n".join(line.text for line in self.program.lines if not line.error), encoding="utf-8"
            )
        for number, recording in enumerate(recordings):
            if recording.name.startswith("x") and number == 0 and not self.fault.want.refused:
                hop = [one for one in self.fault.options if one == "--hop" or one.replace(".", "").isdigit()]
                again, made.replay_in_time, made.replay, made.placement = replayed(
                    recording, self.folder, "replay", tuple(hop)
                )
                made.replay_code = again.process.returncode
                made.replay_said = [Said(float("nan"), line.text) for line in again.lines if line.error]
        return made

    def _failed(self, problem: str) -> Outcome:
        return Outcome(build(self.fault.changes, self.fault.seconds, 0.0), problems=[problem])

    def _small_disks(self, closing: contextlib.ExitStack) -> None:
        """A small disk of its own for what is to run out of space. Without the right to mount, that is a problem."""
        which = next((one for one in self.fault.options if one.startswith("small_disk")), None)
        if which is None:
            return
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True, check=False
        )
        if mounted.returncode:
            self.problems.append("no small disk can be mounted here")
            return
        closing.callback(subprocess.run, ["umount", "-l", str(disk)], check=False)
        if which == "small_disk_recording":
            self.recording = disk / "x.xdf"
            closing.callback(self._bring_back, disk)
        else:
            self.predictions = disk / "p.jsonl"
            closing.callback(self._bring_back, disk)

    def _bring_back(self, disk: Path) -> None:
        """Before the disk goes: what lies on it is judged with the rest."""
        for path in sorted(disk.iterdir()):
            if path.name != "filler":
                with contextlib.suppress(OSError):
                    (self.work / path.name).write_bytes(path.read_bytes())
        self.recording, self.predictions = self.work / self.recording.name, self.work / self.predictions.name

    # What can be done to the program.

    def _do_close_stdout(self) -> None:
        assert self.program.process.stdout is not None
        with contextlib.suppress(OSError):  # the reader's own end, as `head` closes its own
            os.close(self.program.process.stdout.fileno())

    def _do_stop_reading(self) -> None:
        self.program.reading.clear()

    def _do_fill(self) -> None:
        filler = os.open(self.folder / "disk" / "filler", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(filler, b"\0" * 4096)
        os.close(filler)

    def _do_delete(self) -> None:
        self._deleted = self.recording.open("rb")  # what is in it can still be judged
        self.recording.unlink()

    def _do_rename(self) -> None:
        self.recording.rename(self.work / "x_moved.xdf")

    def _do_truncate(self) -> None:
        os.truncate(self.recording, 4096)

    def _do_kill(self) -> None:
        self.program.process.kill()
        self.ended = True

    def _do_signal(self, number: int, times: int = 1) -> None:
        for _ in range(times):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(
                    self.program.process.pid, number
                ) if number == signal.SIGINT else self.program.process.send_signal(number)
            time.sleep(0.05)
        self.ended = True
        begun_s = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.program.process.wait(self.fault.want.ends_within_s)
        if self.program.process.poll() is None:
            self.problems.append(f"still runs {time.monotonic() - begun_s:.0f} s after signal {number}")

    def _do_freeze(self, seconds_frozen: float) -> None:
        freeze(self.program, seconds_frozen)

    def _child(self, which: str) -> psutil.Process | None:
        found = child_named(self.program, which)
        if found is None:
            self.problems.append(f"there is no {which} process of its own")
        return found

    def _do_kill_child(self, which: str) -> None:
        if (child := self._child(which)) is not None:
            child.kill()

    def _do_stop_child(self, which: str) -> None:
        if (child := self._child(which)) is not None:
            child.send_signal(signal.SIGSTOP)

    def _do_command(self, line: tuple[str, ...], ok: tuple[int, ...]) -> None:
        made, in_time = run(["rtemo", *line], self.folder, 20.0, cwd=self.folder)
        if not in_time or made.process.returncode not in ok:
            self.problems.append(f"rtemo {line[0]}: {'hangs' if not in_time else f'exit {made.process.returncode}'}")
