"""`python -m tests.faults soak`: memory over hours, live (`--hours`) or of an accelerated engine (`--accelerated`).

Live: real outlets at the load of the budget, `rtemo live` with a session folder, resident memory of all its processes
every few seconds. Accelerated: the same session assembly on a source that is as fast as the engine takes it, with a
clock that follows the samples. The slope is a line fitted to everything after the first minutes; `--trace` names what
grows by tracemalloc.
"""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from .process import REPOSITORY, start
from .truth import EEG_16, GAZE_6, eeg_samples, gaze_samples

BLOCK_S = 60.0  # of samples that are sent again and again
STEP_S = 0.02


def main(arguments: list[str]) -> int:
    """The command."""
    if arguments[:1] == ["sender"]:
        return _send(int(arguments[1]), float(arguments[2]), float(arguments[3]))
    p = argparse.ArgumentParser(prog="python -m tests.faults soak", description=__doc__)
    p.add_argument("--hours", type=float, default=0.0, help="of a live session")
    p.add_argument(
        "--accelerated", type=float, default=0.0, metavar="HOURS", help="hours of stream time, as fast as it goes"
    )
    p.add_argument("--channels", type=int, default=16)
    p.add_argument("--rate", type=float, default=250.0)
    p.add_argument("--hop", type=float, default=0.25)
    p.add_argument(
        "--losses", type=float, default=0.0, metavar="S", help="the outlets end and come back every S seconds"
    )
    p.add_argument("--settle", type=float, default=10.0, metavar="MIN", help="minutes that do not count")
    p.add_argument("--trace", action="store_true", help="name what grows")
    p.add_argument("--out", type=Path, metavar="FILE.csv")
    args = p.parse_args(arguments)
    points = _live(args) if args.hours else _accelerated(args)
    return _summary(points, args)


def _summary(points: list[tuple[float, float]], args: argparse.Namespace) -> int:
    """points: (hours of stream time, MB)."""
    if args.out:
        args.out.write_text("hours,mb\n" + "".join(f"{h:.5f},{mb:.3f}\n" for h, mb in points), encoding="utf-8")
    late = np.array([point for point in points if point[0] * 60.0 >= args.settle])
    if len(late) < 10:
        print(f"too short: {len(late)} points after {args.settle:g} minutes; {points[-1:]}")
        return 2
    slope, level = np.polyfit(late[:, 0], late[:, 1], 1)
    half = len(late) // 2
    second, _ = np.polyfit(late[half:, 0], late[half:, 1], 1)
    print(
        f"{late[-1, 0]:.2f} h: {late[0, 1]:.1f} MB after {args.settle:g} min, {late[-1, 1]:.1f} at the end; "
        f"slope {slope:+.2f} MB an hour, of the second half {second:+.2f}; level {level:.1f} MB"
    )
    return 0 if slope < 1.0 else 1


def _live(args: argparse.Namespace) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="rtemo-soak-") as name:
        folder = Path(name)
        sender = start(
            ["tests.faults", "soak", "sender", str(args.channels), str(args.rate), str(args.losses)],
            folder,
            cwd=REPOSITORY,
        )
        sender.wait_for("up", 60.0)
        line = [
            "rtemo",
            "live",
            "--eeg",
            "name=Amp",
            "--gaze",
            "name=Tobii",
            "--session",
            str(folder),
            "--hop",
            str(args.hop),
        ]
        program = start(line, folder)
        begun_s = time.monotonic()
        while (elapsed_s := time.monotonic() - begun_s) < 3600.0 * args.hours and program.process.poll() is None:
            family = [psutil.Process(program.process.pid), *program.family()]
            points.append((elapsed_s / 3600.0, sum(one.memory_info().rss for one in family) / 1e6))
            program.lines.clear()
            time.sleep(min(10.0, 36.0 * args.hours))
        ended = program.end(signal.SIGINT, 900.0)  # the report of hours takes a while
        sender.end(signal.SIGKILL, 5.0)
        print(f"exit {program.process.returncode}, {'in time' if ended else 'killed'}")
    return points


