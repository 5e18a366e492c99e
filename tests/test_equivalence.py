"""Promise 1 and 3 of the design: the same samples give bitwise the same windows however they were cut and interleaved,
and joining late gives the same windows once the filters have settled.
"""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtemo.core.channel_map import EegChannelMap, EyeColumns, GazeChannelMap, Screen, ViewGeometry
from rtemo.core.eeg.montage import place
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Channel, Chunk, ClockOffset, Modality, StreamInfo, Window, WindowSpec

LABELS = ("Fp1", "Fp2", "C3", "C4", "P3", "P4", "O1", "O2")
EEG_HZ, GAZE_HZ = 256.0, 120.0


def eeg_info(rate=EEG_HZ):
    return StreamInfo("e", "EEG", "EEG", "float32", rate, tuple(Channel(label) for label in LABELS))


def gaze_info():
    return StreamInfo("g", "Gaze", "Gaze", "float64", GAZE_HZ, (Channel(),) * 6)


def eeg_channel_map():
    return EegChannelMap(tuple(range(8)), LABELS, place(LABELS).positions, np.ones(8))


def gaze_channel_map():
    return GazeChannelMap(EyeColumns(0, 1, 2), EyeColumns(3, 4, 5), ViewGeometry.of_screen(Screen()), pupil_unit="mm")


def pipeline(hop_s=0.25, *, eeg=True, gaze=True):
    made = Pipeline(PipelineSettings().with_hop(hop_s))
    if eeg:
        made.add_stream(eeg_info(), eeg_channel_map())
    if gaze:
        made.add_stream(gaze_info(), gaze_channel_map())
    return made


def eeg_samples(seconds, start=100.1234, jitter=0.0004, seed=0):
    rng = np.random.default_rng(seed)
    n = round(seconds * EEG_HZ)
    stamps = start + np.arange(n) / EEG_HZ + rng.normal(0, jitter, n)
    rhythm = 8 * np.sin(2 * np.pi * 10 * stamps)[:, None] * rng.uniform(0.2, 1, 8)
    return stamps, (rhythm + np.cumsum(rng.normal(0, 1, (n, 8)), axis=0) * 0.3 + 40_000).astype(np.float32)


