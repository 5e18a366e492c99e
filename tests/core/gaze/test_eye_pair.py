"""One stream per eye, joined by time: bitwise the same however both were cut and interleaved, whatever their rates."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.channel_map import EyeColumns, GazeChannelMap, Screen, ViewGeometry
from rtemo.core.frozen_state import freeze, thaw
from rtemo.core.gaze.eye_pair import FIRST, HOLE_S, RETURN_S, SECOND, WAIT_S, EyePair, GazeRun
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Chunk, ClockOffset, Modality, StreamInfo

EYE = EyeColumns(0, 1, 2)
ALONE = GazeChannelMap(EYE, EYE, ViewGeometry.of_screen(Screen()), pupil_unit="mm")
MAPS = (ALONE.of_one_eye("left", "first"), ALONE.of_one_eye("right", "second"))
COLUMNS = ([0, 1, 4], [2, 3, 5])


def eye_run(eye, times, values, hz):
    samples = np.full((len(times), 6), np.nan)
    samples[:, COLUMNS[eye]] = values
    return GazeRun(np.asarray(times, float), samples, hz)


def path_of(times):
    """Where an eye looks: linear in time, so that a straight line between two samples is exact."""
    return np.column_stack([0.1 + 0.01 * times, 0.9 - 0.02 * times, 3.0 + 0.1 * times])


def joined(pair):
    runs = pair.ready()
    return (
        np.concatenate([run.times for run in runs] or [np.empty(0)]),
        np.concatenate([run.samples for run in runs] or [np.empty((0, 6))]),
    )


def both_awaited():
    pair = EyePair()
    for eye in (FIRST, SECOND):
        pair.begin(eye)
        pair.expect(eye, awaited=True)
    return pair


@pytest.mark.parametrize(("hz", "offset_s"), [(100.0, 0.0), (100.0, 0.005), (60.0, 0.0013), (250.0, 0.002)])
def test_the_second_eye_is_where_it_was_at_the_times_of_the_first(hz, offset_s):
    first, second = np.arange(0, 10, 0.01), np.arange(0, 10, 1.0 / hz) + offset_s
    pair = both_awaited()
    pair.push(FIRST, eye_run(FIRST, first, path_of(first), 100.0))
    pair.push(SECOND, eye_run(SECOND, second, path_of(second) + 0.25, hz))
    times, samples = joined(pair)
    begin = second[0] + RETURN_S
    inside = (times >= begin + 1.0 / hz) & (times <= second[-1])
    assert times[times >= RETURN_S].tolist() == first[(first >= RETURN_S) & (first <= times[-1])].tolist()
    assert len(times) >= len(first) - 55
    assert samples[:, COLUMNS[FIRST]] == pytest.approx(path_of(times))
    assert samples[inside][:, COLUMNS[SECOND]] == pytest.approx(path_of(times[inside]) + 0.25)
    assert np.isnan(samples[times < begin - 1e-6][:, COLUMNS[SECOND]]).all()


def test_samples_with_the_same_time_are_put_together_as_they_are():
    times, rng = np.arange(60) / 100, np.random.default_rng(0)
    values = rng.random((2, 60, 3))
    values[1, 52] = np.nan
    pair = both_awaited()
    for eye in (FIRST, SECOND):
        pair.push(eye, eye_run(eye, times, values[eye], 100.0))
    _, samples = joined(pair)
    assert samples[:, COLUMNS[FIRST]].tobytes() == values[0, 50:].tobytes()
    assert np.array_equal(samples[:, COLUMNS[SECOND]], values[1, 50:], equal_nan=True)


def test_in_a_hole_of_either_stream_the_other_eye_goes_on():
    all_times = np.round(np.arange(0, 10, 0.01), 6)
    first = all_times[(all_times < 2) | (all_times > 4)]
    second = all_times[(all_times < 6) | (all_times > 8)]
    pair = both_awaited()
    pair.push(FIRST, eye_run(FIRST, first, path_of(first), 100.0))
    pair.push(SECOND, eye_run(SECOND, second, path_of(second), 100.0))
    times, samples = joined(pair)
    seen = [np.isfinite(samples[:, COLUMNS[eye]]).all(axis=1) for eye in (FIRST, SECOND)]
    only_second, only_first = ~seen[0] & seen[1], seen[0] & ~seen[1]
    assert (times[only_second].min(), times[only_second].max()) == pytest.approx((2.01, 4.5))
    assert (times[only_first].min(), times[only_first].max()) == pytest.approx((6.0, 8.5))
    assert (np.diff(times) < 0.021).all()


def test_an_eye_waits_for_the_other_one_until_that_is_not_expected_any_more():
    times = np.arange(0, 2, 0.01)
    pair = both_awaited()
    pair.push(FIRST, eye_run(FIRST, times, path_of(times), 100.0))
    pair.push(SECOND, eye_run(SECOND, times[:80], path_of(times[:80]), 100.0))
    assert joined(pair)[0].tolist() == times[50:80].tolist()
    assert pair.ready() == []
    pair.expect(SECOND, awaited=False)
    rest, samples = joined(pair)
    assert rest.tolist() == times[80:].tolist()
    assert np.isnan(samples[:, COLUMNS[SECOND]]).all()


RATES = st.sampled_from([30.0, 60.0, 90.0, 120.0, 200.0])


@st.composite
def two_eyes(draw):
    """Both eyes' samples: rates, offset, jitter and holes as they come."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    eyes = []
    for hz in (draw(RATES), draw(RATES)):
        begin = draw(st.floats(0.0, 1.5))
        times = 100.0 + begin + np.arange(round(9 * hz)) / hz + rng.uniform(0, 0.3 / hz, round(9 * hz))
        for _ in range(draw(st.integers(0, 3))):
            hole = draw(st.floats(101.0, 109.0))
            times = times[(times < hole) | (times > hole + draw(st.floats(0.02, 2.0)))]
        values = path_of(times - 100.0) + rng.normal(0, 1e-3, (len(times), 3))
        values[rng.random(len(times)) < 0.05, :2] = np.nan
        eyes.append((times, values, hz))
    return eyes


