"""Latency, losses, clocks and load, in the status bar."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QStatusBar

from rtemo.gui import texts
from rtemo.gui.model import SnapshotPart, WindowState
from rtemo.gui.painting.labels import PlainLabel
from rtemo.presentation.numbers import number


class StatusLine(QStatusBar):
    """Four short texts."""

    def __init__(self, model: WindowState) -> None:
        super().__init__()
        self._model = model
        self.setSizeGripEnabled(False)
        self.latency, self.losses, self.clocks, self.load = (PlainLabel() for _ in range(4))
        for label in (self.latency, self.losses, self.clocks):
            self.addWidget(label)
        self.addPermanentWidget(self.load)

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the present numbers."""
        health, streams = self._model.snapshot.health, self._model.snapshot.streams
        p50, p99 = number(health.latency_p50_ms, 1), number(health.latency_p99_ms, 1)
        self.latency.setText(texts.LATENCY.format(p50=p50, p99=p99))
        handled = number(health.handling_p50_ms, 1), number(health.handling_p99_ms, 1)
        self.latency.setToolTip(texts.LATENCY_TIP.format(p50=handled[0], p99=handled[1]))
        missing = sum(stream.n_missing for stream in streams)
        self.losses.setText(texts.LOSSES.format(missing=missing, skipped=health.n_skipped, forced=health.n_forced))
        offsets = [
            f"{texts.ROLES.get(s.role, s.role)} {number(s.clock_offset_ms, 2, 'ms')}"
            for s in self._model.streams_in_use
            if math.isfinite(s.clock_offset_ms)
        ]
        self.clocks.setText(texts.CLOCKS.format(offsets=", ".join(offsets)) if offsets else "")
        self.load.setText(texts.ENGINE_LOAD.format(cpu=number(health.cpu_percent), memory=number(health.memory_mb)))
