"""Measure the window's CPU, frame rate and memory while it paints, for `rtemo bench --gui`."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import psutil
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from rtemo.gui.window import MainWindow
from rtemo.live.service.snapshot import Phase

CHECK_MS = 200
SETTLE_S = 8.0  # after the session's start: the first window, the first paint of every view
FRAMES = 30  # of which the mean cost is taken
STREAMS_S = 120.0  # for the simulated streams to come


class WindowBenchmark(QObject):
    """Start a session when the streams are there, measure, print one JSON document and close the window."""

    def __init__(self, window: MainWindow, seconds: float, began_s: float) -> None:
        """began_s: when the process was started, by time.monotonic() of its parent. The start time that the system
        reports for a process is up to a second off.
        """
        super().__init__(window)
        self._window, self._seconds = window, seconds
        self._process = psutil.Process()
        self._began_s = began_s
        self._first_paint_s = float("nan")
        self._paints: list[float] = []
        self._folder = tempfile.TemporaryDirectory()
        self._step: Callable[[float], None] = self._await_streams
        self._due_s = time.monotonic() + STREAMS_S
        window.installEventFilter(self)
        window.views.signals.canvas.installEventFilter(self)
        self._timer = QTimer(self)
        self._timer.timeout.connect(lambda: self._step(time.monotonic()))
        self._timer.start(CHECK_MS)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            if np.isnan(self._first_paint_s):
                self._first_paint_s = time.monotonic() - self._began_s
            if watched is self._window.views.signals.canvas:
                self._paints.append(time.perf_counter())
        return False

    def _await_streams(self, now_s: float) -> None:
        if not self._window.state.start_obstacle() and len(self._window.state.streams_in_use) >= 2:
            self._window.send("start", subject="bench", notes="", root=self._folder.name)
            self._due_s = now_s + SETTLE_S
            self._step = self._settle
        elif now_s > self._due_s:
            sys.stderr.write("the simulated streams did not come\n")
            self._end(1)

    def _settle(self, now_s: float) -> None:
        if now_s >= self._due_s:
            self._paints.clear()
            self._cpu, self._from_s = self._process.cpu_times(), time.perf_counter()
            self._due_s = now_s + self._seconds
            self._step = self._wait

    def _wait(self, now_s: float) -> None:
        if now_s < self._due_s:
            return
        used, wall_s = self._process.cpu_times(), time.perf_counter() - self._from_s
        cpu_s = used.user + used.system - self._cpu.user - self._cpu.system
        snapshot = self._window.state.snapshot
        gaps_ms = 1e3 * np.diff(self._paints) if len(self._paints) > 2 else np.full(1, np.nan)
        live_ms, past_ms = self._frame_costs()
        result = {
            "signals_frame_ms": {"live": round(live_ms, 1), "past": round(past_ms, 1)},
            "platform": QApplication.platformName(),
            "size": [self._window.width(), self._window.height()],
            "first_paint_s": round(self._first_paint_s, 2),
            "cpu_percent_of_one_core": round(100 * cpu_s / wall_s, 1),
            "frames_per_s": round(len(self._paints) / wall_s, 1),
            "frame_gap_p99_ms": round(float(np.percentile(gaps_ms, 99)), 1),
            "memory_mb": round(self._process.memory_info().rss / 1e6, 1),
            "recording": snapshot.phase == Phase.RUNNING,
            "engine_cpu_percent": round(snapshot.health.cpu_percent, 1),
            "arrival_to_prediction_ms": {
                "p50": round(snapshot.health.handling_p50_ms, 2),
                "p99": round(snapshot.health.handling_p99_ms, 2),
            },
            "window_end_to_prediction_ms": {
                "p50": round(snapshot.health.latency_p50_ms, 2),
                "p99": round(snapshot.health.latency_p99_ms, 2),
            },
        }
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
        self._end(0)

    def _frame_costs(self) -> tuple[float, float]:
        """What a frame of the signals costs: live, in our own painting; of the past, in pyqtgraph, while it moves."""
        signals = self._window.views.signals
        live_ms = _mean_ms(signals.canvas.repaint)
        signals.look_back(0.0)
        past_ms = _mean_ms(lambda: (signals.look_back(0.1), signals.past.plot.viewport().repaint()))
        signals.show_live()
        return live_ms, past_ms

    def _end(self, status: int) -> None:
        self._timer.stop()
        self._window.send("stop")
        self._window.send("shutdown")
        QTimer.singleShot(2000, lambda: (self._folder.cleanup(), QApplication.exit(status)))


def _mean_ms(paint: Callable[[], object]) -> float:
    """Mean processor time of a painting, without the first."""
    paint()
    began_s = time.process_time()
    for _ in range(FRAMES):
        paint()
    return 1e3 * (time.process_time() - began_s) / FRAMES
