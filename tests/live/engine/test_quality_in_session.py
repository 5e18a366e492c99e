"""Faults in the middle of a session on the real engine and model: named within one window, and abstained from."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from synthetic_source import SyntheticSource

from rtemo import resources
from rtemo.commands.from_arguments import load_model
from rtemo.core.types import Chunk, ClockOffset
from rtemo.live.engine.engine import Engine
from rtemo.recordings.events import EventLog
from rtemo.simulate.device.faults import read_fault
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.devices.profile import load_profiles
from rtemo.sources.stream_roles import StreamRoles

PLAN = SimulationPlan.for_duration(3, 24, eeg_channels=16, eeg_rate_hz=250)
BAD_S = PLAN.start_s + 12.0
WINDOW_S = 4.0  # of the demonstration model
PROFILES = load_profiles(resources.devices())


class Kept(list):
    put = list.append

    def close(self):
        pass


def predictions(*tables, frozen=False, restarted_s=0.0):
    """Of a session in which faults begin at BAD_S and stay."""
    faults = tuple(read_fault({**table, "start_s": 12.0}) for table in tables)
    session = SimulatedSession(replace(PLAN, faults=faults))
    items = freeze(session.items(), session) if frozen else session.items()
    items = restart_the_clock(items, session, restarted_s) if restarted_s else items
    cast = StreamRoles(PROFILES)
    cast.choose(session.streams)
    _, predictor = load_model(None, None)
    sink = Kept()
    Engine(SyntheticSource(session.streams, items), cast, predictor, EventLog(), [sink]).run(
        session.streams, threading.Event()
    )
    return sink


def freeze(items, session):
    """The tracker repeats one sample from BAD_S on."""
    gaze, held = session.streams[1].stream_id, None
    for item in items:
        if isinstance(item, Chunk) and item.stream_id == gaze and len(item) and item.stamps[0] >= BAD_S:
            held = item.values[-1:] if held is None else held
            yield replace(item, values=np.repeat(held, len(item), axis=0))
        else:
            yield item


def restart_the_clock(items, session, for_s):
    """The amplifier's clock begins anew at BAD_S, 500 s earlier; that is measured for_s later."""
    eeg = session.streams[0].stream_id
    told = [ClockOffset(eeg, PLAN.start_s + second, 0.0) for second in range(10)]
    yield from told
    late = ClockOffset(eeg, BAD_S + for_s - 500.0, 500.0)
    for item in items:
        if isinstance(item, Chunk) and item.stream_id == eeg and len(item) and item.stamps[0] >= BAD_S:
            if late is not None and item.stamps[0] >= BAD_S + for_s:
                yield late
                late = None
            yield replace(item, stamps=item.stamps - 500.0)
        else:
            yield item


def named(found, end_s):
    return next(p for p in found if p.time_s >= end_s)


def named_after_s(found):
    """From the fault's begin to the end of the first window that names one."""
    return next(p.time_s for p in found if p.faults) - BAD_S


def test_half_of_the_cap_at_the_rail_is_named_within_one_window_and_the_rest_goes_on():
    bad = PLAN.montage.labels[::2]
    found = predictions({"kind": "railed", "channels": list(bad)})
    before, after = named(found, BAD_S - 1), named(found, BAD_S + 4)
    assert before.faults == {}
    assert 0.0 < named_after_s(found) <= WINDOW_S
    assert after.faults == dict.fromkeys(bad, "railed")
    assert set(after.bad_channels) == set(bad)
    assert after.eeg_coverage > 0.9
    assert [p for p in found if p.time_s > BAD_S + 4 and p.abstain == "signal too bad"] == []
    assert sum(p.emotion is not None for p in found if p.time_s > BAD_S + 4) > 0


def test_an_unplugged_cap_is_named_and_the_gaze_goes_on():
    found = predictions({"kind": "railed"})
    after = [p for p in found if p.time_s >= BAD_S + WINDOW_S]
    assert 0.0 < named_after_s(found) <= WINDOW_S
    assert all(len(p.faults) == 16 and set(p.faults.values()) == {"railed"} for p in after)
    assert {p.eeg_coverage for p in after} == {0.0}
    assert all(np.isfinite(list(p.probabilities.values())).all() for p in after)  # by the eyes alone


def test_frozen_gaze_is_named_and_the_eeg_goes_on():
    found = predictions(frozen=True)
    assert 0.0 < named_after_s(found) <= WINDOW_S
    assert named(found, BAD_S + 4).faults == {"gaze": "frozen"}
    after = [p for p in found if p.time_s >= BAD_S + 6]
    assert {p.gaze_coverage for p in after} == {0.0}
    assert all(np.isfinite(list(p.probabilities.values())).all() for p in after)


@pytest.mark.parametrize("eeg", ["railed", "nan"])
def test_with_nothing_left_it_abstains_and_says_why(eeg):
    found = predictions({"kind": eeg}, {"kind": "tracking_lost"})
    after = [p for p in found if p.time_s >= BAD_S + 4]
    assert {p.abstain for p in after} == {"signal too bad"}
    assert {p.emotion for p in after} == {None}
    assert after[0].faults["gaze"] == "low validity"


def test_lost_packets_of_both_streams_are_gaps():
    found = predictions({"kind": "gap", "loss_share": 0.7}, {"kind": "gap", "stream": "gaze", "loss_share": 0.7})
    after = named(found, BAD_S + 5)
    assert set(after.faults.values()) == {"gap in the stream"}
    assert after.abstain is not None


def test_samples_whose_time_nobody_can_tell_are_trouble_with_the_clock_and_no_gap():
    found = [p for p in predictions(restarted_s=5.0) if not p.forced]
    during, after = named(found, BAD_S + 4), found[-1]
    assert {during.faults[label] for label in PLAN.montage.labels} == {"clock trouble"}
    assert np.isfinite(list(during.probabilities.values())).all()  # by the eyes alone
    assert after.faults == {}


def test_a_cap_that_is_gone_is_named_and_the_gaze_goes_on():
    found = predictions({"kind": "lost"})
    after = [p for p in found if p.time_s >= BAD_S + WINDOW_S]
    assert 0.0 < named_after_s(found) <= WINDOW_S
    assert {p.eeg_coverage for p in after} == {0.0}
    assert {reason for p in after for name, reason in p.faults.items() if name != "gaze"} == {"gap in the stream"}
    assert all(np.isfinite(list(p.probabilities.values())).all() for p in after)


def test_hum_on_the_whole_cap_is_named_and_the_eeg_goes_on():
    found = predictions({"kind": "line_noise"})
    after = named(found, BAD_S + 4)
    assert after.faults == dict.fromkeys(PLAN.montage.labels, "line noise")
    assert {p.eeg_coverage for p in found if p.time_s >= BAD_S + 6} == {1.0}


def test_electrodes_that_came_loose_are_named_and_the_rest_goes_on():
    bad = PLAN.montage.labels[:4]
    found = predictions({"kind": "loose", "channels": list(bad)})
    assert named(found, BAD_S + 4).faults == dict.fromkeys(bad, "loose electrode")


def test_muscle_noise_on_the_whole_cap_is_named_and_the_gaze_goes_on():
    found = predictions({"kind": "emg"})
    assert set(named(found, BAD_S + 4).faults.values()) == {"muscle noise"}
    after = [p for p in found if p.time_s >= BAD_S + 6]
    assert max(p.eeg_coverage for p in after) < 0.5
    assert all(np.isfinite(list(p.probabilities.values())).all() for p in after)  # by the eyes alone