def gaze_samples(seconds, start=100.456, jitter=0.0005, seed=1, hz=GAZE_HZ):
    rng = np.random.default_rng(seed)
    n = round(seconds * hz)
    stamps = start + np.arange(n) / hz + rng.normal(0, jitter, n)
    targets = rng.uniform(0.1, 0.9, (n // 30 + 1, 2))
    xy = np.repeat(targets, 30, axis=0)[:n] + rng.normal(0, 0.002, (n, 2))
    pupil = 3.5 + 0.2 * np.sin(stamps)[:, None] + rng.normal(0, 0.01, (n, 2))
    values = np.column_stack([xy, pupil[:, 0], xy + 0.001, pupil[:, 1]])
    values[n // 3 : n // 3 + 18] = np.nan  # a blink
    return stamps, values


def spoilt(stamps, values, rng):
    """Gaps short and long, NaN, a step back: what real streams do."""
    kept = np.ones(len(stamps), dtype=bool)
    for _ in range(3):
        begin = rng.integers(0, len(stamps))
        kept[begin : begin + rng.integers(1, 60)] = False
    hole = rng.integers(0, len(stamps))
    kept[hole : hole + rng.integers(0, 700)] = False
    stamps, values = stamps[kept], values[kept].copy()
    values[rng.integers(0, len(values), 20), rng.integers(0, values.shape[1], 20)] = np.nan
    k = rng.integers(1, len(stamps))
    stamps = stamps.copy()
    stamps[k] = stamps[k - 1] - 0.003
    return stamps, values


def run(made, eeg, gaze, eeg_cuts, gaze_cuts, rng, offsets=()):
    """All windows for one way of cutting and interleaving."""
    queues = {}
    for stream, (stamps, values), cuts in (("e", eeg, eeg_cuts), ("g", gaze, gaze_cuts)):
        bounds = [0, *sorted(cuts), len(stamps)]
        queues[stream] = [Chunk(stream, stamps[a:b], values[a:b]) for a, b in pairwise(bounds)]
    windows = []
    for offset in offsets:
        made.push(offset)
    while any(queues.values()):
        stream = rng.choice([s for s, queue in queues.items() if queue])
        windows += made.push(queues[stream].pop(0))
    return windows + made.flush()


def difference(a: Window, b: Window) -> str | None:
    for field in dataclasses.fields(Window):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            same = x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")
        else:
            same = x == y
        if not same:
            return f"{field.name} at {a.end_s}"
    return None


def assert_same(got, expected):
    assert [w.end_s for w in got] == [w.end_s for w in expected]
    assert [d for d in map(difference, got, expected) if d] == []


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_windows_do_not_depend_on_cuts_or_interleaving(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    eeg, gaze = spoilt(*eeg_samples(14), rng), spoilt(*gaze_samples(14), rng)
    offsets = [ClockOffset("e", 95 + 3 * k, 2.0 + 1e-4 * k) for k in range(8)]
    offsets += [ClockOffset("g", 95 + 3 * k, 2.0 - 1e-4 * k) for k in range(8)]
    whole = run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0), offsets)
    cuts = [data.draw(st.lists(st.integers(0, len(part[0])), max_size=60)) for part in (eeg, gaze)]
    assert len(whole) > 20
    assert_same(run(pipeline(), eeg, gaze, *cuts, rng, offsets), whole)


@pytest.mark.parametrize(
    ("frame_s", "length_s", "memory_s", "gaze_hz"),
    [
        (0.25, 0.25, 60.0, 60.0),
        (0.5, 1.0, 60.0, 90.0),
        (1.0, 2.0, 5.0, 10.0),
        (1.0, 8.0, 2.0, 500.0),
    ],
)
def test_pieces_of_any_length_give_the_same_windows_whatever_the_settings_are(frame_s, length_s, memory_s, gaze_hz):
    """A replay takes many seconds at once, and what a session of short windows remembers is short."""
    usual = PipelineSettings()
    window = WindowSpec(length_s=length_s, hop_s=0.25, frame_s=frame_s)
    memory = dataclasses.replace(usual.gaze, statistics_s=memory_s, pupil_buffer_s=min(memory_s, 20.0))
    made = dataclasses.replace(usual, window=window, gaze=memory)
    rng = np.random.default_rng(0)
    eeg, gaze = spoilt(*eeg_samples(24), rng), spoilt(*gaze_samples(24, hz=gaze_hz), rng)

    def fresh():
        one = Pipeline(made)
        one.add_stream(eeg_info(), eeg_channel_map())
        one.add_stream(dataclasses.replace(gaze_info(), nominal_rate_hz=gaze_hz), gaze_channel_map())
        return one

    whole = run(fresh(), eeg, gaze, [], [], np.random.default_rng(0))
    cuts = [rng.integers(0, len(part[0]), 200).tolist() for part in (eeg, gaze)]
    assert len(whole) > 60
    assert_same(run(fresh(), eeg, gaze, *cuts, rng), whole)


def test_single_samples_and_empty_chunks_give_the_same():
    rng = np.random.default_rng(5)
    eeg, gaze = spoilt(*eeg_samples(9), rng), spoilt(*gaze_samples(9), rng)
    whole = run(pipeline(), eeg, gaze, [], [], rng)
    every = [sorted([*range(len(part[0])), *range(0, len(part[0]), 5)]) for part in (eeg, gaze)]
    assert_same(run(pipeline(), eeg, gaze, *every, rng), whole)


def test_one_stream_far_ahead_of_the_other_gives_the_same():
    eeg, gaze = eeg_samples(30), gaze_samples(30)
    whole = run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0))
    made = pipeline()
    windows = made.push(Chunk("g", *gaze))
    assert windows == []
    windows = made.push(Chunk("e", *eeg))
    assert_same(windows + made.flush(), whole)


def test_the_hop_does_not_change_a_window():
    eeg, gaze = eeg_samples(20), gaze_samples(20)
    coarse = run(pipeline(1.0), eeg, gaze, [], [], np.random.default_rng(0))
    fine = {w.end_s: w for w in run(pipeline(0.1), eeg, gaze, [], [], np.random.default_rng(0))}
    assert len(coarse) > 10
    assert_same([fine[w.end_s] for w in coarse], coarse)


