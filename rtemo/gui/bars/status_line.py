"""Status bar: latency, losses, clock offsets and load."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QStatusBar

from rtemo.gui import texts
from rtemo.gui.alarms import is_silent
from rtemo.gui.outputs.output_states import output_rows, summary
from rtemo.gui.painting.text_labels import ElidedLabel, PlainLabel, plain_tip
from rtemo.gui.people.roles import role_words
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase
from rtemo.presentation.numbers import number, seconds

MOST_CLOCKS = 2  # that are shown one by one


class StatusLine(QStatusBar):
    """Four short texts at the bottom of the window."""

    def __init__(self, state: WindowState) -> None:
        super().__init__()
        self._state = state
        self.setSizeGripEnabled(False)
        self.latency, self.losses, self.load = (PlainLabel() for _ in range(3))  # never cut off
        self.clocks, self.outputs = ElidedLabel(), ElidedLabel()
        for label in (self.latency, self.losses, self.clocks, self.outputs):
            label.setContentsMargins(10, 0, 10, 0)
            self.addWidget(label)
        self.load.setContentsMargins(10, 0, 10, 0)
        self.addPermanentWidget(self.load)

    def refresh(self, _changed: set[SnapshotPart]) -> None:
        """Show the current numbers."""
        health, streams = self._state.snapshot.health, self._state.snapshot.streams
        state = self._state
        p50, p99 = number(health.latency_p50_ms, 1), number(health.latency_p99_ms, 1)
        latest = state.latest["time_s"] if state.latest is not None else math.nan
        current = state.snapshot.phase is not Phase.REPLAY and not state.is_past(latest)
        self.latency.setText(texts.LATENCY.format(p50=p50, p99=p99) if current else texts.NO_LATENCY)
        handled = number(health.handling_p50_ms, 1), number(health.handling_p99_ms, 1)
        self.latency.setToolTip(texts.LATENCY_TIP.format(p50=handled[0], p99=handled[1]))
        missing = sum(map(state.n_missing, streams))
        self.losses.setText(
            texts.LOSSES.format(missing=f"{missing:,}", skipped=health.n_skipped, forced=health.n_forced)
        )
        self._show_clocks()
        rows = output_rows(state.snapshot.outputs, state.settings.outputs, in_session=state.in_session)
        self.outputs.setText(summary(rows))
        self.outputs.setToolTip(plain_tip("\n".join(f"{row.name}: {row.state}" for row in rows)))
        if not state.engine_answers:
            self.load.setText(texts.ENGINE_SILENT.format(age=seconds(state.told_age_s)))
            return
        self.load.setText(texts.ENGINE_LOAD.format(cpu=number(health.cpu_percent), memory=number(health.memory_mb)))

    def _show_clocks(self) -> None:
        """Show each stream's clock; of many, the one that is furthest off."""
        known = [s for s in self._state.streams_in_use if math.isfinite(s.clock_offset_ms)]
        known = [s for s in known if not is_silent(self._state, s)]
        offsets = [f"{role_words(s)} {number(s.clock_offset_ms, 2, 'ms')}" for s in known]
        worst = max(range(len(known)), key=lambda k: abs(known[k].clock_offset_ms), default=0)
        few = texts.CLOCKS.format(offsets=", ".join(offsets)) if offsets else ""
        self.clocks.setText(few if len(offsets) <= MOST_CLOCKS else texts.CLOCKS_WORST.format(offset=offsets[worst]))
        self.clocks.setToolTip(plain_tip("\n".join(offsets)))
