"""Measures the bridges in real time against simulators of their devices, over LSL on this computer.

    python tests/bridges/measure_bridges.py --seconds 600

Each bridge runs as `rtemo bridge ID` in a process of its own, and what it publishes is read as any program reads it.
The simulators know when each of their samples was made, by a clock that is 50 ppm fast; half-way each is killed for
AWAY_S and started again. Prints a table: rate, samples missing, error of the stamps, and how long until data came
again. No test: it takes as long as it measures.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

PPM, AWAY_S, SETTLED_S = 50.0, 5.0, 10.0
LSL_SESSION = f"bridges-{os.getpid()}"
GAZE_HZ, RDA_HZ, RDA_BLOCK = 150.0, 500.0, 10
RDA_NAMES = ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2")


class Simulator:
    """A device's server that makes its samples in real time, whether anybody reads them or not."""

    def __init__(self, hz: float, block: int, hello: bytes, message: Callable[[int, int], bytes], first: bytes) -> None:
        """message: the bytes of samples k to k + n - 1. hello: what a client has to send. first: what it gets first."""
        self._hz, self._block, self._hello, self._message, self._first = hz, block, hello, message, first
        self._begun_s = time.perf_counter()
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def made_s(self, k: np.ndarray) -> np.ndarray:
        """When sample k was made, by time.perf_counter."""
        return np.asarray(self._begun_s + k / (self._hz * (1 + PPM * 1e-6)))

    def kill(self) -> None:
        """End at once, connection and all."""
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10.0)

    def revive(self) -> None:
        """Begin again on the same port; the device has gone on meanwhile."""
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while not self._stop.is_set():
                client, _ = self._listener.accept()
                with client, contextlib.suppress(OSError):
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    asked = b""
                    while self._hello not in asked:
                        asked += client.recv(4096)
                    client.sendall(self._first)
                    self._send(client)

    def _send(self, client: socket.socket) -> None:
        passed_s = time.perf_counter() - self._begun_s
        k = (int(passed_s * self._hz * (1 + PPM * 1e-6)) // self._block + 1) * self._block
        while not self._stop.wait(max(float(self.made_s(np.array(k + self._block - 1))) - time.perf_counter(), 0.0)):
            client.sendall(self._message(k, self._block))
            k += self._block


@dataclass
class Received:
    """What an inlet got: stamps, LSL time; the number in the first column; when it came."""

    stamps: list[np.ndarray] = field(default_factory=list)
    numbers: list[np.ndarray] = field(default_factory=list)
    came_s: list[float] = field(default_factory=list)


def gazepoint() -> Simulator:
    from simulated_servers import open_gaze

    return Simulator(GAZE_HZ, 1, b"ENABLE_SEND_DATA", lambda k, n: open_gaze(k, n, rate_hz=GAZE_HZ, start_s=0.0), b"")


def rda() -> Simulator:
    from simulated_servers import rda_data, rda_start

    def block(k: int, n: int) -> bytes:
        counts = np.repeat(np.arange(k, k + n, dtype=np.float32)[:, None], len(RDA_NAMES), axis=1)
        return rda_data(k // n, counts)

    return Simulator(RDA_HZ, RDA_BLOCK, b"", block, rda_start(RDA_NAMES, RDA_HZ, 1.0))


def measure(bridge: str, device: Simulator | None, seconds: float, scale: float, folder: Path) -> str:
    """One row of the table. scale: of the number in the stream's first column."""
    import pylsl

    options = ["--address", f"127.0.0.1:{device.port}"] if device is not None else []
    log = folder / f"{bridge}.log"
    with log.open("w", encoding="utf-8") as told:
        command = [sys.executable, "-m", "rtemo", "bridge", bridge, *options, "--quiet", "--lsl-session", LSL_SESSION]
        process = subprocess.Popen([*command, "--duration", f"{seconds + 20:g}"], stdout=told, stderr=told)
    kind = "gaze" if bridge == "gazepoint" else "eeg"
    source = {"gazepoint": "gazepoint", "brainvision-rda": "rda", "brainflow": "brainflow"}[bridge]
    found = None
    end_s = time.monotonic() + 60.0
    while found is None and time.monotonic() < end_s:
        streams = pylsl.resolve_streams(1.0)
        fitting = (one for one in streams if source in one.source_id().casefold() and one.type().casefold() == kind)
        found = next(fitting, None)
    if found is None:
        process.terminate()
        return f"| {bridge} | no stream: {log.read_text(encoding='utf-8').splitlines()[-1:]} |"
    inlet = pylsl.StreamInlet(found, max_buflen=60)
    inlet.open_stream(10.0)
    got = Received()
    shift_s = pylsl.local_clock() - time.perf_counter()
    began_s = time.monotonic()
    back_s, revived_s, killed = np.nan, np.nan, False
    while (passed_s := time.monotonic() - began_s) < seconds:
        if device is not None and not killed and passed_s > seconds / 2:
            device.kill()
            killed = True
        if killed and np.isnan(revived_s) and passed_s > seconds / 2 + AWAY_S and device is not None:
            device.revive()
            revived_s = time.monotonic()
        values, stamps = inlet.pull_chunk(timeout=0.2, max_samples=4096)
        if stamps:
            got.stamps.append(np.array(stamps))
            got.numbers.append(np.array([row[0] for row in values], np.float64))
            if np.isnan(back_s) and not np.isnan(revived_s):
                back_s = time.monotonic() - revived_s
    inlet.close_stream()
    process.terminate()
    process.wait(30.0)
    last = log.read_text(encoding="utf-8").splitlines()[-1]
    return row(bridge, device, got, scale, shift_s, back_s, found.nominal_srate()) + f" {last} |"


def row(
    bridge: str, device: Simulator | None, got: Received, scale: float, shift_s: float, back_s: float, hz: float
) -> str:
    stamps = np.concatenate(got.stamps)
    steps = np.diff(stamps)
    gaps = steps[steps > 1.5 * (1.0 / hz if hz else float(np.median(steps)))]
    if device is None:
        rate = (len(stamps) - 1) / (stamps[-1] - stamps[0])
        return f"| {bridge} | {len(stamps)} | {rate:.3f} | {len(gaps)} | – | – | – |"
    index = np.round(np.concatenate(got.numbers) * scale).astype(np.int64)
    away = int(np.argmax(np.diff(index)))
    within = int((np.diff(index) - 1).sum()) - int(index[away + 1] - index[away] - 1)
    settled = stamps > stamps[0] + SETTLED_S
    error_ms = 1e3 * (stamps - (device.made_s(index) + shift_s))[settled]
    rate = (index[away] - index[0]) / (stamps[away] - stamps[0])
    median, p95, most = np.median(error_ms), np.percentile(np.abs(error_ms), 95), np.abs(error_ms).max()
    errors = f"{median:+.2f} / {p95:.2f} / {most:.2f}"
    return f"| {bridge} | {len(stamps)} | {rate:.3f} | {len(gaps)} | {within} | {errors} | {back_s:.1f} |"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures the bridges in real time against simulated devices.")
    parser.add_argument("--seconds", type=float, default=600.0)
    seconds = parser.parse_args().seconds
    from rtemo.sources.lsl.config import configure

    configure("machine", LSL_SESSION)
    made = {"brainflow": (None, 1.0), "gazepoint": (gazepoint(), 1e4), "brainvision-rda": (rda(), 1.0)}
    lines: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        threads = []
        for bridge, (device, scale) in made.items():

            def work(bridge: str = bridge, device: Simulator | None = device, scale: float = scale) -> None:
                lines[bridge] = measure(bridge, device, seconds, scale, Path(folder))

            threads.append(threading.Thread(target=work))
            threads[-1].start()
        for thread in threads:
            thread.join()
    columns = ["bridge", "samples", "rate, Hz", "gaps in the stamps", "missing elsewhere"]
    columns += ["error of the stamps, ms: median / 95 % / most", "data again after, s", "what the bridge says"]
    table = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *(lines[bridge] for bridge in made)]
    sys.stdout.write("\n".join(table) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