def test_inputs_are_left_as_they_are():
    eeg, gaze = eeg_samples(8), gaze_samples(8)
    before = [array.copy() for array in (*eeg, *gaze)]
    run(pipeline(), eeg, gaze, [300], [100], np.random.default_rng(0))
    for array, copy in zip((*eeg, *gaze), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_window_knows_nothing_of_what_comes_after_its_end():
    eeg, gaze = eeg_samples(16), gaze_samples(16)
    whole = run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0))
    end_s = 110.0
    changed_eeg, changed_gaze = eeg[1].copy(), gaze[1].copy()
    changed_eeg[eeg[0] > end_s + 0.02] += 300  # the interpolation needs three samples behind a grid sample
    changed_gaze[gaze[0] > end_s] = 0.5
    changed = run(pipeline(), (eeg[0], changed_eeg), (gaze[0], changed_gaze), [], [], np.random.default_rng(0))
    upto = [w for w in whole if w.end_s <= end_s]
    assert len(upto) > 15
    assert_same([w for w in changed if w.end_s <= end_s], upto)
    later = [next(w for w in windows if w.end_s > end_s + 1) for windows in (changed, whole)]
    assert difference(*later)


def test_windows_end_on_the_absolute_grid_and_joining_late_converges():
    eeg, gaze = eeg_samples(60), gaze_samples(60)
    early = {w.end_s: w for w in run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0))}
    late_eeg = tuple(part[eeg[0] > 117.0] for part in eeg)
    late_gaze = tuple(part[gaze[0] > 117.0] for part in gaze)
    late = run(pipeline(), late_eeg, late_gaze, [], [], np.random.default_rng(0))
    assert all(w.end_s == round(w.end_s * 4) / 4 and w.end_s in early for w in late[:-2])
    off = [np.nanmax(np.abs(w.eeg_power - early[w.end_s].eeg_power)) for w in late[:-2]]
    assert max(off[-40:]) < 0.05  # in ln units; what is left is the jitter filter's own memory
    gazes = [np.array_equal(w.eye_valid, early[w.end_s].eye_valid) for w in late[:-2]]
    assert all(gazes[-8:])


@pytest.mark.parametrize("lost", [Modality.EEG, Modality.GAZE])
def test_a_lost_stream_masks_its_modality_and_the_windows_go_on(lost):
    eeg, gaze = eeg_samples(40), gaze_samples(40)
    kept = {Modality.EEG: eeg, Modality.GAZE: gaze}
    stamps, values = kept[lost]
    there = (stamps < 115) | (stamps > 127)
    kept[lost] = (stamps[there], values[there])
    windows = run(pipeline(), kept[Modality.EEG], kept[Modality.GAZE], [], [], np.random.default_rng(0))
    ends = np.array([w.end_s for w in windows])
    np.testing.assert_allclose(np.diff(ends), 0.25)
    coverage = np.array([w.eeg_coverage if lost == Modality.EEG else w.gaze_coverage for w in windows])
    other = np.array([w.gaze_coverage if lost == Modality.EEG else w.eeg_coverage for w in windows])
    assert coverage[(ends > 120) & (ends < 127)].max() == 0.0
    assert coverage[ends > 133].min() > 0.9
    assert np.median(other) > 0.9


def test_a_session_that_goes_on_without_a_stream_knows_afterwards_what_its_replay_knows():
    eeg, gaze = eeg_samples(40), gaze_samples(40)
    there = (gaze[0] < 115) | (gaze[0] > 127)
    gaze = (gaze[0][there], gaze[1][there])
    replayed = {w.end_s: w for w in run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0))}
    made, windows = pipeline(), []
    order = sorted([("e", s) for s in eeg[0][::32]] + [("g", s) for s in gaze[0][::12]], key=lambda pair: pair[1])
    for stream, stamp in order:
        stamps, values, size = (*eeg, 32) if stream == "e" else (*gaze, 12)
        first = int(np.searchsorted(stamps, stamp))
        if stream == "g" and stamp > 127 and Modality.GAZE not in made.expected:
            windows += made.expect(Modality.GAZE, True)
        windows += made.push(Chunk(stream, stamps[first : first + size], values[first : first + size]))
        if stream == "e" and 120 < stamp < 127:  # the watchdog has called the tracker lost
            windows += made.expect(Modality.GAZE, False)
    windows += made.flush()
    assert_same(windows, [replayed[w.end_s] for w in windows])
    assert len(windows) == len(replayed)


def test_a_provisional_window_leaves_the_pipeline_where_it_was():
    eeg, gaze = eeg_samples(20), gaze_samples(20)
    whole = run(pipeline(), eeg, gaze, [], [], np.random.default_rng(0))
    made = pipeline()
    some = eeg[0] < 112
    windows = made.push(Chunk("g", gaze[0][:900], gaze[1][:900]))
    windows += made.push(Chunk("e", eeg[0][some], eeg[1][some]))
    forced = made.peek(111.5)
    assert forced is not None
    assert forced.forced
    assert forced.eeg_coverage > 0.95
    assert forced.gaze_coverage < 0.35
    assert made.peek(111.6) is None
    windows += made.push(Chunk("g", gaze[0][900:], gaze[1][900:]))
    windows += made.push(Chunk("e", eeg[0][~some], eeg[1][~some]))
    assert_same(windows + made.flush(), whole)


