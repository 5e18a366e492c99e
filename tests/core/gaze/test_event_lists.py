"""Event lists without times, as SEED-IV ships them, give the features that gaze with the same events would give."""

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.gaze.event_lists import EyeEventLists, features_of_lists, time_line, until
from rtemo.core.gaze.features import EYE_FEATURES
from rtemo.core.gaze.settings import GazeSettings

NAMES = [feature.name for feature in EYE_FEATURES]
SETTINGS = GazeSettings()


def lists(n=200, seed=0, blinks=20, saccades=None):
    rng = np.random.default_rng(seed)
    m = n - 1 if saccades is None else saccades
    return EyeEventLists(
        fixation_ms=rng.gamma(4.0, 60.0, n) + 60,
        dispersion=rng.gamma(4.0, 3.0, (n, 2)),
        pupil=90 + rng.normal(0, 5, (n, 2)),
        saccade_ms=rng.gamma(9.0, 5.0, m),
        saccade_deg=rng.gamma(2.0, 3.0, m),
        blink_ms=rng.uniform(100, 300, blinks),
    )


def total_s(given):
    return float(given.fixation_ms.sum() + given.saccade_ms.sum() + given.blink_ms.sum()) / 1000


def values_at(given, duration_s, end_s, length_s=4.0):
    (found,) = features_of_lists(given, duration_s, [end_s], length_s, SETTINGS)
    return dict(zip(NAMES, found.values.tolist(), strict=True)), found


@pytest.mark.parametrize("spare", [1.0, 1.3])
def test_the_time_line_holds_every_event_once_in_order_and_without_overlap(spare):
    given = lists()
    record = time_line(given, spare * total_s(given), SETTINGS)
    np.testing.assert_allclose(record.fixations[:, 2], given.fixation_ms)
    np.testing.assert_allclose(record.fixations[:, 3:], given.dispersion)
    np.testing.assert_allclose(record.saccades[:, 2:], np.column_stack([given.saccade_ms, given.saccade_deg]))
    np.testing.assert_allclose(record.blinks[:, 2], given.blink_ms)
    spans = np.concatenate([t[:, :2] for t in (record.fixations, record.saccades, record.blinks)])
    spans = spans[np.argsort(spans[:, 0])]
    assert (spans[1:, 0] - spans[:-1, 1] > -1e-9).all()
    assert spans[0, 0] == 0.0
    assert spans[-1, 1] <= record.end_s + 1e-9
    waits = [
        start - record.fixations[record.fixations[:, 1] <= start + 1e-9, 1].max() for start in record.saccades[:, 0]
    ]
    np.testing.assert_allclose(waits, (spare - 1) * total_s(given) / 200, atol=0.6)  # a few wait for a second one
    assert np.median(waits) == pytest.approx((spare - 1) * total_s(given) / 200)
    for table in (record.fixations, record.saccades, record.blinks):
        np.testing.assert_allclose(1000 * (table[:, 1] - table[:, 0]), table[:, 2])


def test_events_that_take_longer_than_the_clip_keep_their_durations():
    given = lists()
    record = time_line(given, 0.8 * total_s(given), SETTINGS)
    assert max(t[-1, 1] for t in (record.fixations, record.saccades, record.blinks)) == pytest.approx(record.end_s)
    np.testing.assert_allclose(record.fixations[:, 2], given.fixation_ms)


def test_a_window_over_the_whole_clip_gives_the_lists_own_statistics():
    given = lists(n=100, blinks=8)
    duration_s = total_s(given) + 1.0
    assert duration_s < 60
    values, found = values_at(given, duration_s, duration_s, duration_s)
    assert found.valid.all()
    assert 0.9 < found.coverage <= 1.0
    assert values["fixation_duration_mean"] == pytest.approx(given.fixation_ms.mean(), rel=1e-5)
    assert values["fixation_duration_std"] == pytest.approx(given.fixation_ms.std(), rel=1e-5)
    assert values["dispersion_y_std"] == pytest.approx(given.dispersion[:, 1].std(), rel=1e-5)
    assert values["saccade_amplitude_std"] == pytest.approx(given.saccade_deg.std(), rel=1e-5)
    assert values["saccade_duration_average"] == pytest.approx(given.saccade_ms.mean(), rel=1e-5)
    assert values["blink_duration_mean"] == pytest.approx(given.blink_ms.mean(), rel=1e-5)
    assert values["blink_frequency"] == pytest.approx(8 / duration_s, rel=1e-5)
    assert values["fixation_dispersion_total"] == pytest.approx(60 * given.dispersion.sum() / duration_s, rel=1e-5)
    by_time = np.average(given.pupil, axis=0, weights=given.fixation_ms)
    assert values["pupil_left_mean"] == pytest.approx(by_time[0], abs=0.5)
    assert values["pupil_right_mean"] == pytest.approx(by_time[1], abs=0.5)