def _send(n_channels: int, rate_hz: float, losses_s: float) -> int:
    """The sender of a live soak: the same minute over and over, stamped onwards."""
    import pylsl

    from .sender import description

    labels = list(EEG_16) if n_channels == len(EEG_16) else [f"E{k + 1}" for k in range(n_channels)]
    abouts: list[dict[str, Any]] = [
        {"name": "Amp", "type": "EEG", "nominal_hz": rate_hz, "labels": labels, "units": [], "source_id": "amp"},
        {
            "name": "Tobii",
            "type": "Gaze",
            "nominal_hz": 120.0,
            "labels": list(GAZE_6),
            "units": ["screencoords", "screencoords", "mm"] * 2,
            "source_id": "eye",
        },
    ]
    infos = [description({**about, "format": "float32", "n_channels": len(about["labels"])}) for about in abouts]
    blocks = [
        eeg_samples(int(BLOCK_S * rate_hz), rate_hz, n_channels).astype(np.float32),
        gaze_samples(int(BLOCK_S * 120.0), 120.0).astype(np.float32),
    ]
    outlets = [pylsl.StreamOutlet(info) for info in infos]
    print("up", flush=True)
    t0, done, lost_s = pylsl.local_clock(), [0, 0], losses_s or float("inf")
    while True:
        now_s = pylsl.local_clock() - t0
        if now_s > lost_s:
            outlets.clear()
            time.sleep(2.0)
            outlets = [pylsl.StreamOutlet(info) for info in infos]
            lost_s += losses_s
        for k, (outlet, block) in enumerate(zip(outlets, blocks, strict=True)):
            rate = len(block) / BLOCK_S
            due = int(now_s * rate)
            rows = np.arange(done[k], due)
            if len(rows):
                outlet.push_chunk(np.ascontiguousarray(block[rows % len(block)]), t0 + (due - 1) / rate)
                done[k] = due
        time.sleep(STEP_S)


class _Endless:
    """A live source that has the next tenth of a second whenever it is asked; `now_s` follows what it gave."""

    missing: tuple[str, ...] = ()
    visible: tuple[Any, ...] = ()

    def __init__(self, args: argparse.Namespace, points: list[tuple[float, float]]) -> None:
        from rtemo.core.types import Channel, StreamInfo

        labels = EEG_16 if args.channels == len(EEG_16) else tuple(f"E{k + 1}" for k in range(args.channels))
        self._eeg = eeg_samples(int(BLOCK_S * args.rate), args.rate, args.channels).astype(np.float32)
        self._gaze = gaze_samples(int(BLOCK_S * 120.0), 120.0).astype(np.float32)
        self._hz = {"amp": args.rate, "eye": 120.0, "mk": 0.0}
        self.streams = (
            StreamInfo(
                "amp",
                "Amp",
                "EEG",
                channels=tuple(Channel(label, "microvolts") for label in labels),
                nominal_rate_hz=args.rate,
                channel_format="float32",
                source_id="amp",
            ),
            StreamInfo(
                "eye",
                "Tobii",
                "Gaze",
                channels=tuple(
                    Channel(label, unit)
                    for label, unit in zip(GAZE_6, ("screencoords", "screencoords", "mm") * 2, strict=True)
                ),
                nominal_rate_hz=120.0,
                channel_format="float32",
                source_id="eye",
            ),
            StreamInfo(
                "mk",
                "Stim",
                "Markers",
                channels=(Channel("event"),),
                nominal_rate_hz=0.0,
                channel_format="string",
                source_id="mk",
            ),
        )
        self.now_s, self.end_s = 1000.0, 1000.0 + 3600.0 * args.accelerated
        self._args, self._points, self._measured_s = args, points, 1000.0
        self._items = self._made()
        self._traced: Any = None

    def start(self) -> tuple[Any, ...]:
        return self.streams

    def read(self, timeout_s: float) -> list[Any]:
        return next(self._items, [])

    @property
    def exhausted(self) -> bool:
        return self.now_s >= self.end_s

    def stop(self) -> None:
        self._items = iter(())

    def status(self) -> tuple[Any, ...]:
        return ()

    def _made(self) -> Iterator[list[Any]]:
        from rtemo.core.types import Chunk, ClockOffset, StreamDown, StreamState, StreamUp

        begin_s, step = self.now_s, 0
        losses = self._args.losses
        while self.now_s < self.end_s:
            items: list[Any] = []
            if step % 50 == 0:
                items += [ClockOffset(one.stream_id, self.now_s, 1e-5 * (step % 7)) for one in self.streams]
            lost = losses and (step * 0.1) % losses < 3.0 and step * 0.1 > losses
            if losses and step and abs((step * 0.1) % losses) < 1e-6:
                items.append(StreamDown("amp", StreamState.LOST, "gone"))
            for name, block in (("amp", self._eeg), ("eye", self._gaze)):
                rate = self._hz[name]
                rows = np.arange(int(step * 0.1 * rate + 1e-6), int((step + 1) * 0.1 * rate + 1e-6))
                if name == "amp" and lost:
                    continue
                items.append(Chunk(name, begin_s + rows / rate, block[rows % len(block)], self.now_s + 0.1))
            if losses and abs((step * 0.1) % losses - 3.0) < 1e-6 and step:
                items.insert(0, StreamUp(self.streams[0]))
            if step % 40 == 0:
                items.append(
                    Chunk("mk", np.array([self.now_s]), np.array([[f"clip_{step}"]], dtype=object), self.now_s)
                )
            step += 1
            self.now_s = begin_s + 0.1 * step
            self._measure()
            yield items

    def _measure(self) -> None:
        if self.now_s - self._measured_s < 30.0:
            return
        self._measured_s = self.now_s
        hours = (self.now_s - 1000.0) / 3600.0
        self._points.append((hours, psutil.Process().memory_info().rss / 1e6))
        if self._args.trace and self._traced is None and hours * 60.0 >= self._args.settle:
            tracemalloc.start(12)
            gc.collect()
            self._traced = tracemalloc.take_snapshot()

    def grown(self) -> list[str]:
        """What is there now that was not there when the first minutes were over."""
        if self._traced is None:
            return []
        gc.collect()
        found = tracemalloc.take_snapshot().compare_to(self._traced, "traceback")
        lines = []
        for one in found[:8]:
            at = [
                f"{Path(frame.filename).name}:{frame.lineno}"
                for frame in one.traceback
                if "tests/faults" not in frame.filename
            ]
            lines.append(
                f"{one.size_diff / 1e3:+.0f} kB in {one.count_diff:+d} pieces: {' < '.join(reversed(at[-5:]))}"
            )
        return lines


