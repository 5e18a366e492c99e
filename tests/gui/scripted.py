"""Snapshots made by hand, and a client that gives them out and keeps what it is asked for."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QApplication

from rtemo.core.types import StreamState
from rtemo.gui.refresh_schedule import SLOW_FRAMES
from rtemo.live.service.snapshot import (
    BundleView,
    ChannelStatus,
    EegBlock,
    GazeBlock,
    Phase,
    RecorderView,
    ReplayView,
    Snapshot,
    StreamStatus,
)

LABELS = ("neutral", "sad", "fear", "happy")
BUNDLE = BundleView("demo", LABELS, "simulated people", "0123456789abcdef", 0.25)


def replay(position_s=20.0, length_s=100.0, **more):
    """What a snapshot of a replay holds beside the rest; the recording begins at 80 s."""
    values = {
        "path": "/data/person.xdf",
        "first_s": 80.0,
        "length_s": length_s,
        "ready_s": length_s,
        "playing": True,
        "waiting": False,
        "speed": 1.0,
        "marks_s": np.array([10.0, 40.0]),
    }
    return {"phase": Phase.REPLAY, "time_s": 80.0 + position_s, "replay": ReplayView(**(values | more))}


class ScriptedClient:
    """Gives out the snapshots in order and keeps the commands."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self.waiting = list(snapshots)
        self.sent: list[tuple[str, dict[str, object]]] = []
        self.connected = True
        self.failure = ""
        self.restarting = False
        self.recorder = None
        self.refused = []
        self.shown = ""

    def poll(self) -> Snapshot | None:
        return self.waiting.pop(0) if self.waiting else None

    def refusals(self):
        found, self.refused = self.refused, []
        return found

    def send(self, command: str, **arguments: object) -> None:
        self.sent.append((command, arguments))

    def show_participant(self, participant: str) -> None:
        self.shown = participant


def stream(role="eeg", name="", state=StreamState.STREAMING, **more):
    values = {
        "stream_id": f"id-{role}",
        "name": name or f"{role} stream",
        "type": role.upper(),
        "hostname": "lab-1",
        "source_id": "s",
        "n_channels": 8,
        "channel_format": "float32",
        "nominal_hz": 500.0,
        "measured_hz": 499.9,
        "age_s": 0.02,
        "state": state,
        "role": role,
        "profile": "",
        "why": "the only one",
    }
    return StreamStatus(**(values | more))


def channels(n, faults=(), label="E{}"):
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return tuple(
        ChannelStatus(label.format(k), 0.7 * np.cos(a), 0.7 * np.sin(a), 0.71, dict(faults).get(k, ""), False)
        for k, a in enumerate(turn)
    )


def block(start_s, n_channels, n=20):
    values = np.random.default_rng(0).normal(0, 15, (n, n_channels)).astype(np.float32)
    return EegBlock(start_s + np.arange(n) / 200.0, values)


def prediction(time_s, abstain=None, **more):
    p = dict(zip(LABELS, (0.1, 0.05, 0.05, 0.8), strict=True))
    record = {
        "time_s": time_s,
        "emotion": None if abstain else "happy",
        "probabilities": dict.fromkeys(LABELS) if abstain else p,
        "smoothed": p,
        "valence": None if abstain else 0.7,
        "set": ["happy"],
        "abstain": abstain,
        "eeg_coverage": 1.0,
        "gaze_coverage": 0.9,
        "bad_channels": [],
        "novelty": 0.4,
        "settled": True,
        "forced": False,
        "latency_ms": 3.0,
        "faults": {},
    }
    return record | more


def snapshot(phase=Phase.PREVIEW, seq=1, time_s=100.0, streams=None, gaze_valid=None, **more):
    gaze = None
    if gaze_valid is not None:
        xy = np.where(np.array(gaze_valid)[:, None], 0.5, np.nan).astype(np.float32) * np.ones((1, 2), np.float32)
        gaze = GazeBlock(time_s + np.arange(len(xy)) / 120.0, xy, np.full((len(xy), 2), 3.2, np.float32))
    values = {
        "streams": (stream("eeg"), stream("gaze")) if streams is None else streams,
        "channels": channels(8),
        "bundle": BUNDLE,
        "gaze": gaze,
    }
    return Snapshot(seq, time_s, phase, **(values | more))


RECORDING = RecorderView("recording.xdf", "recording", "", 20_000_000, 200_000_000_000)


class Clock:
    """The window's clock, put by hand."""

    def __init__(self):
        self.s = 500.0

    def __call__(self):
        return self.s


def feed(window, *snapshots):
    """Give a window snapshots, and let it paint until everything that is refreshed seldom has been."""
    window.client.waiting += snapshots
    for _ in range(len(snapshots) + SLOW_FRAMES + 1):
        window.tick()
    QApplication.processEvents()
