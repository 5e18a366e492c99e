from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pylsl
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk
from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.device.faults import read_fault
from rtemo.simulate.outlets import Sent, stream
from rtemo.simulate.plan import PlannedClip, SimulationPlan, segments_for_clips
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.stream_xml import stream_info

PLAN = SimulationPlan.for_duration(5, 10.0, eeg_channels=8, eeg_rate_hz=250)
DEADLINE_S = 20.0


class Player(threading.Thread):
    """Streams a session in the background, beginning when `go` is called."""

    def __init__(self, plan: SimulationPlan) -> None:
        super().__init__(daemon=True)
        self.session, self.stop = SimulatedSession(plan), threading.Event()
        self._ready, self._go = threading.Event(), threading.Event()
        self.sent: Sent | None = None
        self.start()
        assert self._ready.wait(DEADLINE_S)

    def run(self) -> None:
        self.sent = stream(self.session, self.stop, on_ready=self._wait)

    def _wait(self, _start_s: float) -> None:
        self._ready.set()
        self._go.wait(DEADLINE_S)

    def go(self) -> None:
        self._go.set()

    def finish(self) -> Sent:
        self.stop.set()
        self._go.set()
        self.join(DEADLINE_S)
        assert self.sent is not None
        return self.sent


@pytest.fixture
def play() -> Iterator[Callable[[SimulationPlan], Player]]:
    players: list[Player] = []

    def begin(plan: SimulationPlan) -> Player:
        players.append(Player(plan))
        return players[-1]

    yield begin
    for player in players:
        player.finish()


def inlet_of(plan: SimulationPlan, kind: str) -> pylsl.StreamInlet:
    source_id = f"rtemo-simulated-{kind}-{plan.person_seed}-{plan.session_seed}"
    found = pylsl.resolve_byprop("source_id", source_id, timeout=DEADLINE_S)
    inlet = pylsl.StreamInlet(found[0], recover=True)
    inlet.open_stream(timeout=DEADLINE_S)
    return inlet


def pull(inlet: pylsl.StreamInlet, until: Callable[[list[float]], bool]) -> tuple[np.ndarray, list]:
    stamps: list[float] = []
    values: list = []
    deadline = time.monotonic() + DEADLINE_S
    while not until(stamps) and time.monotonic() < deadline:
        chunk, times = inlet.pull_chunk(timeout=0.2, max_samples=1024)
        stamps += list(times)
        values += list(chunk)
    return np.array(stamps), values


def test_what_arrives_is_what_the_session_holds_stamped_with_now(play):
    player = play(PLAN)
    inlets = {kind: inlet_of(PLAN, kind) for kind in ("eeg", "gaze", "markers")}
    before = pylsl.local_clock()
    player.go()
    eeg_stamps, eeg = pull(inlets["eeg"], lambda stamps: len(stamps) >= 250)
    gaze_stamps, gaze = pull(inlets["gaze"], lambda stamps: len(stamps) >= 100)
    marker_stamps, markers = pull(inlets["markers"], lambda stamps: len(stamps) >= 2)
    sent = player.finish()
    expected = player.session.eeg(0.0, 10.0)
    assert np.array_equal(np.array(eeg, dtype=np.float32), expected[: len(eeg)])
    assert np.array_equal(np.array(gaze, np.float32), player.session.gaze(0.0, 10.0)[1][: len(gaze)], equal_nan=True)
    assert markers[0] == ["session/start seed=5 simulated=1"]
    assert marker_stamps[0] == pytest.approx(eeg_stamps[0], abs=1e-6)
    assert np.allclose(eeg_stamps, sent.start_s + np.arange(len(eeg)) / 250, rtol=0, atol=1e-6)
    assert np.allclose(gaze_stamps, sent.start_s + np.arange(len(gaze)) / 120, rtol=0, atol=1e-6)
    assert before - DEADLINE_S < sent.start_s < pylsl.local_clock()
    assert sent.samples["eeg"] >= len(eeg)


def test_the_description_arrives_whole(play):
    play(PLAN)
    received = stream_info(inlet_of(PLAN, "eeg").info(timeout=DEADLINE_S).as_xml(), "eeg")
    described = SimulatedSession(PLAN).streams[0]
    assert received.channels == described.channels
    assert received.nominal_rate_hz == described.nominal_rate_hz
    assert "not a recording of a person" in received.xml


def test_samples_leave_when_their_time_has_come_and_not_before(play):
    player = play(PLAN)
    inlet = inlet_of(PLAN, "eeg")
    player.go()
    latest = []
    pull(inlet, lambda stamps: bool((stamps and latest.append(pylsl.local_clock() - stamps[-1])) or len(stamps) > 400))
    assert min(latest) > 0.0


def test_a_lost_stream_comes_back_under_its_old_name(play):
    lost = read_fault({"kind": "lost", "stream": "gaze", "start_s": 0.5, "duration_s": 0.7})
    player = play(replace(PLAN, faults=(lost,)))
    inlet = inlet_of(PLAN, "gaze")
    player.go()
    stamps, _ = pull(inlet, lambda stamps: bool(stamps) and stamps[-1] - stamps[0] > 2.0)
    gap = np.diff(stamps).max()
    assert gap >= 0.7
    assert player.finish().samples["gaze"] >= len(stamps)


def test_stopping_ends_it_early_and_counts_what_was_sent(play):
    player = play(PLAN)
    inlet = inlet_of(PLAN, "markers")
    player.go()
    pull(inlet, lambda stamps: len(stamps) >= 2)
    sent = player.finish()
    assert not player.is_alive()
    assert 0 < sent.samples["eeg"] < 2500
    assert sent.samples["markers"] >= 2


def test_the_whole_session_is_sent_in_its_own_time(play):
    clips = [PlannedClip(number, emotion, 0.5) for number, emotion in enumerate(EMOTIONS)]
    lost = read_fault({"kind": "lost", "stream": "gaze", "start_s": 2.8})
    plan = replace(PLAN, segments=segments_for_clips(clips, baseline_s=1.0, rest_s=0.0), faults=(lost,))
    player = play(plan)
    began = time.monotonic()
    player.go()
    player.join(DEADLINE_S)
    assert time.monotonic() - began > 3.0
    counted = dict.fromkeys(("eeg", "gaze", "markers"), 0)
    for item in SimulatedSession(plan).items():
        if isinstance(item, Chunk):
            counted[item.stream_id] += len(item)
    assert player.sent is not None
    assert dict(player.sent.samples) == counted


def test_a_clock_fault_is_refused_for_lsl_would_not_show_it():
    clock = read_fault({"kind": "clock", "stream": "eeg", "offset_s": 3.0})
    with pytest.raises(RtemoError, match="clock"):
        stream(SimulatedSession(replace(PLAN, faults=(clock,))), threading.Event())