def counting(times):
    """Without what comes right behind a hole."""
    ends = times[np.diff(times, prepend=-np.inf) > HOLE_S]
    return times[times - ends[np.searchsorted(ends, times, side="right") - 1] >= RETURN_S]


@settings(max_examples=60)
@given(two_eyes(), st.data())
def test_it_does_not_matter_how_the_streams_were_cut_and_which_came_first(eyes, data):
    whole = both_awaited()
    for eye, (times, values, hz) in enumerate(eyes):
        whole.push(eye, eye_run(eye, times, values, hz))
    found = [joined(whole)]
    pieces = both_awaited()
    order = data.draw(st.lists(st.tuples(st.sampled_from([FIRST, SECOND]), st.integers(1, 200)), max_size=40))
    done, parts = [0, 0], []
    for eye, n in [*order, (FIRST, 10**6), (SECOND, 10**6)]:
        times, values, hz = eyes[eye]
        part = slice(done[eye], done[eye] + n)
        if len(times[part]):
            pieces.push(eye, eye_run(eye, times[part], values[part], hz))
        done[eye] += n
        parts.append(joined(pieces))
    for pair, got in ((whole, found), (pieces, parts)):
        for eye in (FIRST, SECOND):
            pair.expect(eye, awaited=False)
        got.append(joined(pair))
    times = np.concatenate([one for one, _ in found])
    assert (np.diff(times) > 0).all()
    assert times.tobytes() == np.concatenate([one for one, _ in parts]).tobytes()
    samples = [np.concatenate([one for _, one in got]) for got in (found, parts)]
    assert samples[0].tobytes() == samples[1].tobytes()
    assert set(counting(eyes[0][0])) <= set(times)  # no sample of the first eye is lost
    seen = np.isfinite(samples[0][:, COLUMNS[SECOND]]).any(axis=1)
    assert (np.isin(times[~np.isin(times, eyes[0][0])], eyes[1][0])).all()
    assert seen.sum() > 0.3 * len(counting(eyes[1][0]))


