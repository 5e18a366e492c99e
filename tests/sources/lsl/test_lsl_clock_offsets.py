"""Samples and clock measurements get an order in which a replay gives the live session's times."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.types import Chunk, ClockOffset, StreamNotice
from rtemo.sources.lsl.times.clock_offsets import ClockBasis, ClockSync, Measurement
from rtemo.sources.lsl.times.delay_watch import DelaySlope, DelayWatch
from rtemo.sources.lsl.times.stamp_order import StampOrder


def chunk(*stamps: float) -> Chunk:
    return Chunk("s", np.array(stamps), np.zeros((len(stamps), 1)))


def measured(time_s: float, offset_s: float = 0.5) -> Measurement:
    return Measurement(time_s, offset_s, 1e-4)


def test_chunks_are_held_until_the_clock_is_measured_and_come_after_it():
    sync = ClockSync("s", 100.0)

    assert sync.take(10.6, chunk(10.0, 10.1), None) == []
    assert sync.take(10.7, chunk(10.2), None) == []
    items = sync.take(10.8, None, measured(10.25))

    assert items[0] == ClockOffset("s", 10.0, 0.5)  # holds for what was held for it
    assert [item.stamps.tolist() for item in items[1:]] == [[10.0, 10.1], [10.2]]


def test_nothing_is_handed_over_for_a_stream_that_sends_nothing():
    sync = ClockSync("s", 100.0)

    assert sync.take(10.0, None, measured(9.5)) == []
    assert sync.take(30.0, None, measured(29.5)) == []


def test_a_measurement_made_before_samples_that_were_handed_over_holds_only_after_them():
    sync = ClockSync("s", 100.0)
    sync.take(0.6, chunk(0.0, 0.1), measured(0.05))
    sync.take(6.5, chunk(6.0), None)

    items = sync.take(6.6, chunk(6.1), measured(5.5, 0.6))

    assert items[0] == ClockOffset("s", math.nextafter(6.0, math.inf), 0.6)
    assert items[1].stamps.tolist() == [6.1]


def test_a_measurement_made_after_all_samples_keeps_its_time():
    sync = ClockSync("s", 100.0)
    sync.take(0.6, chunk(0.0), measured(0.0))

    assert sync.take(9.0, None, measured(8.0, 0.6)) == [ClockOffset("s", 8.0, 0.6)]


def test_measurements_are_handed_over_every_five_seconds_and_once_each():
    sync = ClockSync("s", 100.0)
    given_out = []
    for tick in range(120):
        now_s = 1.0 + tick * 0.1
        latest = measured(2.0 * math.floor(now_s / 2.0), 0.5)
        given_out += [i for i in sync.take(now_s, chunk(now_s - 0.5), latest) if isinstance(i, ClockOffset)]

    assert len(given_out) == 3

    stale = measured(2.0 * math.floor(12.9 / 2.0), 0.5)
    assert not [i for t in range(20) for i in sync.take(13.0 + t, None, stale) if isinstance(i, ClockOffset)][1:]


arrivals = st.lists(
    st.tuples(
        st.floats(0.0, 3.0),  # time until something comes
        st.integers(0, 5),  # samples in it
        st.booleans(),  # liblsl has measured anew
        st.floats(-2.0, 2.0),  # how far the measurement's time is from now
        st.floats(-0.02, 0.2),  # the measured offset
    ),
    min_size=1,
    max_size=60,
)


@given(arrivals, st.floats(-3.0, 3.0), st.integers(1, 7))
def test_a_replay_with_the_measurements_handed_over_gives_the_live_times_bit_by_bit(events, ahead_s, n_cuts):
    """The measurements may be late or early, the stamps ahead of their time: what was handed over stays as it was."""
    sync, live = ClockSync("s", 100.0), ClockModel()
    now_s, stamp, items, live_times = 1000.0, 995.0, [], []
    for pause_s, n, renewed, shift_s, offset_s in events:
        now_s += pause_s
        first = max(stamp + 0.01, now_s + ahead_s - 0.01 * n)
        data = chunk(*(first + 0.01 * np.arange(n))) if n else None
        stamp = first + 0.01 * (n - 1) if n else stamp
        for item in sync.take(now_s, data, measured(now_s + shift_s, offset_s) if renewed else None):
            items.append(item)
            if isinstance(item, ClockOffset):
                live.add(item)
            elif isinstance(item, Chunk):
                live_times.append(live.to_lsl(item.stamps))
    items += sync.give_up()

    handed = [item for item in items if isinstance(item, Chunk)][: len(live_times)]
    replayed = ClockModel()
    for item in items:
        if isinstance(item, ClockOffset):
            replayed.add(item)
    if handed:
        stamps = np.concatenate([c.stamps for c in handed])
        times = np.concatenate([replayed.to_lsl(part) for part in np.array_split(stamps, n_cuts)])
        np.testing.assert_array_equal(times, np.concatenate(live_times))


def test_stamps_in_unix_time_are_placed_by_the_smallest_delay_of_their_arrival():
    sync = ClockSync("s", 100.0)
    unix_s = 1.79e9
    items = []
    for tick in range(100):
        now_s = 500.0 + 0.01 * tick
        delay_s = 0.002 + 0.01 * ((tick + 2) % 3)
        items += sync.take(now_s, chunk(unix_s + now_s - delay_s), measured(now_s))

    assert sync.basis is ClockBasis.FOREIGN
    offsets = [item for item in items if isinstance(item, ClockOffset)]
    assert isinstance(items[0], ClockOffset)
    assert [o.offset_s for o in offsets] == [pytest.approx(-unix_s + 0.002, abs=1e-6)]
    assert sum(len(item) for item in items if isinstance(item, Chunk)) == 100


@pytest.mark.parametrize("speed", [0.999, 1.001])
def test_a_foreign_clock_that_drifts_is_followed(speed):
    sync = ClockSync("s", 100.0)
    offsets = []
    for tick in range(3000):
        now_s = 500.0 + 0.01 * tick
        found = sync.take(now_s, chunk(2e9 + speed * (now_s - 500.0)), measured(now_s))
        offsets += [item for item in found if isinstance(item, ClockOffset)]

    assert len(offsets) == 6
    lsl_s = offsets[-1].time_s + offsets[-1].offset_s
    assert lsl_s == pytest.approx(500.0 + (offsets[-1].time_s - 2e9) / speed, abs=0.006)


def test_the_backlog_after_a_silence_does_not_move_a_foreign_clock():
    sync = ClockSync("s", 100.0)
    for tick in range(1000):
        sync.take(500.0 + 0.01 * tick, chunk(2e9 + 0.01 * tick), measured(500.0))

    late = []
    for tick in range(1000, 1500):  # ten seconds of silence, then what was kept meanwhile, at once
        late += sync.take(520.0 + 0.001 * tick, chunk(2e9 + 0.01 * tick), measured(500.0))

    offsets = [item.offset_s for item in late if isinstance(item, ClockOffset)]
    assert offsets == [pytest.approx(500.0 - 2e9, abs=1e-5)]


def test_a_sender_that_does_not_answer_clock_requests_is_placed_by_arrival_after_two_seconds():
    sync = ClockSync("s", 100.0)
    items = []
    for tick in range(250):
        now_s = 100.0 + 0.01 * tick
        items += sync.take(now_s, chunk(now_s - 7.0), None)

    assert sync.basis is ClockBasis.UNMEASURABLE
    assert items[0] == ClockOffset("s", 93.0, 7.0)
    assert sum(len(item) for item in items if isinstance(item, Chunk)) == 250

    found = sync.take(103.0, chunk(96.0), measured(95.9, 7.001))

    assert sync.basis is ClockBasis.MEASURED
    assert found[0].offset_s == 7.001


@pytest.mark.parametrize(("rate_hz", "basis"), [(100.0, ClockBasis.FOREIGN), (0.0, ClockBasis.MEASURED)])
def test_events_may_be_stamped_minutes_before_they_are_sent_but_samples_may_not(rate_hz, basis):
    sync = ClockSync("s", rate_hz)

    sync.take(1000.0, chunk(400.0), measured(1000.0, 0.0))
    sync.take(1001.0, chunk(401.0), None)

    assert sync.basis is basis


def test_a_new_connection_to_the_same_clock_goes_on_after_the_old_samples():
    sync = ClockSync("s", 100.0, newest=50.3)

    items = sync.take(51.0, chunk(50.2), measured(50.1))

    assert items[0].time_s == math.nextafter(50.3, math.inf)


def test_a_new_connection_to_a_clock_that_was_set_back_starts_afresh():
    sync = ClockSync("s", 100.0, newest=5000.0)

    items = sync.take(9000.0, chunk(12.0, 12.1), measured(12.05, 8988.0))
    later = sync.take(9006.0, chunk(18.0), measured(17.0, 8988.0))

    assert items[0] == ClockOffset("s", 12.0, 8988.0)
    assert later[0].time_s == 17.0


def test_what_is_held_when_the_connection_ends_is_handed_over_with_a_measurement():
    sync = ClockSync("s", 0.0)
    sync.take(70.0, chunk(60.0), None)

    items = sync.give_up()

    assert items[0] == ClockOffset("s", 60.0, 10.0)
    assert items[1].stamps.tolist() == [60.0]
    assert sync.give_up() == []


def test_how_stamps_are_placed_is_stated_once_behind_the_first_measurement_and_before_the_samples():
    text = "its sender does not answer clock requests (UDP blocked?); its samples are placed by their arrival"
    sync, items = ClockSync("s", 100.0), []
    for tick in range(250):
        items += sync.take(100.0 + 0.01 * tick, chunk(93.0 + 0.01 * tick), None)
    assert items[:2] == [ClockOffset("s", 93.0, 7.0), StreamNotice("s", text)]
    assert [item for item in items[2:] if isinstance(item, StreamNotice)] == []

    foreign = ClockSync("s", 100.0)
    items = [item for k in range(600) for item in foreign.take(100 + k / 100, chunk(2e9 + k / 100), measured(99.0))]
    text = "its stamps are not in LSL time; they are placed by their arrival, late by the transport's delay"
    assert [item for item in items if isinstance(item, StreamNotice)] == [StreamNotice("s", text)]

    usual = ClockSync("s", 100.0)
    items = [item for k in range(600) for item in usual.take(100 + k / 100, chunk(99.5 + k / 100), measured(99.0))]
    assert [item for item in items if isinstance(item, StreamNotice)] == []


@pytest.mark.parametrize("rest", [[], [math.nan], [5.0, 5.0], [90.0]])
def test_of_the_first_stamps_one_that_lies_ahead_of_its_arrival_as_no_other_does_not_fit(rest):
    """A second apart, each 10 s before its arrival, but one 9.5 s; `rest` belongs to no line and comes first."""
    stamps = [*rest, 1.0, 2.0, 3.5, 4.0, 5.0]
    arrived = [(10.0, chunk(*rest))] if rest else []
    arrived += [(10.0 + second, chunk(stamp)) for second, stamp in enumerate(stamps[len(rest) :], 1)]
    masks = StampOrder().begin(arrived)
    assert np.concatenate(masks).tolist() == [*[False] * len(rest), True, True, False, True, True]


@pytest.mark.parametrize(
    ("off", "straight"), [(0.0, True), (0.24, True), (0.25, False), (0.26, False), (-0.24, True), (-0.26, False)]
)
def test_delays_that_grow_are_a_slope_where_none_lies_off_a_line_by_a_quarter_of_its_height(off, straight):
    """Six least delays, two seconds apart, that grow by 1/32 s from the first two to the last two."""
    watch, height_s, found = DelayWatch(), 1 / 32, []
    for second, share in enumerate([0.0, 0.0, 0.375 + off, 0.625, 1.0, 1.0]):
        for sample in range(10):
            at_s = 2.0 * second + (sample / 16 if sample < 9 else 1.5)
            found.append(watch.add(at_s, 0.5 + height_s * share))
    slopes = [one for one in found if isinstance(one, DelaySlope)]
    assert slopes == ([DelaySlope(height_s / 8, 0.5 + height_s, 0.5)] if straight else [])
