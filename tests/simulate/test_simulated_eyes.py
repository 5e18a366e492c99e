from __future__ import annotations

import numpy as np
import pytest

from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.affect import Course, eye_effects, feel
from rtemo.simulate.eyes.eye_movements import EyeTrain, look
from rtemo.simulate.eyes.gaze import DISTANCE_MM, SCREEN_MM, SimulatedTracker, on_screen
from rtemo.simulate.eyes.pupil import GRID_HZ, luminance, pupil_course, respond_to_light, steady_state
from rtemo.simulate.person import EyeTraits, draw_person
from rtemo.simulate.plan import Options, SimulationPlan, segments_for_duration


def plan(seed=3, **options) -> SimulationPlan:
    return SimulationPlan(seed, 0, segments_for_duration(1, 600.0), options=Options(**options))


def feeling(emotion: str | None) -> Course:
    times = np.arange(0.0, 601.0)
    intensity = np.zeros((len(times), 4), dtype=np.float32)
    if emotion:
        intensity[:, EMOTIONS.index(emotion)] = 1.0
    return Course(times, intensity, ())


def eyes(seed=3) -> EyeTraits:
    return draw_person(seed, 0).eyes


@pytest.fixture(scope="module")
def train() -> EyeTrain:
    return look(plan(), eyes(), feel(plan()))


def test_saccades_and_fixations_alternate_and_fill_the_session(train):
    ends = train.onset_s + train.duration_s
    assert (train.onset_s[1:] > ends[:-1]).all()
    assert train.onset_s[-1] >= 600.0 > train.onset_s[-2]
    assert np.array_equal(train.start_deg[1:], train.stop_deg[:-1])
    assert 1.5 < len(train.onset_s) / 600 < 5.0


def test_fixations_last_as_long_as_the_person_fixates(train):
    fixations = train.onset_s[1:] - (train.onset_s + train.duration_s)[:-1]
    assert np.median(fixations) == pytest.approx(eyes().fixation_median_s, rel=0.1)


def peak_velocity_deg_s(train):
    return 1.5 * train.amplitude_deg / train.duration_s  # of the course 3 x^2 - 2 x^3


def test_saccades_lie_on_the_main_sequence(train):
    amplitude, speed = train.amplitude_deg, eyes().speed
    assert np.allclose(train.duration_s, (0.021 + 0.0022 * amplitude) / speed, rtol=1e-5)
    for deg, deg_s in ((2.0, 115.0), (5.0, 235.0), (10.0, 350.0), (20.0, 460.0)):
        assert np.interp(deg, np.sort(amplitude), np.sort(peak_velocity_deg_s(train))) == pytest.approx(deg_s, rel=0.15)


def test_peak_velocity_is_what_the_gaze_really_does(train):
    largest = int(np.argmax(train.amplitude_deg))
    times = train.onset_s[largest] + np.arange(-0.01, train.duration_s[largest] + 0.01, 1e-4)
    velocity = np.linalg.norm(np.diff(train.position(times), axis=0), axis=1) / 1e-4
    assert velocity.max() == pytest.approx(peak_velocity_deg_s(train)[largest], rel=0.02)


def test_gaze_stays_near_the_screen(train):
    reach = np.degrees(np.arctan(np.array(SCREEN_MM) / 2 / DISTANCE_MM))
    assert (np.abs(train.stop_deg) <= reach + 1.0).all()


def test_blinks_come_as_often_and_last_as_long_as_in_people(train):
    length = train.blink_end_s - train.blink_onset_s
    assert len(length) / 10 == pytest.approx(eyes().blink_rate_min, rel=0.35)
    assert (length >= 0.08).all()
    assert (length <= 0.4).all()
    assert (train.blink_onset_s[1:] > train.blink_end_s[:-1] + 0.2).all()


def test_the_lid_is_half_closed_where_a_blink_begins_and_ends(train):
    assert np.allclose(train.lid(train.blink_onset_s[3:4]), 0.5, atol=0.02)
    assert np.allclose(train.lid(train.blink_end_s[3:4]), 0.5, atol=0.02)
    middle = (train.blink_onset_s + train.blink_end_s)[3:4] / 2
    assert train.lid(middle)[0] > 0.8
    assert train.hidden(middle).all()


def test_fear_shortens_fixations_and_spares_blinks():
    calm, afraid = look(plan(), eyes(), feeling(None)), look(plan(), eyes(), feeling("fear"))
    effect = eye_effects(plan())[EMOTIONS.index("fear")]
    ratio = np.diff(calm.onset_s).mean() / np.diff(afraid.onset_s).mean()
    assert ratio == pytest.approx(np.exp(-effect[1]), rel=0.12)
    assert len(afraid.blink_onset_s) / len(calm.blink_onset_s) == pytest.approx(np.exp(effect[3]), rel=0.25)


def test_on_average_fear_widens_pupils_and_shortens_fixations():
    effects = np.mean([eye_effects(plan(seed)) for seed in range(60)], axis=0)[EMOTIONS.index("fear")]
    assert effects[0] > 0.2
    assert effects[1] < -0.1
    assert effects[3] < -0.2


def tracker(chosen: SimulationPlan) -> tuple[SimulatedTracker, EyeTrain]:
    course = feel(chosen)
    found = look(chosen, eyes(chosen.person_seed), course)
    return SimulatedTracker(chosen, eyes(chosen.person_seed), course, found), found


