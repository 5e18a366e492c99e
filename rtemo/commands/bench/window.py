"""`rtemo bench --gui`: what the window costs while a session runs, measured in a window of its own.

The simulated person, the engine and the window are three processes, as in a real session: 64 channels at 1000 Hz, gaze,
recorder and outlet on. Without a display it paints offscreen, which costs about the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

from rtemo.commands.console import say
from rtemo.core.errors import RtemoError
from rtemo.live.service.client import EngineClient, Launch

MARGIN_S = 240.0
START_S = 60.0
TIMEOUT_S = 200.0  # besides the seconds that are measured
SIZE = (1920, 1080)


def run(args: argparse.Namespace) -> int:
    """Measure one window and print the result."""
    from rtemo.commands.session.demo import simulated

    session = f"rtemo-bench-{os.getpid()}"
    person = ["--eeg-channels", str(args.channels), "--eeg-rate", f"{args.rate:g}"]
    with simulated(session, 1, args.seconds + MARGIN_S, person) as ready:
        ready.wait(START_S)  # a window starts on streams that are there
        say(f"measuring a window for {args.seconds:g} s on {args.channels} channels at {args.rate:g} Hz")
        result = _measure(args, session)
    result["asked"] = {"channels": args.channels, "rate_hz": args.rate, "hop_s": args.hop, "seconds": args.seconds}
    print(json.dumps(result, indent=2) if args.json else _as_text(result))
    return 0


def run_window(args: argparse.Namespace) -> int:
    """The window that is measured; its engine ends with it."""
    from rtemo.gui.app import run_benchmark  # as `rtemo app` does: Qt first, then the engine

    options = ("--lsl-session", args.window_of, "--linger", "2", "--hop", f"{args.hop:g}")
    client = EngineClient(Launch(name=args.window_of, options=options))
    try:
        return run_benchmark(client, args.seconds, SIZE, args.window_began)
    finally:
        client.close()


def _measure(args: argparse.Namespace, session: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "rtemo", "bench", "--seconds", f"{args.seconds:g}", "--hop", f"{args.hop:g}"]
    environment = dict(os.environ)
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    try:
        done = subprocess.run(
            [*command, "--window-of", session, "--window-began", repr(time.monotonic())],
            env=environment,
            stdout=subprocess.PIPE,
            timeout=args.seconds + TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RtemoError("the window did not end", f"within {error.timeout:g} s", "see `rtemo doctor`") from error
    if done.returncode or not done.stdout:
        raise RtemoError("the window could not be measured", f"exit code {done.returncode}", "see the lines above")
    result: dict[str, Any] = json.loads(done.stdout.decode().strip().split("\n")[-1])
    return result


def _as_text(result: dict[str, Any]) -> str:
    handled, whole = result["arrival_to_prediction_ms"], result["window_end_to_prediction_ms"]
    width, height = result["size"]
    frame = result["signals_frame_ms"]
    return "\n".join(
        [
            f"window of {width} x {height} on {result['platform']}, recording and outlet on",
            f"first paint       {result['first_paint_s']} s after the start of its process",
            f"window            {result['cpu_percent_of_one_core']} % of one core, {result['memory_mb']} MB",
            f"frames            {result['frames_per_s']} a second, 99 % within {result['frame_gap_p99_ms']} ms",
            f"signals           {frame['live']} ms a frame painted by rtemo, {frame['past']} ms a frame of the past "
            "in pyqtgraph",
            f"engine meanwhile  {result['engine_cpu_percent']} % of one core; from the last sample's arrival to "
            f"the prediction {handled['p50']} / {handled['p99']} ms (p50 / p99), from its window's end "
            f"{whole['p50']} / {whole['p99']} ms",
        ]
    )
