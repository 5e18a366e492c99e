"""What features depend on: the samples up to the window's end, and on nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_gaze import START_S, VIEW, sample

from rtemo.core.gaze.features import GAZE_FEATURES
from rtemo.core.gaze.tracker import MOST_AHEAD, GazeAnalyser, GazeSettings

NAMES = [feature.name for feature in GAZE_FEATURES]


def faulty(seed, rate_hz, duration_s=14.0):
    """Gaze with everything that trackers do: lost eyes, lost samples, holes, jitter, spikes."""
    rng = np.random.default_rng(seed)
    _, times, samples = sample(seed, rate_hz, duration_s, noise_deg=rng.choice([0.02, 0.2]), jitter=0.45)
    samples[rng.random(len(times)) < 0.05, 0:2] = np.nan
    samples[rng.random(len(times)) < 0.03] = np.nan
    samples[rng.random(len(times)) < 0.02, 5] = np.nan
    samples[rng.random(len(times)) < 0.01, :4] += 0.2
    kept = rng.random(len(times)) > 0.02
    for length_s in (0.04, 0.3, 1.5):
        begin = rng.uniform(times[0], times[-1])
        kept &= (times < begin) | (times > begin + length_s)
    return times[kept], samples[kept]


def ends_of(times, hop_s=0.5):
    first = np.ceil((times[0] + 0.3) / hop_s)
    return np.arange(first, np.floor(times[-1] / hop_s)) * hop_s


class LookingAhead(GazeAnalyser):
    """Has looked ahead at some samples whenever others are pushed."""

    def __init__(self, rate_hz, times, samples, ahead):
        super().__init__(GazeSettings(), VIEW, rate_hz)
        self._all, self._most, self._n, self._n_seen = (times, samples), ahead, 0, 0

    def push(self, times, samples):
        self._n += len(times)
        if self._n > self._n_seen:
            stop = self._n + self._most
            self.look_ahead(*(part[self._n_seen : stop] for part in self._all))
            self._n_seen = stop
        self.take(len(times))


def run(times, samples, rate_hz, cuts=(), peeks=(), ahead=0):
    """Features at each end and all events; pushed up to each end in pieces that end at `cuts` too."""
    tracker = LookingAhead(rate_hz, times, samples, ahead) if ahead else GazeAnalyser(GazeSettings(), VIEW, rate_hz)
    rows, events, begin = [], [], 0
    for end_s in ends_of(times):
        stop = int(np.searchsorted(times, end_s, side="right"))
        for cut in [*(c for c in cuts if begin <= c <= stop), stop]:
            tracker.push(times[begin:cut], samples[begin:cut])
            begin = cut
            if cut in peeks:
                tracker.features(end_s, 2.0)
                events += tracker.take_events()
        found = tracker.features(end_s, 4.0)
        rows.append(np.concatenate([found.values, found.valid, np.float32([found.coverage])]))
    return np.array(rows).tobytes(), repr(events + tracker.take_events())


@settings(max_examples=30)
@given(data=st.data(), seed=st.integers(0, 5), rate_hz=st.sampled_from([30.0, 66.0, 120.0, 250.0, 1000.0]))
def test_features_and_events_are_bitwise_the_same_however_the_stream_was_cut(data, seed, rate_hz):
    times, samples = faulty(seed, rate_hz, 300.0 / rate_hz + 4.0)
    index = st.integers(0, len(times))
    cuts = sorted(data.draw(st.lists(index, max_size=60)))
    peeks = set(data.draw(st.lists(st.sampled_from(cuts), max_size=5))) if cuts else set()
    ahead = data.draw(st.sampled_from([0, 1, 40, MOST_AHEAD]))
    assert run(times, samples, rate_hz, cuts, peeks, ahead) == run(times, samples, rate_hz)


@pytest.mark.parametrize("rate_hz", [60.0, 120.0])
def test_single_samples_give_what_one_big_push_gives(rate_hz):
    times, samples = faulty(9, rate_hz)
    end_s = times[-1]
    one, all_at_once = (GazeAnalyser(GazeSettings(), VIEW, rate_hz) for _ in range(2))
    for i in range(len(times)):
        one.push(times[i : i + 1], samples[i : i + 1])
        if i % 7 == 0:
            one.features(times[i], 4.0)
            one.push(times[:0], samples[:0])
    all_at_once.push(times, samples)
    assert one.features(end_s, 4.0).values.tobytes() == all_at_once.features(end_s, 4.0).values.tobytes()
    assert repr(one.take_events()) == repr(all_at_once.take_events())


def test_what_comes_later_changes_nothing_before():
    times, samples = faulty(3, 120.0)
    half = len(times) // 2
    other = samples.copy()
    other[half:] = other[half:][::-1]
    n_ends = int(np.searchsorted(ends_of(times), times[half]))
    rows = [
        np.frombuffer(run(times, s, 120.0)[0], np.float32).reshape(len(ends_of(times)), -1) for s in (samples, other)
    ]
    assert rows[0][:n_ends].tobytes() == rows[1][:n_ends].tobytes()
    assert rows[0][n_ends + 2 :].tobytes() != rows[1][n_ends + 2 :].tobytes()


def test_inputs_stay_as_they_are_and_may_be_reused():
    times, samples = faulty(3, 120.0)
    samples[5] = np.inf
    before = times.copy(), samples.copy()
    tracker = GazeAnalyser(GazeSettings(), VIEW, 120.0)
    tracker.push(times, samples)
    first = tracker.features(times[-1], 4.0)
    np.testing.assert_array_equal(times, before[0])
    np.testing.assert_array_equal(samples, before[1])
    again = GazeAnalyser(GazeSettings(), VIEW, 120.0)
    buffer_t, buffer_s = np.empty(50), np.empty((50, 6))
    for begin in range(0, len(times), 50):
        n = len(times[begin : begin + 50])
        buffer_t[:n], buffer_s[:n] = times[begin : begin + n], samples[begin : begin + n]
        again.push(buffer_t[:n], buffer_s[:n])
    assert again.features(times[-1], 4.0).values.tobytes() == first.values.tobytes()


@pytest.mark.parametrize("rate_hz", [60.0, 250.0])
def test_joining_late_converges(rate_hz):
    _, times, samples = sample(2, rate_hz, 110)
    late = times > START_S + 30.2
    whole, joined = (GazeAnalyser(GazeSettings(), VIEW, rate_hz) for _ in range(2))
    whole.push(times, samples)
    joined.push(times[late], samples[late])
    end_s = np.floor(times[-1])
    np.testing.assert_allclose(
        joined.features(end_s, 4.0).values, whole.features(end_s, 4.0).values, rtol=1e-6, err_msg=str(NAMES)
    )


def test_before_any_sample_nothing_is_valid():
    found = GazeAnalyser(GazeSettings(), VIEW, 120.0).features(100.0, 4.0)
    assert found.values.shape == found.valid.shape == (33,)
    assert found.values.dtype == np.float32
    assert not found.valid.any()
    assert np.isnan(found.values).all()
    assert found.coverage == 0.0


@pytest.mark.parametrize("rate_hz", [30.0, 120.0])
def test_gaze_that_is_never_valid_gives_nothing(rate_hz):
    times = START_S + np.arange(int(20 * rate_hz)) / rate_hz
    tracker = GazeAnalyser(GazeSettings(), VIEW, rate_hz)
    tracker.push(times, np.full((len(times), 6), np.nan))
    found = tracker.features(times[-1], 4.0)
    assert not found.valid.any()
    assert found.coverage == 0.0
    assert tracker.take_events() == []


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_handful_of_samples_is_survived(n):
    for rate_hz in (30.0, 120.0, 1000.0):
        times, samples = START_S + np.arange(n) / rate_hz, np.full((n, 6), 0.5)
        tracker = GazeAnalyser(GazeSettings(), VIEW, rate_hz)
        tracker.push(times, samples)
        found = tracker.features(START_S + 4.0, 4.0)
        assert 0.0 <= found.coverage < 0.1
        assert found.valid.tolist() == np.isfinite(found.values).tolist()


def test_one_eye_gives_all_but_the_other_pupil():
    _, times, samples = sample(2, 120.0, 40)
    samples[:, [0, 1, 4]] = np.nan
    tracker = GazeAnalyser(GazeSettings(), VIEW, 120.0)
    tracker.push(times, samples)
    valid = dict(zip(NAMES, tracker.features(times[-1], 4.0).valid, strict=True))
    assert not any(valid[name] for name in NAMES if name.startswith("pupil_left"))
    assert all(valid[name] for name in NAMES if not name.startswith("pupil_left"))


def test_gaze_without_pupils_gives_all_but_pupils():
    _, times, samples = sample(2, 120.0, 40)
    samples[:, 4:] = np.nan
    tracker = GazeAnalyser(GazeSettings(), VIEW, 120.0)
    tracker.push(times, samples)
    found = tracker.features(times[-1], 4.0)
    assert found.valid.tolist() == [feature.group != "pupil" for feature in GAZE_FEATURES]


def test_coverage_falls_while_the_tracker_is_off_and_comes_back():
    _, times, samples = sample(2, 120.0, 40, blinks_per_min=0)
    kept = (times < START_S + 10) | (times > START_S + 20)
    times, samples = times[kept], samples[kept]
    tracker, covered, begin = GazeAnalyser(GazeSettings(), VIEW, 120.0), {}, 0
    for end_s in START_S + np.array([9, 12, 13, 15, 19, 22, 25]):
        stop = int(np.searchsorted(times, end_s, side="right"))
        tracker.push(times[begin:stop], samples[begin:stop])
        begin = stop
        found = tracker.features(end_s, 4.0)
        covered[int(end_s - START_S)] = found.coverage
        assert found.valid.any() == (found.coverage > 0)
    assert covered == pytest.approx({9: 1, 12: 0.5, 13: 0.25, 15: 0, 19: 0, 22: 0.5, 25: 1}, abs=0.01)


def test_a_closed_eye_counts_as_uncovered_time():
    times = START_S + np.arange(1200) / 120
    samples = np.full((1200, 6), 0.5)
    samples[-240:] = np.nan
    tracker = GazeAnalyser(GazeSettings(), VIEW, 120.0)
    tracker.push(times, samples)
    assert tracker.features(times[-1], 4.0).coverage == pytest.approx(0.5, abs=0.01)


def test_a_window_longer_than_the_statistics_is_covered_and_has_the_mean_pupil_of_all_of_it():
    rate_hz, n_s, window_s = 250.0, 60, 20.0
    times = START_S + np.arange(1, int(n_s * rate_hz) + 1) / rate_hz
    samples = np.full((len(times), 6), 0.5) + np.random.default_rng(0).normal(0, 1e-4, (len(times), 6))
    samples[:, 4:] = (3.0 + 0.01 * (times - START_S))[:, None]
    short = replace(GazeSettings(), statistics_s=2.0, pupil_buffer_s=2.0)
    tracker = GazeAnalyser(short, VIEW, rate_hz, window_s)
    for end_s in START_S + np.arange(1.0, n_s):
        begin, stop = (int(np.searchsorted(times, at_s, side="right")) for at_s in (end_s - 1.0, end_s))
        tracker.push(times[begin:stop], samples[begin:stop])
        found = tracker.features(end_s, window_s)
        seen_s = min(end_s - START_S, window_s)
        assert found.coverage == pytest.approx(seen_s / window_s, abs=0.001)
        middle_s = end_s - START_S - seen_s / 2
        assert found.values[0] == pytest.approx(3.0 + 0.01 * middle_s, abs=0.002)


def test_memory_does_not_grow():
    _, times, samples = sample(2, 120.0, 30)
    tracker = GazeAnalyser(GazeSettings(), VIEW, 120.0)
    sizes = []
    for turn in range(30):
        tracker.push(times + turn * 30.0, samples)
        tracker.features(times[-1] + turn * 30.0, 4.0)
        tracker.take_events()
        sizes.append(held_bytes(tracker))
    assert max(sizes[6:]) <= 1.2 * max(sizes[:6])


def held_bytes(thing, seen=None):
    """Bytes of all arrays and the number of all objects that hang on an object."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return thing.nbytes + (held_bytes(thing.base, seen) if thing.base is not None else 0)
    parts = []
    if isinstance(thing, dict):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset) or type(thing).__name__ == "deque":
        parts = list(thing)
    elif hasattr(thing, "__dict__"):
        parts = list(vars(thing).values())
    elif hasattr(type(thing), "__slots__"):
        parts = [getattr(thing, name, None) for name in type(thing).__slots__]
    return 64 + sum(held_bytes(part, seen) for part in parts)
