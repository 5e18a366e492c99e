"""What clients see of streams, channels and the engine's process, from numbers that are known."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
from hand_fed import Lab, wait_for

from rtemo.core.auxiliary.columns import Impedance
from rtemo.core.channel_map import EegChannelMap
from rtemo.core.eeg.quality import ChannelFault
from rtemo.core.types import Channel, StreamInfo, StreamState, StreamUp
from rtemo.live.service.snapshot import ChannelStatus, Phase, Snapshot
from rtemo.live.service.status import (
    LATENCIES,
    LATENCY_S,
    ChannelStatuses,
    HealthMeter,
    StreamStatuses,
    with_impedances,
)
from rtemo.recorder.announced_streams import AnnouncedStreams
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.lsl.stream_state import LslStreamStatus
from rtemo.sources.lsl.times.clock_offsets import ClockBasis
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

LAYOUT = EegChannelMap((0, 1), ("Fz", "Cz"), np.array([[0, 0.6, 0.8], [0, 0, 1]], np.float32), np.ones(2))


def test_latencies_are_told_as_median_and_99th_percentile():
    meter = HealthMeter()
    for value in range(101):
        meter.add_latency(50.0, float(value))
        meter.add_handling(50.0, 10.0 * value)
    meter.add_latency(50.0, None)  # a replay has none
    health = meter.health(60.0, 3, 4)
    assert (health.latency_p50_ms, health.latency_p99_ms) == (50.0, 99.0)
    assert (health.handling_p50_ms, health.handling_p99_ms) == (500.0, 990.0)
    assert (health.n_forced, health.n_skipped) == (3, 4)


def test_only_the_newest_latencies_count():
    meter = HealthMeter()
    for value in (1e6,) * 500 + (5.0,) * LATENCIES:
        meter.add_latency(0.0, value)
    assert meter.health(0.0, 0, 0).latency_p99_ms == 5.0


def test_what_was_late_once_is_not_late_now():
    """An engine that was started again works off what came meanwhile: seconds late, and over."""
    meter = HealthMeter()
    for second in range(5):
        meter.add_latency(100.0 + second, 6000.0)
        meter.add_handling(100.0 + second, 6000.0)
    for second in range(5, 60):
        meter.add_latency(100.0 + second, 20.0)
        meter.add_handling(100.0 + second, 4.0)
    assert meter.health(106.0, 0, 0).latency_p99_ms > 5000.0
    health = meter.health(100.0 + 4.0 + LATENCY_S + 0.1, 0, 0)
    assert (health.latency_p99_ms, health.handling_p99_ms) == (20.0, 4.0)
    assert math.isnan(meter.health(1000.0, 0, 0).latency_p50_ms)


def test_before_anything_is_measured_nothing_is_known_and_then_cpu_and_memory_are():
    meter = HealthMeter()
    health = meter.health(0.0, 0, 0)
    unknown = (health.latency_p50_ms, health.handling_p99_ms, health.cpu_percent, health.memory_mb)
    assert all(math.isnan(value) for value in unknown)
    meter.measure()
    health = meter.health(0.0, 0, 0)
    assert health.cpu_percent >= 0.0
    assert health.memory_mb == pytest.approx(psutil.Process().memory_info().rss / 1e6, rel=0.1)


def test_the_engine_measures_itself():
    lab = Lab(SimulatedSession(SimulationPlan.for_duration(3, 10, eeg_channels=8, eeg_rate_hz=250)))
    try:
        lab.feed(2.0)
        wait_for(lambda: math.isfinite(lab.controller.feed.state.health.memory_mb))
    finally:
        lab.close()


def test_a_snapshot_says_nothing_until_something_is_known():
    health = Snapshot(seq=0, time_s=0.0, phase=Phase.IDLE).health
    assert (health.n_forced, health.n_skipped) == (0, 0)
    assert math.isnan(health.latency_p50_ms)


def test_channels_have_their_place_and_fault_and_those_left_out_keep_their_place():
    statuses = ChannelStatuses()
    found = statuses.described(LAYOUT, np.array([0, ChannelFault.FLAT], np.int8), ())
    assert [(c.label, c.fault, c.excluded) for c in found] == [("Fz", "", False), ("Cz", "flat", False)]
    assert (found[0].x, found[0].y, found[0].z) == pytest.approx((0.0, 0.6, 0.8))
    one = EegChannelMap((1,), ("Cz",), LAYOUT.positions[1:], np.ones(1))
    found = statuses.described(one, np.array([0], np.int8), ("Fz", "Pz"))
    assert [(c.label, c.excluded) for c in found] == [("Cz", False), ("Fz", True), ("Pz", True)]
    assert (found[1].x, found[1].y, found[1].z) == pytest.approx((0.0, 0.6, 0.8))
    assert math.isnan(found[2].x)
    assert {c.fault for c in found} == {""}


INFO = StreamInfo("e", "Amp", "EEG", "float32", 250.0, (Channel("Fz"), Channel("Cz")), "s1", "lab", uid="u1")
READ = LslStreamStatus(
    info=INFO,
    state=StreamState.STALLED,
    requested_by=(),
    n_samples=1000,
    n_missing=7,
    n_returns=2,
    rate_hz=249.5,
    age_s=0.25,
    clock=next(iter(ClockBasis)),
    offset_s=1.5,
    uncertainty_s=0.002,
)


def statuses(read=(), visible=(), announced=(), settings=None, refused=None):
    streams = AnnouncedStreams()
    streams.note(StreamUp(info) for info in announced)
    pipeline = SimpleNamespace(branch=lambda modality: SimpleNamespace(dejitter=SimpleNamespace(n_gaps=5)))
    roles = StreamRoles((), settings or SessionSettings())
    return StreamStatuses().statuses(read, visible, streams, roles, pipeline, refused or {})


def test_a_stream_that_is_read_has_what_was_measured():
    info, status = statuses(read=[READ], announced=[INFO])["e"]
    assert info is INFO
    assert (status.name, status.type, status.hostname, status.source_id) == ("Amp", "EEG", "lab", "s1")
    assert (status.n_channels, status.channel_format, status.nominal_hz) == (2, "float32", 250.0)
    assert status.labels == ("Fz", "Cz")
    assert (status.state, status.measured_hz, status.age_s) == (StreamState.STALLED, 249.5, 0.25)
    assert (status.n_samples, status.n_missing, status.n_returns) == (1000, 7, 2)
    assert (status.clock_offset_ms, status.clock_uncertainty_ms) == (1500.0, 2.0)
    assert (status.role, status.n_gaps) == ("", 0)  # without a role nobody counts its gaps


def test_a_stream_of_a_recording_has_the_state_that_was_announced():
    _, status = statuses(announced=[INFO])["e"]
    assert status.state is StreamState.STREAMING
    assert math.isnan(status.measured_hz)
    assert math.isnan(status.age_s)


def test_a_stream_that_is_only_seen_is_listed_once_by_its_uid():
    other = StreamInfo("x", "Other", "Misc", "float32", 10.0, (Channel(),), uid="u2")
    found = statuses(read=[READ], visible=[INFO, other], announced=[INFO])
    assert set(found) == {"e", "u2"}
    assert found["u2"][0].stream_id == "u2"
    status = found["u2"][1]
    assert status.state is StreamState.WAITING
    assert (status.n_samples, status.n_missing, status.n_gaps, status.n_returns, status.columns) == (0, 0, 0, 0, ())
    assert math.isnan(status.clock_offset_ms)


def test_each_electrode_has_the_impedance_that_was_sent_last_whatever_the_case_of_its_name():
    channels = tuple(ChannelStatus(label, 0.0, 0.0, 1.0, "", excluded=False) for label in ("Fz", "Cz"))
    readers = {"amp": SimpleNamespace(impedances={"FZ": Impedance(first=9.0, latest=4.5, highest=12.0)})}
    first, second = with_impedances(channels, readers)
    assert (first.label, first.impedance_kohm, second.label) == ("Fz", 4.5, "Cz")
    assert math.isnan(second.impedance_kohm)
    assert with_impedances(channels, {"amp": SimpleNamespace(impedances={})}) is channels