def test_a_window_does_not_know_what_comes_after_it():
    given = lists()
    duration_s = 1.05 * total_s(given)
    ends = np.arange(4.0, duration_s, 4.0)
    whole = features_of_lists(given, duration_s, ends, 4.0, SETTINGS)
    record = time_line(given, duration_s, SETTINGS)
    half = int(np.searchsorted(record.fixations[:, 0], duration_s / 2))
    changed = EyeEventLists(
        given.fixation_ms,
        np.where(np.arange(len(given.fixation_ms))[:, None] < half, given.dispersion, 99.0),
        np.where(np.arange(len(given.fixation_ms))[:, None] < half, given.pupil, 50.0),
        given.saccade_ms,
        np.where(np.arange(len(given.saccade_deg)) < half, given.saccade_deg, 40.0),
        given.blink_ms,
    )
    other = features_of_lists(changed, duration_s, ends, 4.0, SETTINGS)
    for end_s, a, b in zip(ends, whole, other, strict=True):
        same = a.values.tobytes() == b.values.tobytes()
        assert same == (end_s < record.fixations[half, 0] + SETTINGS.min_fixation_s), end_s


def test_a_record_is_cut_as_a_live_tracker_would_know_it():
    given = lists()
    record = time_line(given, total_s(given), SETTINGS)
    at = record.fixations[50, 0]
    early, late = (until(record, at + after_s, SETTINGS) for after_s in (0.02, 0.061))
    assert len(early.fixations) == 50  # too short so far
    assert late.fixations[-1, 1:3].tolist() == pytest.approx([at + 0.061, 61.0])
    for past in (early, late):
        assert past.saccades[-1, 1] <= past.end_s
        assert past.blinks[-1, 1] <= past.end_s
        assert len(past.pupils) == int(np.floor(past.end_s * 10)) - 2
    assert record.fixations[50, 2] == pytest.approx(given.fixation_ms[50])


def test_events_without_a_duration_are_left_out():
    given = lists(n=50)
    fixation_ms, blink_ms = given.fixation_ms.copy(), given.blink_ms.copy()
    fixation_ms[3], blink_ms[5] = np.nan, np.nan
    holed = EyeEventLists(fixation_ms, given.dispersion, given.pupil, given.saccade_ms, given.saccade_deg, blink_ms)
    record = time_line(holed, total_s(given), SETTINGS)
    assert len(record.fixations) == 49
    assert len(record.blinks) == 19
    assert np.isfinite(record.fixations).all()


@pytest.mark.parametrize("empty", ["fixation", "saccade", "blink", "all"])
def test_empty_lists_give_what_can_still_be_told(empty):
    full = lists(n=60)
    none = EyeEventLists(np.empty(0), np.empty((0, 2)), np.empty((0, 2)), np.empty(0), np.empty(0), np.empty(0))
    f, s, b = (none if empty in (kind, "all") else full for kind in ("fixation", "saccade", "blink"))
    given = EyeEventLists(f.fixation_ms, f.dispersion, f.pupil, s.saccade_ms, s.saccade_deg, b.blink_ms)
    values, found = values_at(given, 40.0, 20.0)
    if empty == "all":
        assert not found.valid.any()
        return
    assert values[f"{empty}_frequency"] == 0.0
    assert np.isnan(values[f"{empty}_duration_mean"])


def test_lists_that_do_not_fit_are_refused():
    given = lists(n=10)
    with pytest.raises(RtemoError, match="do not fit each other"):
        EyeEventLists(
            given.fixation_ms, given.dispersion[:5], given.pupil, given.saccade_ms, given.saccade_deg, given.blink_ms
        )
