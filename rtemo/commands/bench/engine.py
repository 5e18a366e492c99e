"""`rtemo bench`: what a session costs on this computer, measured on real LSL streams of a simulated person."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from rtemo import resources
from rtemo.commands.bench.step import StageTimes, step_sender
from rtemo.commands.bench.step import as_text as steps_as_text
from rtemo.commands.bench.step import summary as step_summary
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal, warn
from rtemo.commands.from_arguments import DEMO_MODEL
from rtemo.commands.session.demo import simulated
from rtemo.commands.session.live_setup import live_setup
from rtemo.commands.supervised import recorder_process
from rtemo.core.pipeline import Pipeline
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamNotice, Window
from rtemo.live.engine.engine import Engine
from rtemo.live.output.receivers import Receivers
from rtemo.live.session.joint_session import JointSession
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.embeddings import Embeddings
from rtemo.model.prediction import Prediction
from rtemo.model.predictor import Predictor, new_pipeline
from rtemo.model.response_lag import felt_delay, in_words
from rtemo.model.runtime import Runtime
from rtemo.recorder.endpoint import Endpoint
from rtemo.sources.lsl.config import configure
from rtemo.sources.output_settings import LOOPBACK, NetworkAddress, OutputSettings
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, read_settings, with_participants

MARGIN_S = 60.0
OVERLOADED_MS = 500.0
WAIT_S = 0.2
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@contextlib.contextmanager
def timed_pushes(clock: Callable[[], float], times: StageTimes) -> Iterator[list[float]]:
    """Note meanwhile how long each push of a pipeline takes, and what completed each window. The pipelines themselves
    stay as they are, since sessions save their state.
    """
    seconds: list[float] = []
    plain = Pipeline.push

    def push(self: Pipeline, item: Chunk | ClockOffset | StreamNotice) -> list[Window]:
        begin_s = clock()
        windows = plain(self, item)
        took_s = clock() - begin_s
        seconds.append(took_s)
        if windows and isinstance(item, Chunk):
            for window in windows:
                times.pushed(window.end_s, item.stream_id, float(item.stamps[-1]), begin_s, took_s)
        return windows

    setattr(Pipeline, "push", push)  # noqa: B010 - a method cannot be assigned to
    try:
        yield seconds
    finally:
        setattr(Pipeline, "push", plain)  # noqa: B010


class TimedRuntime(Runtime):
    """Notes how long each run of the network takes."""

    def __init__(self, bundle: Bundle, clock: Callable[[], float], times: StageTimes) -> None:
        super().__init__(bundle)
        self.seconds: list[float] = []
        self._clock, self._times = clock, times

    def embed(self, window: Window) -> Embeddings:
        begin_s = self._clock()
        embeddings = super().embed(window)
        ended_s = self._clock()
        self.seconds.append(ended_s - begin_s)
        self._times.embedded(window.end_s, ended_s, ended_s - begin_s)
        return embeddings


class DelaySink:
    """A sink that notes for every prediction how long ago the last sample of its window had come into this process.

    It is the engine's own; `output` is one behind a queue, as every output of a session is.
    """

    def __init__(self, clock: Callable[[], float], times: StageTimes) -> None:
        self._clock, self._times = clock, times
        self.engines: dict[str | None, Engine] = {}  # which publish to it, by participant
        self.delays_s: list[float] = []
        self.forced = 0
        self.output = OutputDelaySink(clock, times)

    def put(self, prediction: Prediction) -> None:
        now_s = self._clock()
        self._times.given(prediction.time_s, now_s)
        self.forced += prediction.forced
        engine = self.engines.get(prediction.participant)
        if engine is not None and math.isfinite(engine.arrived_s):
            self.delays_s.append(now_s - engine.arrived_s)
            self.output.arrived_s[prediction.participant, prediction.time_s] = engine.arrived_s

    def discard(self) -> None:
        return

    def close(self) -> None:
        return


class OutputDelaySink:
    """The same in the thread of an output."""

    def __init__(self, clock: Callable[[], float], times: StageTimes) -> None:
        self._clock, self._times = clock, times
        self.arrived_s: dict[tuple[str | None, float], float] = {}  # by participant and the window's end
        self.delays_s: list[float] = []

    def put(self, prediction: Prediction) -> None:
        self._times.taken(prediction.time_s, self._clock())
        arrived_s = self.arrived_s.get((prediction.participant, prediction.time_s))
        if arrived_s is not None:
            self.delays_s.append(self._clock() - arrived_s)

    def discard(self) -> None:
        return

    def close(self) -> None:
        return


@contextlib.contextmanager
def receivers_that_hang(receivers: Receivers | None) -> Iterator[None]:
    """OSC to a port where nobody listens, and a WebSocket reader that connects and never reads."""
    if receivers is None:
        yield
        return
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    address = NetworkAddress(LOOPBACK, port)
    receivers.adopt(OutputSettings(osc=address, websocket=address))
    with socket.create_connection((LOOPBACK, port)) as frozen:
        frozen.sendall(HANDSHAKE)
        try:
            yield
        finally:
            for status in receivers.statuses():
                say(f"{status.name}: {status.state}, {status.n_written} written, {status.n_dropped} dropped")
            receivers.end()


def run(args: argparse.Namespace) -> int:
    """Measure one session."""
    session = f"rtemo-bench-{os.getpid()}"
    configure("machine", session)
    person = ["--eeg-channels", str(args.channels), "--eeg-rate", f"{args.rate:g}"]
    n, several = args.participants, args.participants > 1
    person += ["--participants", str(n)] if several else []
    asked = SessionSettings()
    if several:
        names = [(f"P{k:02d}", f"rtemo simulated {{}} P{k:02d}") for k in range(1, n + 1)]
        said = [f"{who}: eeg=name={name.format('EEG')}; gaze=name={name.format('gaze')}" for who, name in names]
        asked = with_participants(asked, [parse_participant(text) for text in said])
    length_s = args.seconds * (2 if several else 1) + MARGIN_S
    with stop_on_signal() as stop, simulated(session, 1, length_s, person):
        of_people = f"{n} people, each " if several else ""
        say(f"measuring {args.seconds:g} s of {of_people}{args.channels} channels at {args.rate:g} Hz, gaze at 120 Hz")
        alone = _measured(args, asked.each[0], session, stop) if several else None
        result = _measured(args, asked, session, stop)
    if alone is not None:
        more = result["cpu_percent_of_one_core"] - alone["cpu_percent_of_one_core"]
        result |= {
            "participants": n,
            "one_participant_cpu_percent": alone["cpu_percent_of_one_core"],
            "each_further_participant_cpu_percent": round(more / (n - 1), 1),
        }
    if args.steps and not several and not stop.is_set():
        result["steps"] = _steps(args, stop, session)
    if stop.is_set():
        return INTERRUPTED
    if result["arrival_to_prediction_ms"].get("p50", 0.0) > OVERLOADED_MS:
        warn("this computer did not keep up: what the session costs is more than is shown")
    result["felt_ms"] = _felt(args, result)
    print(json.dumps(result, indent=2) if args.json else _as_text(result))
    return 0


def _steps(args: argparse.Namespace, stop: threading.Event, session: str) -> dict[str, Any]:
    """Another session, on a person whose streams have steps, until the last one was received."""
    times, over = StageTimes(), threading.Event()
    with step_sender(args, session) as sender, recorder_process(session) as (recorder, process):
        say(f"measuring {args.steps} steps in each stream")

        def wait() -> None:
            while not (sender.done.wait(WAIT_S) or stop.is_set()):
                pass
            over.set()

        threading.Thread(target=wait, name="steps over", daemon=True).start()
        _measure(args, SessionSettings(), over, recorder, psutil.Process(process.pid), None, times)
        return {} if stop.is_set() else step_summary(sender.record(), times.windows())


def _felt(args: argparse.Namespace, result: dict[str, Any]) -> dict[str, float]:
    """From a change in the person to the moment when the emotion is named, in parts, milliseconds."""
    bundle = load_bundle(resources.assets() / DEMO_MODEL)
    settings = read_settings(args.settings) if args.settings is not None else SessionSettings()
    device_s = max((latency.ms / 1e3 for latency in settings.latencies.values()), default=0.0)
    felt = felt_delay(bundle.spec, args.hop, args.rate, device_s=device_s)
    computing_ms = result["arrival_to_output_ms"].get("p50", 0.0)
    parts = {name: round(1e3 * seconds, 1) for name, seconds in felt.parts().items()} | {"computing": computing_ms}
    return {**parts, "together": round(sum(parts.values()), 1)}


def _measured(
    args: argparse.Namespace, settings: SessionSettings, session: str, stop: threading.Event
) -> dict[str, Any]:
    """One session with a recorder of its own."""
    with recorder_process(session) as (recorder, process):
        return _measure(args, settings, stop, recorder, psutil.Process(process.pid), args.seconds, StageTimes())


def _measure(
    args: argparse.Namespace,
    settings: SessionSettings,
    stop: threading.Event,
    recorder: Endpoint,
    recording: psutil.Process,
    duration_s: float | None,
    times: StageTimes,
) -> dict[str, Any]:
    """One session with recorder and outlet, in the processes of `rtemo live` and the window. duration_s: None: until
    `stop` is set.
    """
    bundle = load_bundle(resources.assets() / DEMO_MODEL)
    setup = live_setup(SessionSettings(), None, args.hop, (), recorder)
    runtime = TimedRuntime(bundle, setup.clock, times)
    setup = replace(
        setup, new_predictor=lambda: Predictor(new_pipeline(bundle.spec, args.hop), runtime, Decoder(bundle))
    )
    roles = ParticipantRoles(setup.roles.profiles, settings)
    source = setup.open_source(roles, None)
    with tempfile.TemporaryDirectory() as folder:
        source.start()
        while not stop.is_set() and (roles.missing() or not {Modality.EEG, Modality.GAZE} <= roles.filled):
            source.read(0.1)
        delays = DelaySink(setup.clock, times)
        receivers = setup.receivers if args.receivers else None
        request = OutputsRequest(
            settings, record=Path(folder) / "bench.xdf", sinks=[delays.output], receivers=receivers
        )
        outputs = SessionOutputs(request, bundle, args.hop, setup.clock, source)
        outputs.sinks = (delays, *outputs.sinks)
        session = JointSession(setup, roles, source, settings, outputs, duration_s=duration_s)
        engines = [run.engine for run in session.runs.values()]
        delays.engines = {engine.participant or None: engine for engine in engines}
        process = psutil.Process()
        before, begin = (_cpu_s(process), _cpu_s(recording)), time.perf_counter()
        with receivers_that_hang(receivers), timed_pushes(setup.clock, times) as pushes_s:
            session.run(stop)
        times.roles = {info.stream_id: role.value for one in engines for role, info in one.roles.items()}
        after, wall_s = (_cpu_s(process), _cpu_s(recording)), time.perf_counter() - begin
        memory_mb = [round(one.memory_info().rss / 1e6, 1) for one in (process, recording)]
        outputs.close()
        status = outputs.recording_status()
        lost = sum(status.lost.values()) if status is not None else 0
    engine, recorder_cpu = (100 * (b - a) / wall_s for a, b in zip(before, after, strict=True))
    missing = sum(status.n_missing for status in source.status())
    return {
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        "asked": {"channels": args.channels, "rate_hz": args.rate, "hop_s": args.hop, "seconds": args.seconds},
        "receivers": args.receivers,
        "predictions": sum(engine.n_predictions for engine in engines),
        "forced": delays.forced,
        "cpu_percent_of_one_core": round(engine + recorder_cpu, 1),
        "recorder_cpu_percent": round(recorder_cpu, 1),
        "memory_mb": memory_mb[0],
        "recorder_memory_mb": memory_mb[1],
        "arrival_to_prediction_ms": _quantiles(delays.delays_s),
        "arrival_to_output_ms": _quantiles(delays.output.delays_s),
        "stages_ms": {"push": _quantiles(pushes_s), "network": _quantiles(runtime.seconds)},
        "samples_missing": missing,
        "samples_not_recorded": lost,
    }


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _quantiles(seconds: list[float]) -> dict[str, float]:
    """Milliseconds; the first calls, which warm caches up, count too."""
    if not seconds:
        return {}
    return {f"p{q}": round(1e3 * float(np.nanpercentile(seconds, q)), 3) for q in (50, 99, 100)}


def _further(result: dict[str, Any]) -> list[str]:
    """What further participants cost, where there are any."""
    if "participants" not in result:
        return []
    one, more = result["one_participant_cpu_percent"], result["each_further_participant_cpu_percent"]
    return [f"participants      {result['participants']}: one alone {one} %, each further one {more} %"]


def _as_text(result: dict[str, Any]) -> str:
    asked = result["asked"]
    lines = [
        f"{asked['channels']} channels at {asked['rate_hz']:g} Hz, gaze at 120 Hz, hop {asked['hop_s']:g} s, "
        f"{asked['seconds']:g} s, recorder and outlet on; {result['machine']['cores']} cores",
        f"engine + recorder {result['cpu_percent_of_one_core']} % of one core, {result['memory_mb']} MB + "
        f"{result['recorder_memory_mb']} MB (recorder alone {result['recorder_cpu_percent']} %)",
        *_further(result),
        f"predictions       {result['predictions']}, {result['forced']} without waiting for a stream",
        f"lost              {result['samples_missing']} samples sent, {result['samples_not_recorded']} not recorded",
        "                  p50       p99       max (ms)",
    ]
    rows = {
        "arrival to result": result["arrival_to_prediction_ms"],
        "arrival to output": result["arrival_to_output_ms"],
    }
    rows |= result["stages_ms"]
    lines += [f"{name:<18}" + "".join(f"{value:<10}" for value in row.values()) for name, row in rows.items()]
    if "steps" in result:
        lines += steps_as_text(result["steps"])
    felt = dict(result["felt_ms"])
    together = felt.pop("together")
    lines.append(f"felt              {together / 1e3:.1f} s from a change to its name: " + in_words(felt))
    return "\n".join(lines)
