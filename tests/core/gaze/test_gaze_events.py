"""What the online detector finds in gaze whose events are known."""

import itertools

import numpy as np
import pytest
from synthetic_gaze import START_S, VIEW, match, sample, to_canonical

from rtemo.core.gaze.events import GazeEventKind
from rtemo.core.gaze.tracker import GazeAnalyser, GazeSettings

SETTLED_S = 1.5  # an event is told when two more have ended behind it


def events_of(times, samples, rate_hz):
    tracker = GazeAnalyser(GazeSettings(), VIEW, rate_hz)
    tracker.push(times, samples)
    return tracker.take_events()


def compare(truth, times, samples, rate_hz):
    """F1, timing errors in samples and amplitude errors in degrees, of each kind."""
    events = events_of(times, samples, rate_hz)
    end_s = times[-1] - SETTLED_S
    score = {}
    kinds = (
        (GazeEventKind.FIXATION, truth.fixations),
        (GazeEventKind.SACCADE, truth.saccades),
        (GazeEventKind.BLINK, truth.blinks),
    )
    for kind, true in kinds:
        found = [(e.start_s, e.end_s, e.amplitude_deg) for e in events if e.kind == kind and e.start_s < end_s]
        true = [event for event in true if event[0] < end_s]
        pairs = match(true, found, 0.5 / rate_hz + 0.005)
        errors = np.array([[b[0] - a[0], b[1] - a[1]] for a, b in pairs])
        f1 = 2 * len(pairs) / (len(true) + len(found))
        score[kind] = (f1, np.median(np.abs(errors)) * 1000, [b[2] - a[2] for a, b in pairs if len(a) > 2])
    return score


@pytest.mark.parametrize(
    ("rate_hz", "noise_deg", "f1", "error_ms", "amplitude_deg"),
    [
        (30, 0.03, 0.98, 12, 0.2),
        (60, 0.03, 0.99, 9, 0.2),
        (60, 0.30, 0.97, 10, 0.4),
        (120, 0.03, 0.99, 4, 0.12),
        (120, 0.30, 0.95, 5, 0.4),
        (250, 0.10, 0.99, 2.5, 0.12),
        (1000, 0.03, 0.99, 1.5, 0.08),
        (1000, 0.30, 0.99, 2, 0.15),
    ],
)
def test_fixations_saccades_and_blinks_are_found(rate_hz, noise_deg, f1, error_ms, amplitude_deg):
    score = compare(*sample(1, rate_hz, 60, noise_deg), rate_hz)
    for kind in (GazeEventKind.FIXATION, GazeEventKind.SACCADE, GazeEventKind.BLINK):
        assert score[kind][0] >= f1, kind
        assert score[kind][1] <= error_ms, kind
    amplitude = np.array(score[GazeEventKind.SACCADE][2])
    assert np.abs(amplitude.mean()) < amplitude_deg
    assert amplitude.std() < amplitude_deg


def test_webcam_noise_at_30_hz_still_gives_most_saccades():
    score = compare(*sample(2, 30, 120, 0.6), 30)
    assert score[GazeEventKind.SACCADE][0] > 0.9


@pytest.mark.parametrize("rate_hz", [60, 120, 1000])
def test_nothing_but_noise_is_one_long_fixation(rate_hz):
    rng = np.random.default_rng(4)
    times = START_S + np.arange(30 * rate_hz) / rate_hz
    for noise_deg in (0.01, 0.1, 0.5):
        eye = to_canonical(rng.normal(0, noise_deg, (len(times), 2)))
        samples = np.column_stack([eye, eye, np.full((len(times), 2), 3.0)])
        kinds = [e.kind for e in events_of(times, samples, rate_hz) if e.start_s > START_S + 2]
        assert kinds.count(GazeEventKind.SACCADE) <= 3, noise_deg
        assert GazeEventKind.BLINK not in kinds


def perturbed(name, seed, rate_hz):
    duration_s = 60 if rate_hz < 500 else 25
    truth, times, samples = sample(seed, rate_hz, duration_s, jitter=0.4 if name == "jitter" else 0.0)
    rng = np.random.default_rng(seed)
    if name == "random losses":
        samples[rng.random(len(times)) < 0.05] = np.nan
    elif name == "one eye comes and goes":
        for begin in rng.integers(0, len(times), 120):
            samples[begin : begin + int(rng.uniform(0.02, 0.5) * rate_hz) + 1, 0:2] = np.nan
    elif name == "right eye only":
        samples[:, 0:2] = np.nan
    elif name == "spikes":
        hit = rng.random(len(times)) < 0.01
        samples[hit, :4] += rng.normal(0, 0.1, (hit.sum(), 4))
    elif name == "lost packets":
        kept = rng.random(len(times)) > 0.03
        times, samples = times[kept], samples[kept]
    elif name == "lids":
        for begin, end in truth.blinks:
            for part, depth in (
                ((times >= begin - 0.04) & (times < begin), 1 - (begin - times) / 0.04),
                ((times >= end) & (times < end + 0.05), 1 - (times - end) / 0.05),
            ):
                samples[part, 1] += 0.15 * depth[part]
                samples[part, 3] += 0.15 * depth[part]
    elif name == "post-saccadic swings":
        for _, end, amplitude in truth.saccades:
            part = (times >= end) & (times < end + 0.05)
            since = times[part] - end
            swing = 0.004 * amplitude * np.exp(-since / 0.012) * np.sin(50 * np.pi * since)
            samples[part, 0] += swing
            samples[part, 2] += swing
    return truth, times, samples