@st.composite
def a_stall(draw):
    """An eye that is silent for a while: it sent nothing then, or what it sent comes in one piece at the end."""
    stalled, begin_s = draw(st.sampled_from([FIRST, SECOND])), draw(st.floats(0.0, 10.0))
    comes_late = draw(st.booleans())
    lasts_s = draw(st.floats(0.3, WAIT_S - 1.0 if comes_late else 3 * WAIT_S))
    return stalled, begin_s, lasts_s, comes_late


@settings(max_examples=40)
@given(a_stall(), st.integers(0, 2**32 - 1))
def test_an_eye_that_is_silent_is_waited_for_within_bounds_and_a_replay_gives_the_same(stall, seed):
    stalled, begin_s, lasts_s, comes_late = stall
    rng = np.random.default_rng(seed)
    eyes, arrivals = [], []
    for eye, hz in ((FIRST, 30.0), (SECOND, 45.0)):
        times = 100.0 + np.arange(0.0, begin_s + lasts_s + 5.0, 1.0 / hz) + rng.uniform(0, 0.003)
        silent = (times >= 100.0 + begin_s) & (times < 100.0 + begin_s + lasts_s) & (eye == stalled)
        arrived = np.where(silent, 100.0 + begin_s + lasts_s, times) + rng.uniform(0, 0.2)
        kept = np.ones(len(times), bool) if comes_late else ~silent
        eyes.append(eye_run(eye, times[kept], path_of(times[kept] - 100.0), hz))
        arrivals.append(arrived[kept])
    replay = EyePair()
    for eye, run in enumerate(eyes):
        replay.push(eye, run)
    live, parts, longest_s = both_awaited(), [], 0.0
    for now_s in np.arange(100.0, 106.0 + begin_s + lasts_s, 0.5):
        for eye, run in enumerate(eyes):
            part = (arrivals[eye] > now_s - 0.5) & (arrivals[eye] <= now_s)
            if part.any():
                live.push(eye, GazeRun(run.times[part], run.samples[part], run.rate_hz))
        parts.append(joined(live))
        reached_s = max((times[-1] for times, _ in parts if len(times)), default=100.0)
        longest_s = max(longest_s, live.reached_s - reached_s)
    for eye in (FIRST, SECOND):
        live.expect(eye, awaited=False)
    parts.append(joined(live))
    times, samples = joined(replay)
    assert times.tobytes() == np.concatenate([one for one, _ in parts]).tobytes()
    assert samples.tobytes() == np.concatenate([one for _, one in parts]).tobytes()
    assert longest_s <= WAIT_S + 0.5


def of_second_eye(times, hz=10.0):
    """The times from which the second eye's samples count that are pushed at these, beside a first eye from 0 s on."""
    until_s = float(times[-1])
    first, pair = np.arange(0.0, until_s + 0.05, 0.1), both_awaited()
    pair.push(FIRST, eye_run(FIRST, first, path_of(first), 10.0))
    pair.push(SECOND, eye_run(SECOND, times, path_of(times), hz))
    found, samples = joined(pair)
    return found[np.isfinite(samples[:, COLUMNS[SECOND]]).any(axis=1)].round(6).tolist()


@pytest.mark.parametrize(
    ("begin_s", "counts_from_s"), [(0.0, 0.5), (1.0, 1.5), (28.0, 28.5), (28.1, 30.1), (90.0, 92.0)]
)
def test_an_eye_that_begins_so_late_that_the_other_may_not_have_waited_counts_two_seconds_later(begin_s, counts_from_s):
    times = begin_s + np.arange(40) / 10
    assert of_second_eye(times)[0] == pytest.approx(counts_from_s)


@pytest.mark.parametrize(("hole_s", "counts_s"), [(0.26, 0.5), (28.0, 0.5), (28.1, 2.0), (70.0, 2.0)])
def test_an_eye_counts_two_seconds_after_a_hole_that_the_other_may_not_have_waited_for(hole_s, counts_s):
    before, after = np.arange(0.0, 3.01, 0.1), 3.0 + hole_s + np.arange(41) / 10
    seen = [time for time in of_second_eye(np.concatenate([before, after])) if time > 3.0 + hole_s / 2 + 1e-6]
    assert seen[0] == pytest.approx(after[0] + counts_s, abs=0.11)
    assert seen[0] >= after[0] + counts_s - 1e-9