def _accelerated(args: argparse.Namespace) -> list[tuple[float, float]]:
    """The live session as it is assembled for `rtemo live`, on the endless source."""
    from rtemo.commands.from_arguments import load_model, roles_of
    from rtemo.core.pipeline import Pipeline
    from rtemo.live.output.prediction_files import open_output
    from rtemo.live.session.assemble_session import SessionRun
    from rtemo.live.session.engine_setup import EngineSetup
    from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
    from rtemo.model.decoder import Decoder
    from rtemo.model.predictor import Predictor
    from rtemo.model.runtime import Runtime
    from rtemo.recorder.recorder import Recorder
    from rtemo.recorder.recording_source import RecordingSource
    from rtemo.sources.session_settings import SessionSettings

    points: list[tuple[float, float]] = []
    source = _Endless(args, points)
    bundle, first = load_model(None, args.hop)
    settings, runtime = first.pipeline.settings, Runtime(bundle)
    roles = roles_of(SessionSettings())
    roles.choose(source.streams)
    setup = EngineSetup(
        roles=roles,
        open_source=lambda *_: source,
        new_predictor=lambda: Predictor(Pipeline(settings), runtime, Decoder(bundle)),
        bundle=bundle,
        hop_s=args.hop,
        clock=lambda: source.now_s,
        publish=False,
    )
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="rtemo-soak-") as folder:
        request = OutputsRequest(
            SessionSettings(),
            Path(folder),
            None,
            [open_output(Path(folder) / "p.jsonl", bundle.labels, replace=False)],
            False,
            {},
            {},
        )
        recorded = RecordingSource(source, lambda asked: Recorder(asked.path, session_id=asked.session_id))
        recorded.start()
        outputs = SessionOutputs(request, bundle, args.hop, setup.clock, recorded)
        session = SessionRun(setup, recorded, SessionSettings(), outputs.events, outputs.sinks, outputs)
        session.engine.run((), threading.Event())
        session.end()
        for line in source.grown():
            print(line)
        print(f"{session.engine.n_predictions} predictions, {len(outputs.events.events)} events")
        outputs.close()
    print(f"{args.accelerated:g} h of stream time in {time.monotonic() - begun_s:.0f} s")
    return points


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