@pytest.mark.parametrize("rate_hz", [60, 120, 1000])
@pytest.mark.parametrize(
    "name",
    ["random losses", "one eye comes and goes", "right eye only", "spikes", "lost packets", "lids", "jitter",
     "post-saccadic swings"],
)  # fmt: skip
def test_real_trackers_faults_neither_hide_nor_invent_saccades(name, rate_hz):
    score = compare(*perturbed(name, 1, rate_hz), rate_hz)
    assert score[GazeEventKind.SACCADE][0] >= 0.97
    assert score[GazeEventKind.FIXATION][0] >= 0.97
    assert score[GazeEventKind.BLINK][0] >= 0.75  # of a handful


def still_with(rate_hz, *holes, duration_s=12.0):
    """Still gaze, NaN in the holes (start, length in seconds)."""
    times = START_S + np.arange(int(duration_s * rate_hz)) / rate_hz
    samples = np.tile([0.5, 0.5, 0.5, 0.5, 3.0, 3.0], (len(times), 1))
    for start, length in holes:
        samples[(times >= START_S + start) & (times < START_S + start + length)] = np.nan
    return times, samples


@pytest.mark.parametrize("rate_hz", [60, 250])
def test_a_short_hole_is_bridged_a_blink_is_a_blink_and_a_long_loss_is_none(rate_hz):
    times, samples = still_with(rate_hz, (2.0, 0.03), (4.0, 0.2), (7.0, 0.8))
    events = events_of(times, samples, rate_hz)
    blinks = [e for e in events if e.kind == GazeEventKind.BLINK]
    assert len(blinks) == 1
    assert blinks[0].start_s == pytest.approx(START_S + 4.0, abs=0.6 / rate_hz)
    assert blinks[0].duration_s == pytest.approx(0.2, abs=1.1 / rate_hz)
    fixations = [e for e in events if e.kind == GazeEventKind.FIXATION]
    assert [round(e.duration_s, 1) for e in fixations] == [4.0, 2.8]


def test_one_closed_eye_is_no_blink():
    times, samples = still_with(120)
    samples[400:430, 0:2] = np.nan
    samples[400:430, 4] = np.nan
    assert not [e for e in events_of(times, samples, 120) if e.kind == GazeEventKind.BLINK]


def test_samples_that_never_came_are_no_blink():
    times, samples = still_with(120)
    kept = (times < START_S + 3.0) | (times > START_S + 3.2)
    events = events_of(times[kept], samples[kept], 120)
    assert [e.kind for e in events] == [GazeEventKind.FIXATION]


@pytest.mark.parametrize("rate_hz", [60, 120, 1000])
def test_a_fixation_knows_where_and_how_wide_it_is(rate_hz):
    rng = np.random.default_rng(0)
    times = START_S + np.arange(4 * rate_hz) / rate_hz
    place = np.where((times < START_S + 2)[:, None], [0.3, 0.4], [0.6, 0.7])
    samples = np.column_stack([place, place, np.full((len(times), 2), 3.0)])
    samples[times > START_S + 3.7] = np.nan
    samples[:, :4] += rng.normal(0, 1e-4, (len(times), 4))
    fixation = next(e for e in events_of(times, samples, rate_hz) if e.kind == GazeEventKind.FIXATION)
    assert (fixation.x, fixation.y) == pytest.approx((0.3, 0.4), abs=1e-3)
    assert fixation.end_s == pytest.approx(START_S + 2, abs=max(1.5 / rate_hz, 0.011))  # half the velocity window
    assert max(fixation.dispersion_deg) < 0.2


def test_a_shift_below_half_a_degree_stays_one_fixation():
    times = START_S + np.arange(1200) / 120
    degrees = np.zeros((1200, 2))
    degrees[300:, 0] = 0.4
    degrees[600:, 0] = 2.4
    degrees[900:1000] = np.nan
    eye = to_canonical(degrees)
    events = events_of(times, np.column_stack([eye, eye, np.full((1200, 2), 3.0)]), 120)
    saccades = [e for e in events if e.kind == GazeEventKind.SACCADE]
    assert [round(e.amplitude_deg, 1) for e in saccades] == [2.0]
    assert saccades[0].peak_deg_s > 60


def test_events_are_handed_out_once_and_in_order():
    _, times, samples = sample(5, 120, 30)
    tracker = GazeAnalyser(GazeSettings(), VIEW, 120)
    found = []
    for begin in range(0, len(times), 37):
        tracker.push(times[begin : begin + 37], samples[begin : begin + 37])
        found += tracker.take_events()
    assert found == events_of(times, samples, 120)
    for kind in (GazeEventKind.FIXATION, GazeEventKind.SACCADE, GazeEventKind.BLINK):
        spans = [(e.start_s, e.end_s) for e in found if e.kind == kind]
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    assert tracker.take_events() == []
