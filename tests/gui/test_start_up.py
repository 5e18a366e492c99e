"""The window opens fast: what it does not need for its first painting is not loaded before."""

from __future__ import annotations

import json
import os
import subprocess
import sys

LOAD = "import json, sys, rtemo.gui.app, rtemo.commands.session.app; print(json.dumps(sorted(sys.modules)))"
LATER = (
    "scipy",
    "pyqtgraph",
    "pylsl",
    "onnxruntime",
    "xml.sax",
    "urllib.request",
    "rtemo.recorder.recorder",
    "rtemo.recorder.messages",
    "rtemo.sources.xdf.writer",
    "rtemo.gui.views.signals.past",
    "rtemo.gui.views.frequency.spectrum_plot",
    "rtemo.gui.dialogs.baseline_dialog",
)


def test_what_the_first_painting_does_not_need_is_loaded_later():
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, env=env, check=True)
    loaded = set(json.loads(done.stdout))
    assert "rtemo.gui.window" in loaded
    assert sorted(loaded & set(LATER)) == []