def record(chosen: SimulationPlan, rate: float, seconds: int) -> tuple[np.ndarray, np.ndarray, EyeTrain]:
    device, found = tracker(chosen)
    parts = [device.second(second, rate) for second in range(seconds)]
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]), found


def test_samples_lie_where_the_eyes_point():
    times, values, found = record(plan(), 250.0, 60)
    open_eyed = found.lid(times) == 0
    expected = on_screen(found.position(times))
    for columns in ([0, 1], [3, 4]):
        error = (values[:, columns] - expected)[open_eyed] * np.array(SCREEN_MM)
        error_deg = np.degrees(np.nanmedian(np.linalg.norm(error, axis=1)) / DISTANCE_MM)
        assert 0.05 < error_deg < 1.5


def test_looking_up_is_a_smaller_y_and_looking_right_a_larger_x():
    up, right = on_screen(np.array([[0.0, 5.0], [5.0, 0.0]]))
    assert up[1] < 0.5 == pytest.approx(up[0])
    assert right[0] > 0.5 == pytest.approx(right[1])


def test_blinks_hide_the_eyes_for_exactly_their_time_and_disturb_their_edges():
    times, values, found = record(plan(), 500.0, 120)
    hidden = found.hidden(times)
    assert np.isnan(values[hidden]).all()
    assert np.isnan(values[~hidden]).mean() < 0.03
    edge = (found.lid(times) > 0.2) & ~hidden
    quiet = found.lid(times) == 0
    assert np.nanmean(values[edge, 2]) < np.nanmean(values[quiet, 2]) - 0.1
    lower = values[:, 1] - on_screen(found.position(times))[:, 1]
    assert np.nanmean(lower[edge]) > np.nanmean(lower[quiet]) + 0.01


@pytest.mark.parametrize("rate", [30.0, 66.67, 120.0, 500.0])
def test_samples_come_regularly_at_any_rate(rate):
    times, values, _ = record(plan(), rate, 20)
    assert np.allclose(np.diff(times), 1 / rate)
    assert len(times) == pytest.approx(20 * rate, abs=1)
    assert values.shape == (len(times), 6)


def test_the_pupil_narrows_after_light_comes_on_and_not_before():
    light = np.full(20 * GRID_HZ, 1.0)
    light[5 * GRID_HZ :] = 2.0
    diameter = respond_to_light(light)
    onset = 5 * GRID_HZ
    assert np.allclose(diameter[: onset + int(0.2 * GRID_HZ)], steady_state(np.array([1.0])), atol=1e-6)
    lowest = int(np.argmin(diameter)) - onset
    assert 0.4 < lowest / GRID_HZ < 1.6
    assert diameter[-1] == pytest.approx(float(steady_state(np.array([2.0]))[0]), abs=0.01)
    assert diameter.min() < diameter[-1] - 0.05


def test_it_widens_in_the_dark_more_slowly_than_it_narrows():
    def time_to_half(first: float, last: float) -> float:
        light = np.full(20 * GRID_HZ, first)
        light[5 * GRID_HZ :] = last
        course = respond_to_light(light)
        done = (course - course[0]) / (course[-1] - course[0])
        return float(np.argmax(done > 0.5)) / GRID_HZ - 5

    assert time_to_half(2.0, 1.0) > time_to_half(1.0, 2.0)


def test_diameters_are_those_of_people():
    for seed in range(8):
        _, diameter = pupil_course(plan(seed), eyes(seed), feel(plan(seed)))
        assert diameter.min() >= 1.5
        assert 2.0 < np.median(diameter) < 6.0
        assert 0.05 < diameter.std() < 1.0


def test_arousal_widens_the_pupil_by_what_the_person_shows():
    _, calm = pupil_course(plan(), eyes(), feeling(None))
    _, afraid = pupil_course(plan(), eyes(), feeling("fear"))
    shift = eye_effects(plan())[EMOTIONS.index("fear"), 0]
    assert (afraid - calm)[10 * GRID_HZ :].mean() == pytest.approx(shift, abs=0.02)


TIMES = np.arange(0.0, 600.0, 0.02)


def test_a_film_has_the_same_luminance_for_everybody_in_a_study():
    assert np.array_equal(luminance(plan(1), TIMES), luminance(plan(2), TIMES))
    assert not np.array_equal(
        luminance(plan(1, shared_stimulus=False), TIMES), luminance(plan(2, shared_stimulus=False), TIMES)
    )


def test_at_no_effect_every_person_sees_another_course():
    assert not np.array_equal(luminance(plan(1, effect=0.0), TIMES), luminance(plan(2, effect=0.0), TIMES))


def test_luminance_follows_emotion_only_in_the_trap():
    def mean_by_emotion(trap: bool) -> dict[str, float]:
        found: dict[str, list[float]] = {emotion: [] for emotion in EMOTIONS}
        for seed in range(40):
            chosen = plan(seed, shared_stimulus=False, luminance_confound=trap)
            course = luminance(chosen, TIMES)
            for clip in chosen.clips:
                found[clip.emotion].append(float(course[(clip.start_s <= TIMES) & (clip.stop_s > TIMES)].mean()))
        return {emotion: float(np.mean(values)) for emotion, values in found.items()}

    honest, trapped = mean_by_emotion(False), mean_by_emotion(True)
    assert max(honest.values()) - min(honest.values()) < 0.1
    assert trapped["happy"] - trapped["fear"] > 0.7
