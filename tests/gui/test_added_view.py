"""The view that docs/develop/add-view.md shows is one: it counts, and grows old."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import GazeBlock, GazeEventRecord, Phase, Snapshot

PAGE = Path(__file__).resolve().parents[2] / "docs" / "develop" / "add-view.md"


def test_the_view_on_the_page_counts_and_grows_old(qtbot):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    made = {}
    exec(code, made)
    state = WindowState()
    view = made["FixationCount"](state)
    qtbot.addWidget(view)
    fixations = tuple(GazeEventRecord("fixation", end_s - 0.2, end_s, 0.5, 0.5, 0.0) for end_s in (80.0, 95.0, 99.0))
    gaze = GazeBlock(np.array([99.9]), np.full((1, 2), 0.5, np.float32), np.full((1, 2), 3.0, np.float32))
    shown = Snapshot(1, 100.0, Phase.PREVIEW, gaze=gaze, gaze_events=fixations)
    view.refresh(state.update(shown))
    assert view.text() == "2"
    view.refresh({SnapshotPart.EEG})
    assert view.text() == "2"
    view.refresh(state.update(replace(shown, seq=2, time_s=109.0, gaze=None, gaze_events=())))
    assert view.text() == "–"