def test_a_hole_of_days_costs_nothing_and_is_counted():
    eeg = eeg_samples(10)
    later = eeg_samples(10, start=500_000.0)
    made = pipeline(gaze=False)
    windows = made.push(Chunk("e", *eeg)) + made.push(Chunk("e", *later)) + made.flush()
    assert made.n_skipped > 0
    assert {int(w.end_s // 100_000) for w in windows} == {0, 5}
    assert len(windows) < 80


def test_only_eeg_or_only_gaze_gives_windows_too():
    eeg, gaze = eeg_samples(12), gaze_samples(12)
    only_eeg = pipeline(gaze=False)
    windows = only_eeg.push(Chunk("e", *eeg)) + only_eeg.flush()
    assert len(windows) > 25
    assert all(w.gaze_coverage == 0 and not w.eye_valid.any() for w in windows)
    only_gaze = pipeline(eeg=False)
    windows = only_gaze.push(Chunk("g", *gaze)) + only_gaze.flush()
    assert len(windows) > 25
    assert all(w.eeg.shape == (4, 0, 20) and w.channels == () for w in windows)
    assert windows[-1].eye_valid.sum() > 10


def test_chunks_of_streams_that_are_not_used_are_ignored():
    made = pipeline()
    assert made.push(Chunk("other", np.array([1.0]), np.array([["x"]], dtype=object))) == []
    assert made.flush() == []


REST = {"baseline_s": 10.0, "rest_min_s": 5.0, "ready_s": 2.0}


def resting(*, eeg=True, gaze=True):
    """A pipeline whose baselines are short."""
    settings_ = PipelineSettings().with_hop(0.25)
    made = Pipeline(dataclasses.replace(settings_, normaliser=dataclasses.replace(settings_.normaliser, **REST)))
    if eeg:
        made.add_stream(eeg_info(), eeg_channel_map())
    if gaze:
        made.add_stream(gaze_info(), gaze_channel_map())
    return made


@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_baseline_has_the_same_effect_however_chunks_are_cut_and_however_late_it_is_told(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    eeg, gaze = spoilt(*eeg_samples(32), rng), gaze_samples(32)
    known = resting()
    known.rest(106.0, 120.0)
    whole = run(known, eeg, gaze, [], [], np.random.default_rng(0))
    made, windows = resting(), []
    told_s = data.draw(st.floats(108.0, 121.9))
    step = data.draw(st.integers(5, 300))
    pieces = [("e", i) for i in range(0, len(eeg[0]), 2 * step)] + [("g", i) for i in range(0, len(gaze[0]), step)]
    order = sorted(pieces, key=lambda piece: {"e": eeg, "g": gaze}[piece[0]][0][piece[1]])
    told = late = False
    for stream, first in order:
        stamps, values = {"e": eeg, "g": gaze}[stream]
        size = 2 * step if stream == "e" else step
        if not told and stamps[min(first + size, len(stamps) - 1)] >= told_s:
            made.rest_begins(106.0)
            on_time = made.rest(106.0, 120.0)
            late = late or not on_time
            told = on_time or told_s > 119.0
        windows += made.push(Chunk(stream, stamps[first : first + size], values[first : first + size]))
    if late:  # so much was pushed at once that the time of the effect was over
        return
    assert_same([w for w in windows + made.flush() if w.end_s >= 122.0], [w for w in whole if w.end_s >= 122.0])


def test_a_baseline_changes_what_comes_after_its_effect_and_nothing_before():
    eeg, gaze = eeg_samples(40), gaze_samples(40)
    without = {w.end_s: w for w in run(resting(), eeg, gaze, [], [], np.random.default_rng(0))}
    made = resting()
    assert made.rest(110.0, 122.0)
    windows = run(made, eeg, gaze, [], [], np.random.default_rng(0))
    for window in windows:
        before = without[window.end_s]
        assert np.array_equal(window.eeg_power, before.eeg_power, equal_nan=True)
        assert np.array_equal(window.eeg, before.eeg) == (window.end_s < 124.0)
        assert window.settled == (before.settled and not 112.0 <= window.end_s < 124.0)
    later = [w for w in windows if w.end_s > 124.0]
    z = np.stack([w.eeg[-1] for w in later])
    assert abs(float(np.median(z))) < 0.3
    assert sum("in effect" in note for m in Modality if (b := made.branch(m)) for note in b.notes) == 2
    assert set(made.baselines()) == {Modality.EEG, Modality.GAZE}


def test_a_baseline_of_bad_signal_is_refused_and_what_was_before_stays():
    eeg, gaze = eeg_samples(40), gaze_samples(40)
    eeg[1][(eeg[0] > 109) & (eeg[0] < 123)] = 0.0
    made, plain = resting(), resting()
    made.rest(110.0, 122.0)
    windows = run(made, eeg, gaze, [], [], np.random.default_rng(0))
    expected = run(plain, eeg, gaze, [], [], np.random.default_rng(0))
    assert [w for w, e in zip(windows, expected, strict=True) if not np.array_equal(w.eeg, e.eeg)] == []
    assert [n for n in made.branch(Modality.EEG).notes if "refused: 0 s of usable data, 5 s are needed" in n]
    assert [n for n in made.branch(Modality.GAZE).notes if "in effect" in n]


def test_a_baseline_that_is_told_too_late_counts_from_then_on_and_is_counted():
    eeg, gaze = eeg_samples(40), gaze_samples(40)
    made = resting()
    some = eeg[0] < 128
    windows = made.push(Chunk("g", *gaze)) + made.push(Chunk("e", eeg[0][some], eeg[1][some]))
    assert not made.rest(110.0, 122.0)
    windows += made.push(Chunk("e", eeg[0][~some], eeg[1][~some])) + made.flush()
    assert [n for n in made.branch(Modality.EEG).notes if "too late" in n]
    on_time = resting()
    on_time.rest(110.0, 122.0)
    right = run(on_time, eeg, gaze, [], [], np.random.default_rng(0))
    same = [np.array_equal(w.eeg, r.eeg) for w, r in zip(windows, right, strict=True)]
    late = [s for w, s in zip(windows, same, strict=True) if 124 <= w.end_s < 127.5]
    assert not any(late)


def test_where_a_baseline_is_planned_nothing_is_settled_before_it():
    eeg, gaze = eeg_samples(40), gaze_samples(40)
    made = resting()
    made.plan_baseline()
    made.rest(110.0, 122.0)
    windows = run(made, eeg, gaze, [], [], np.random.default_rng(0))
    assert {w.settled for w in windows if w.end_s < 124.0} == {False}
    assert all(w.settled for w in windows if w.end_s >= 124.0)


def test_a_saved_baseline_holds_from_the_first_window():
    eeg, gaze = eeg_samples(40), gaze_samples(40)
    measured = resting()
    measured.rest(110.0, 122.0)
    run(measured, eeg, gaze, [], [], np.random.default_rng(0))
    again = Pipeline(measured.settings)
    again.plan_baseline()
    again.begin_with(measured.baselines())
    again.add_stream(eeg_info(), eeg_channel_map())
    again.add_stream(gaze_info(), gaze_channel_map())
    windows = run(again, eeg, gaze, [], [], np.random.default_rng(0))
    settled = [w for w in windows if w.settled]
    assert settled[0].end_s < 109.0
    z = np.stack([w.eeg[-1] for w in settled if 112.0 <= w.end_s <= 122.0])
    assert abs(float(np.median(z))) < 0.3


def test_a_saved_baseline_of_other_channels_is_refused():
    measured = resting(gaze=False)
    measured.rest(110.0, 122.0)
    run(measured, eeg_samples(30), gaze_samples(1), [], [], np.random.default_rng(0))
    saved = measured.baselines()
    other = Pipeline(measured.settings)
    other.begin_with(saved)
    labels = (*LABELS[:-1], "Pz")
    layout = EegChannelMap(tuple(range(8)), labels, place(labels).positions, np.ones(8))
    with pytest.raises(RtemoError, match="of other channels; it lacks Pz"):
        other.add_stream(eeg_info(), layout)


@pytest.mark.parametrize(("begin_s", "end_s"), [(100.0, 103.0), (100.0, 801.0), (100.0, float("nan"))])
def test_an_interval_that_is_no_baseline_is_refused(begin_s, end_s):
    with pytest.raises(RtemoError, match="a baseline lasts 5 to 600 s"):
        resting().rest(begin_s, end_s)