def test_an_eye_that_begins_anew_with_another_tracker_is_late_or_not_by_the_other_eye():
    pair, first = both_awaited(), np.arange(0.0, 60.0, 0.1)
    second = [np.arange(0.0, 4.0, 0.1), np.arange(50.0, 58.0, 0.1)]
    pair.push(FIRST, eye_run(FIRST, first, path_of(first), 10.0))
    for times in second:
        pair.begin(SECOND)
        pair.push(SECOND, eye_run(SECOND, times, path_of(times), 10.0))
    times, samples = joined(pair)
    seen = times[np.isfinite(samples[:, COLUMNS[SECOND]]).any(axis=1)]
    assert seen[seen > 10.0][0] == pytest.approx(52.0, abs=0.11)


def test_an_eye_that_never_sends_anything_holds_nobody_back_for_good():
    times, pair = np.arange(0, WAIT_S + 2.0, 0.1), both_awaited()
    pair.push(FIRST, eye_run(FIRST, times[:-30], path_of(times[:-30]), 10.0))
    assert not pair.ready()
    pair.push(FIRST, eye_run(FIRST, times[-30:], path_of(times[-30:]), 10.0))
    assert joined(pair)[0].tolist() == times[5:].tolist()


# -- in the pipeline


INFOS = [StreamInfo(f"eye{k}", f"Eye {k}", "Gaze", "float64", 120.0, (Channel(),) * 3) for k in range(2)]


def chunks_of(eye, begin_s, end_s, piece_s=0.25, clock_s=0.0):
    """The samples of one eye, as its stream sends them; its clock is behind by clock_s."""
    rng = np.random.default_rng(eye)
    times = begin_s + np.arange(round((end_s - begin_s) * 120)) / 120 + 0.003 * eye
    target = np.repeat(np.random.default_rng(7).uniform(0.2, 0.8, (200, 2)), 60, axis=0)[: len(times)]
    values = np.column_stack([target + rng.normal(0, 1e-3, target.shape), 3 + 0.2 * np.sin(times)])
    n = round(piece_s * 120)
    return [Chunk(f"eye{eye}", times[k : k + n] - clock_s, values[k : k + n]) for k in range(0, len(times), n)]


def pipeline(order=(0, 1)):
    made = Pipeline(PipelineSettings())
    for eye in order:
        made.add_stream(INFOS[eye], MAPS[eye])
    return made


def values_of(windows):
    return [(window.end_s, window.eye_raw.tobytes(), window.eye.tobytes(), window.gaze_coverage) for window in windows]


def named(window):
    """Which eyes' pupils have a mean."""
    return window.eye_valid[:2].tolist()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_windows_hold_both_eyes_by_the_common_clock(order):
    offsets = [ClockOffset("eye0", 0.0, 5.0), ClockOffset("eye1", 0.0, -2.0)]
    eyes = [chunks_of(0, 100, 112, clock_s=5.0), chunks_of(1, 100, 112, clock_s=-2.0)]
    one, other = pipeline(order), pipeline()
    for made in (one, other):
        for offset in offsets:
            made.push(offset)
    windows = [w for pair in zip(*eyes, strict=True) for chunk in pair for w in one.push(chunk)]
    later = [w for chunk in [*eyes[1], *eyes[0]] for w in other.push(chunk)]
    assert values_of([*windows, *one.flush()]) == values_of([*later, *other.flush()])
    assert len(windows) > 25
    assert all(named(window) == [True, True] for window in windows[4:])


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_eye_leaves_the_other_one_and_a_replay_gives_the_same(lost):
    role = (Modality.GAZE, Modality.SECOND_EYE)[lost]
    kept = chunks_of(1 - lost, 100, 124)
    gone = [chunk for chunk in chunks_of(lost, 100, 124) if not 106 < chunk.stamps[0] < 115]
    live, windows = pipeline(), []
    there = {round(float(chunk.stamps[0]), 1): chunk for chunk in gone}
    for chunk in kept:
        now_s = round(float(chunk.stamps[0]) + (-0.003 if lost == 0 else 0.003), 1)
        if chunk is kept[4 * 8]:
            windows += live.expect(role, expected=False)  # found to be lost
        if chunk is kept[4 * 15 + 1]:
            windows += live.expect(role, expected=True)
        if (own := there.get(now_s)) is not None:
            windows += live.push(own)
        windows += live.push(chunk)
    windows += live.flush()
    replay = pipeline()
    again = [w for chunk in [*gone, *kept] for w in replay.push(chunk)] + replay.flush()
    assert values_of(windows) == values_of(again)
    during = [named(window) for window in windows if 111.5 < window.end_s < 114]
    assert during == [[lost == 1, lost == 0]] * len(during)
    assert len(during) >= 9
    assert named(windows[-1]) == [True, True]


