"""What arrival shows of a sender's clock, on simulated senders: no alarm where all is right, one where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.timing.clock_correction import ClockModel
from rtemo.core.types import Chunk, ClockOffset, StreamNotice
from rtemo.sources.lsl.times.clock_offsets import ClockSync, Measurement

BEGIN_S = 5000.0


@dataclass
class Link:
    """What a sender of samples and its connection do. Times are seconds since the first sample."""

    rate_hz: float
    seconds: float = 30.0
    chunk: int = 1
    seed: int = 0
    jitter_s: float = 0.0  # of the stamps, uniform
    delay_s: float = 0.005
    delay_jitter_s: float = 0.0
    pauses: tuple[tuple[float, float], ...] = ()  # the device is silent
    held: tuple[tuple[float, float], ...] = ()  # the connection delivers what it has taken at the end
    clock: tuple[tuple[float, float], ...] = ()  # from when on the sender's clock is off, by how much
    speed: float = 1.0  # of the sender's clock
    wrong: dict[int, float] = field(default_factory=dict)  # sample: its stamp

    def arrivals(self):
        """(arrival, stamps) of each chunk."""
        rng = np.random.default_rng(self.seed)
        true = np.arange(round(self.rate_hz * self.seconds)) / self.rate_hz
        stamps = BEGIN_S + true * self.speed + rng.uniform(0.0, self.jitter_s, len(true))
        for since_s, off_s in self.clock:
            stamps[true >= since_s] += off_s
        for index, stamp in self.wrong.items():
            stamps[index % len(true)] = stamp
        quiet = np.zeros(len(true), dtype=bool)
        for begin, end in self.pauses:
            quiet |= (true >= begin) & (true < end)
        true, stamps = true[~quiet], stamps[~quiet]
        found, last_s = [], 0.0
        for first in range(0, len(true), self.chunk):
            arrival_s = true[min(first + self.chunk, len(true)) - 1] + self.jitter_s + self.delay_s
            arrival_s += rng.uniform(0.0, self.delay_jitter_s) if self.delay_jitter_s else 0.0
            arrival_s = max([arrival_s, last_s + 1e-6, *(end for begin, end in self.held if begin <= arrival_s < end)])
            last_s = arrival_s
            found.append((BEGIN_S + arrival_s, stamps[first : first + self.chunk]))
        return found


def run(link, offset_s=0.0, sync=None):
    """Everything that is handed over, with the arrival at which it was."""
    sync = sync or ClockSync("s", link.rate_hz)
    handed, measured, n = [], None, 0
    for now_s, stamps in link.arrivals():
        if now_s - BEGIN_S > 0.64:
            measured = Measurement(now_s - offset_s, offset_s, 1e-4)
        chunk = Chunk("s", stamps, np.arange(n, n + len(stamps), dtype=float)[:, None])
        n += len(stamps)
        handed += [(now_s, item) for item in sync.take(now_s, chunk, measured)]
    handed += [(now_s, item) for item in sync.give_up()]
    return sync, handed


def notices(handed):
    return [item for _, item in handed if isinstance(item, StreamNotice)]


def values(handed):
    return np.concatenate([item.values[:, 0] for _, item in handed if isinstance(item, Chunk)])


def offsets(handed):
    return [item for _, item in handed if isinstance(item, ClockOffset)]


def errors(handed):
    """How far each sample is placed from its true time, by the offset handed over last before it."""
    offset_s, found = 0.0, []
    for _, item in handed:
        if isinstance(item, ClockOffset):
            offset_s = item.offset_s
        elif isinstance(item, Chunk):
            found.append(item.stamps + offset_s)
    return np.concatenate(found)


rates = st.sampled_from([1.0, 2.0, 10.0, 30.0, 60.0, 120.0, 250.0, 500.0, 1000.0, 2000.0])
spans = st.tuples(st.floats(2.0, 25.0), st.floats(0.05, 1.0)).map(lambda span: (span[0], span[0] + span[1]))
pauses = st.tuples(st.floats(2.0, 25.0), st.floats(0.1, 6.0)).map(lambda span: (span[0], span[0] + span[1]))


@st.composite
def sound_links(draw):
    rate_hz = draw(rates)
    return Link(
        rate_hz,
        seconds=max(30.0, 40.0 / rate_hz) if rate_hz < 1000 else 15.0,
        chunk=draw(st.sampled_from([4, 16] if rate_hz >= 1000 else [1, 4, 16])) if rate_hz >= 60 else 1,
        seed=draw(st.integers(0, 10**6)),
        jitter_s=draw(st.sampled_from([0.0, 0.005, 0.03])),
        delay_s=draw(st.floats(0.0, 0.3)),
        delay_jitter_s=draw(st.sampled_from([0.0, 0.01, 0.03])),
        held=tuple(draw(st.lists(spans, max_size=3))),
        pauses=tuple(draw(st.lists(pauses, max_size=2))),
    )


@settings(max_examples=50)
@given(sound_links())
def test_bursts_pauses_and_jitter_make_no_alarm_and_nothing_is_changed(link):
    sync, handed = run(link)

    assert notices(handed) == []
    np.testing.assert_array_equal(values(handed), np.arange(len(values(handed))))
    assert len(values(handed)) == sum(len(stamps) for _, stamps in link.arrivals())
    assert {offset.offset_s for offset in offsets(handed)} == {0.0}
    assert sync.trusted


stray = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e18, -1e18, 1e308, -1e308]) | st.floats(-3600.0, 3600.0).map(
    lambda by: BEGIN_S + 10.0 + by
)


@settings(max_examples=40)
@given(sound_links(), st.dictionaries(st.integers(0, 10**6).map(lambda n: 7 * n), stray, max_size=4), stray)
def test_single_wrong_stamps_are_handed_over_and_change_nothing(link, wrong, first):
    n = round(link.rate_hz * link.seconds)
    places = sorted({index % n for index in wrong})
    single = [place for before, place in pairwise([0, *places]) if place - before >= 4]
    link.wrong = {0: first, **{place: next(s for i, s in wrong.items() if i % n == place) for place in single}}
    sync, handed = run(link)
    _, without = run(Link(**{**link.__dict__, "wrong": {}}))

    assert [notice.text for notice in notices(handed) if notice.trusted is False] == []
    np.testing.assert_array_equal(values(handed), np.arange(len(values(handed))))
    assert {offset.offset_s for offset in offsets(handed)} == {0.0}
    assert len(offsets(handed)) >= len(offsets(without)) - 1
    assert BEGIN_S - 1.0 < sync.newest < BEGIN_S + link.seconds + 3600.0


@settings(max_examples=20)
@given(
    st.sampled_from([10.0, 60.0, 120.0, 250.0, 1000.0]),
    st.sampled_from([-3600.0, -10.0, -2.0, -0.5, 0.5, 2.0, 10.0, 3600.0]),
    st.floats(6.0, 12.0),
    st.sampled_from([0.0, 0.01, 0.03]),
    st.booleans(),
)
def test_a_clock_that_is_set_is_reported_before_its_samples_and_corrected(rate_hz, off_s, at_s, jitter_s, foreign):
    link = Link(rate_hz, clock=((at_s, off_s),), delay_jitter_s=jitter_s, seconds=28.0)
    sync, handed = run(link, offset_s=1e6 if foreign else 0.0)

    told = notices(handed)
    assert [notice.trusted for notice in told if notice.trusted is not None] == [False, True]
    assert ("forward" in told[-2].text) == (off_s > 0)
    place = next(k for k, (_, item) in enumerate(handed) if isinstance(item, StreamNotice) and item.trusted is False)
    first = int(np.argmax(np.arange(28 * rate_hz) / rate_hz >= at_s))
    shifted = [k for k, (_, item) in enumerate(handed) if isinstance(item, Chunk) and item.values.max() >= first]
    assert place < shifted[0]
    offset = handed[shifted[0] - 1][1]
    assert isinstance(offset, ClockOffset)
    first = handed[shifted[0]][1].stamps[0]
    assert offset.time_s == first if abs(off_s) > 1.0 or off_s > 0 else first < offset.time_s < first + 0.7
    true = BEGIN_S + np.arange(len(values(handed))) / rate_hz
    np.testing.assert_allclose(errors(handed), true, atol=0.011 + jitter_s)
    assert handed[place][0] - BEGIN_S < at_s + 0.2 + 4 / rate_hz + jitter_s
    assert sync.trusted


@pytest.mark.parametrize("off_s", [-3600.0, -10.0, -2.0, -0.5, 0.5, 10.0, 3600.0])
def test_a_replay_places_the_samples_of_a_clock_that_was_set_as_the_live_session_does(off_s):
    link = Link(250.0, clock=((9.0, off_s), (21.0, 0.5 * off_s)), seconds=35.0)
    _, handed = run(link)
    live, replayed = ClockModel(), ClockModel()
    live_times = []
    for _, item in handed:
        if isinstance(item, ClockOffset):
            live.add(item)
        elif isinstance(item, Chunk):
            live_times.append(live.to_lsl(item.stamps))
    for offset in offsets(handed):
        replayed.add(offset)
    stamps = np.concatenate([item.stamps for _, item in handed if isinstance(item, Chunk)])
    times = np.concatenate([replayed.to_lsl(part) for part in np.array_split(stamps, 7)])

    np.testing.assert_array_equal(times, np.concatenate(live_times))
    trusted = np.arange(len(times)) / 250.0
    for set_s in (9.0, 21.0):
        trusted[(trusted >= set_s) & (trusted < set_s + 5.0)] = np.nan
    good = ~np.isnan(trusted)
    np.testing.assert_allclose(times[good], BEGIN_S + trusted[good], atol=0.02)


@pytest.mark.parametrize("rate_hz", [30.0, 250.0, 1000.0])
@pytest.mark.parametrize("speed", [0.99, 0.999, 1.0005, 1.01])
def test_a_clock_that_runs_wrong_is_reported_followed_and_not_trusted(rate_hz, speed):
    sync, handed = run(Link(rate_hz, 90.0, max(round(rate_hz / 250), 1), speed=speed, delay_jitter_s=0.003))

    told = notices(handed)
    assert [notice.trusted for notice in told] == [False]
    assert ("fast" in told[0].text) == (speed > 1)
    assert not sync.trusted
    true = BEGIN_S + np.arange(len(values(handed))) / rate_hz
    assert np.abs(errors(handed) - true)[-round(10 * rate_hz) :].max() < 0.12


@pytest.mark.parametrize("ppm", [-150, -50, 0, 50, 150])
def test_a_clock_that_is_nearly_right_is_trusted(ppm):
    _, handed = run(Link(120.0, speed=1.0 + 1e-6 * ppm, seconds=300.0, delay_jitter_s=0.01))

    assert notices(handed) == []


@pytest.mark.parametrize(("factor", "named"), [(1e3, "1000 times"), (1e6, "1e+06 times"), (1e9, "1e+09 times")])
@pytest.mark.parametrize("rate_hz", [10.0, 250.0])
def test_stamps_that_are_not_seconds_are_named_and_cost_no_more_work(factor, named, rate_hz):
    sync = ClockSync("s", rate_hz)
    handed = []
    for k in range(round(8 * rate_hz)):
        now_s = BEGIN_S + k / rate_hz
        chunk = Chunk("s", np.array([now_s * factor]), np.array([[float(k)]]))
        handed += [(now_s, item) for item in sync.take(now_s, chunk, Measurement(now_s, 0.0, 1e-4))]

    told = [notice for notice in notices(handed) if notice.trusted is not None]
    assert len(told) == 1
    assert "not seconds" in told[0].text
    assert named in told[0].text
    np.testing.assert_array_equal(values(handed), np.arange(len(values(handed))))
    assert len(values(handed)) == round(8 * rate_hz)
    assert len(offsets(handed)) <= 3


def test_chunks_whose_last_stamp_alone_is_in_milliseconds_are_named_before_a_sample_is_handed_over():
    """liblsl counts back from the last stamp at the nominal rate, whatever that stamp is."""
    sync, handed = ClockSync("s", 250.0), []
    for k in range(400):
        now_s = BEGIN_S + 0.02 * k
        chunk = Chunk("s", 1000.0 * now_s - 0.004 * np.arange(5)[::-1], 5.0 * k + np.arange(5.0)[:, None])
        handed += [(now_s, item) for item in sync.take(now_s, chunk, Measurement(now_s, 0.0, 1e-4))]

    assert "1000 times the arrival rate" in handed[0][1].text
    assert len(notices(handed)) == 1
    np.testing.assert_array_equal(values(handed), np.arange(2000))


@pytest.mark.parametrize("stamp", [np.nan, 0.0, 1e18, -1e18])
@pytest.mark.parametrize("begin_s", [0.0, 6.0])
def test_a_stream_without_usable_times_is_reported_and_tried_afresh(stamp, begin_s):
    rate_hz = 100.0
    sync, handed = ClockSync("s", rate_hz), []
    for k in range(2000):
        now_s = BEGIN_S + k / rate_hz
        lost = begin_s <= k / rate_hz < begin_s + 5.0
        chunk = Chunk("s", np.array([stamp if lost else now_s - 0.005]), np.array([[float(k)]]))
        handed += [(now_s, item) for item in sync.take(now_s, chunk, Measurement(now_s, 0.0, 1e-4))]

    told = [notice for notice in notices(handed) if notice.trusted is not None]
    assert [notice.trusted for notice in told] == [False, True]
    when = [at_s - BEGIN_S for at_s, item in handed if isinstance(item, StreamNotice) and item.trusted is not None]
    assert begin_s + 1.9 < when[0] < begin_s + 2.3
    assert begin_s + 5.0 < when[1] < begin_s + 7.0
    np.testing.assert_array_equal(values(handed), np.arange(2000))
    assert offsets(handed)[-1].offset_s == 0.0
    assert sync.trusted


@pytest.mark.parametrize("begin_s", [6.0 + 0.25 * k for k in range(8)])
def test_stamps_that_stand_still_are_reported_after_two_seconds_whenever_they_begin_to(begin_s):
    """By hand: the last stamp that was new came at begin_s, and two seconds without another one are the limit."""
    sync, handed = ClockSync("s", 100.0), []
    for k in range(1200):
        now_s = BEGIN_S + k / 100.0
        chunk = Chunk("s", np.array([min(now_s, BEGIN_S + begin_s)]), np.array([[float(k)]]))
        handed += [(now_s, item) for item in sync.take(now_s, chunk, Measurement(now_s, 0.0, 1e-4))]
    (said,) = [(at_s, item) for at_s, item in handed if isinstance(item, StreamNotice)]
    assert said[1].text == f"its times cannot be used: its stamps stand still at {BEGIN_S + begin_s:g}"
    assert said[0] - BEGIN_S - begin_s == pytest.approx(2.0, abs=0.021)


def test_a_clock_that_is_set_in_a_pause_is_noticed_by_arrival():
    _, handed = run(Link(250.0, clock=((12.0, -3.0),), pauses=((8.0, 12.0),), seconds=40.0))

    told = notices(handed)
    assert [notice.trusted for notice in told] == [False, True]
    assert errors(handed)[-1] == pytest.approx(BEGIN_S + 40.0, abs=0.02)


def test_stamps_in_the_future_from_the_beginning_are_reported_and_corrected():
    _, handed = run(Link(250.0, clock=((0.0, 10.0),)))

    assert "in the future" in notices(handed)[0].text
    assert handed[0][1] == notices(handed)[0]  # before any sample
    assert errors(handed)[-1] == pytest.approx(BEGIN_S + 30.0, abs=0.02)


@pytest.mark.parametrize("early_s", [0.3, 5.0, 30.0])
@pytest.mark.parametrize("rate_hz", [1.0, 250.0])
def test_a_first_sample_that_is_stale_begins_no_clock_even_when_the_clock_is_known_at_once(early_s, rate_hz):
    sync, handed = ClockSync("s", rate_hz), []
    for k in range(round(max(10 * rate_hz, 30))):
        now_s = BEGIN_S + k / rate_hz
        chunk = Chunk("s", np.array([now_s - 0.005 - (0.0 if k else early_s)]), np.array([[float(k)]]))
        handed += [(now_s, item) for item in sync.take(now_s, chunk, Measurement(now_s, 0.0, 1e-4))]

    assert notices(handed) == []
    assert {offset.offset_s for offset in offsets(handed)} == {0.0}
    assert sync.newest == handed[-1][1].stamps[-1]


@pytest.mark.parametrize("n", [1, 3, 20])
def test_one_chunk_with_a_wrong_stamp_is_no_clock_that_was_set(n):
    """A chunk is stamped by one number: all of it is wrong, and all of it arrives at once."""
    _, handed = run(Link(250.0, chunk=n, wrong={k: BEGIN_S + 40.0 + k / 250.0 for k in range(2000, 2000 + n)}))

    assert notices(handed) == []


@pytest.mark.parametrize("off_s", [-0.08, 0.08])
def test_a_small_step_is_reported_and_trusted_again_when_it_is_stable(off_s):
    _, handed = run(Link(250.0, clock=((12.0, off_s),), seconds=40.0, delay_s=0.2))

    told = [(at_s - BEGIN_S, item) for at_s, item in handed if isinstance(item, StreamNotice)]
    assert [notice.trusted for _, notice in told] == [False, True]
    assert ("later" in told[0][1].text) == (off_s < 0)
    assert 12.0 < told[0][0] < 17.0
    assert told[1][0] - told[0][0] == pytest.approx(5.0, abs=0.2)