def test_one_eye_alone_gives_windows():
    made = Pipeline(PipelineSettings())
    made.add_stream(INFOS[1], MAPS[1])
    windows = [w for chunk in chunks_of(1, 100, 110) for w in made.push(chunk)]
    assert len(windows) > 20
    assert named(windows[-1]) == [False, True]


def test_both_eyes_go_on_from_a_saved_state():
    chunks = [chunk for pair in zip(chunks_of(0, 100, 110), chunks_of(1, 100, 110), strict=True) for chunk in pair]
    one, other = pipeline(), pipeline()
    for chunk in chunks[:37]:  # between the two eyes' chunks of one stretch
        one.push(chunk)
    thaw(freeze({"pipeline": one}, {}), {}, {"pipeline": other})
    rest = [[w for chunk in chunks[37:] for w in made.push(chunk)] + made.flush() for made in (one, other)]
    assert values_of(rest[0]) == values_of(rest[1])
    assert len(rest[0]) > 15


@pytest.mark.parametrize("stalled", [0, 1])
def test_what_is_decided_while_an_eye_is_silent_is_decided_on_the_other_one_and_again_when_it_comes(stalled):
    role = (Modality.GAZE, Modality.SECOND_EYE)[stalled]
    (*goes_on, last), (*silent, _) = chunks_of(1 - stalled, 100, 116.25), chunks_of(stalled, 100, 116.25)
    live, replay, alone = pipeline(), pipeline(), pipeline()
    windows = [w for pair in zip(goes_on[:36], silent[:36], strict=True) for chunk in pair for w in live.push(chunk)]
    for pair in zip(goes_on[:36], silent[:36], strict=True):
        for chunk in pair:
            alone.push(chunk)
    alone.expect(role, expected=False)
    for chunk in goes_on[36:]:
        assert live.push(chunk) == []
        known = {window.end_s: window for window in alone.push(chunk)}
        reached_s = live.grid.seconds(live.newest)
        assert reached_s >= chunk.stamps[-1] - 0.125
        for end_s, window in known.items():
            forced = live.peek(end_s)
            assert forced.forced
            assert (forced.eye_raw.tobytes(), forced.gaze_coverage) == (window.eye_raw.tobytes(), window.gaze_coverage)
    assert named(live.peek(reached_s // 0.25 * 0.25)) == [stalled == 1, stalled == 0]
    windows += [w for chunk in silent[36:] for w in live.push(chunk)]  # what it has sent comes after all
    more, free = copy.deepcopy(live), copy.deepcopy(live)
    for made in (more, free):
        made.push(last)  # it is silent once more
    window = free.expect(role, expected=False)[-1]
    assert more.peek(window.end_s).eye_raw.tobytes() == window.eye_raw.tobytes()
    again = [w for pair in zip(goes_on, silent, strict=True) for chunk in pair for w in replay.push(chunk)]
    assert values_of([*windows, *live.flush()]) == values_of([*again, *replay.flush()])
    assert named(windows[-1]) == [True, True]


@pytest.mark.parametrize(("missing", "n_runs"), [(0, 1), (1, 1), (2, 2), (5, 2)])
def test_where_both_eyes_lack_two_samples_a_new_run_begins(missing, n_runs):
    times = np.delete(np.arange(200) / 100, np.arange(100, 100 + missing))
    pair = both_awaited()
    for eye in (FIRST, SECOND):
        pair.push(eye, eye_run(eye, times, path_of(times), 100.0))
    assert len(pair.ready()) == n_runs
