from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch

from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.affect import Course, feel, reactions
from rtemo.simulate.eeg.anatomy import atlas, head
from rtemo.simulate.eeg.brain import Brain, background, band_windows
from rtemo.simulate.eeg.scalp_eeg import ScalpEeg
from rtemo.simulate.eyes.eye_movements import look
from rtemo.simulate.noise import OverlapAdd, bins_hz, draw, to_time
from rtemo.simulate.person import draw_person
from rtemo.simulate.plan import Options, SimulationPlan, segments_for_duration
from rtemo.simulate.seeds import generator

SECONDS = 40
SPHERE = np.random.default_rng(0).standard_normal((200, 3))
SPHERE /= np.linalg.norm(SPHERE, axis=1, keepdims=True)


def plan(seed=3, rate=250, family="default", **options) -> SimulationPlan:
    return SimulationPlan(
        seed, 0, segments_for_duration(1, 120.0), eeg_rate_hz=rate, family=family, options=Options(**options)
    )


def feeling(emotion: str | None) -> Course:
    """A course that feels one emotion fully all the time, or nothing."""
    times = np.arange(0.0, 121.0)
    intensity = np.zeros((len(times), 4), dtype=np.float32)
    if emotion:
        intensity[:, EMOTIONS.index(emotion)] = 1.0
    return Course(times, intensity, ())


def cortex(chosen: SimulationPlan, course: Course, vigilance: float = 0.0) -> tuple[np.ndarray, list[str], float]:
    """(samples of a minute, labels, alpha peak) of the cortex alone, without slow changes of vigilance."""
    person = draw_person(chosen.person_seed, chosen.session_seed, chosen.family)
    traits = replace(person.brain, vigilance_sd=vigilance)
    brain = Brain(chosen, head(chosen.family, chosen.montage.electrodes), traits, course)
    samples = np.concatenate([brain.second(second) for second in range(SECONDS)])
    return samples, [label.upper() for label in chosen.montage.labels], traits


def band_power(samples, rate, low, high):
    frequencies, power = welch(samples, rate, nperseg=2 * rate, axis=0)
    return power[(frequencies >= low) & (frequencies < high)].mean(axis=0)


def test_white_frames_give_white_noise_of_the_density_that_was_asked_for():
    rate, density = 250, 0.5
    bins = bins_hz(100.0, rate)
    noise = OverlapAdd(rate, lambda number: to_time(density * draw(generator(1, number), len(bins), 8), rate))
    samples = np.concatenate([noise.second(second) for second in range(120)])
    frequencies, power = welch(samples, rate, nperseg=rate, axis=0)
    inside = (frequencies > 3) & (frequencies < 97)
    assert np.allclose(power[inside].mean(axis=0), density**2, rtol=0.06)
    assert power[frequencies > 104].max() < 1e-3 * density**2


def test_any_second_comes_out_the_same_in_any_order():
    chosen = plan()
    whole = cortex(chosen, feeling("happy"))[0]
    person = draw_person(3, 0)
    brain = Brain(
        chosen, head("default", chosen.montage.electrodes), replace(person.brain, vigilance_sd=0.0), feeling("happy")
    )
    for second in (31, 7, 8, 30):
        assert np.array_equal(brain.second(second), whole[second * 250 : (second + 1) * 250])


def test_another_rate_samples_the_same_brain():
    slow, fast = cortex(plan(rate=200), feeling(None))[0], cortex(plan(rate=1000), feeling(None))[0]
    assert np.abs(fast[::5] - slow).max() < 1e-3 * np.abs(slow).max()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_background_falls_with_the_persons_exponent(seed):
    chosen = plan(seed)
    person = draw_person(seed, 0)
    still = replace(person.brain, vigilance_sd=0.0, rhythm_gain_ln=(-20.0,) * len(person.brain.rhythm_gain_ln))
    brain = Brain(chosen, head("default", chosen.montage.electrodes), still, feeling(None))
    samples = np.concatenate([brain.second(second) for second in range(SECONDS)])
    frequencies, power = welch(samples, 250, nperseg=500, axis=0)
    band = (frequencies >= 2) & (frequencies <= 40)
    slope = np.polyfit(np.log(frequencies[band]), np.log(power[band].mean(axis=1)), 1)[0]
    assert slope == pytest.approx(-person.brain.exponent, abs=0.12)


def test_the_held_out_law_bends_where_the_default_one_is_straight():
    def low_slope(family):
        samples = cortex(plan(family=family), feeling(None))[0]
        return np.log(band_power(samples, 250, 1, 2) / band_power(samples, 250, 3, 5)).mean()

    assert low_slope("held-out") < 0.6 * low_slope("default")


def test_the_held_out_family_has_another_lead_field_other_topographies_and_another_spectral_law():
    """A model that is tested on it is not tested on its own simulator: none of the three can be carried over."""
    names = plan().montage.electrodes
    seen = {}
    for family in ("default", "held-out"):
        chosen, stored = plan(family=family), atlas(family)
        gain = stored.gain[[stored.rows[name.lower()] for name in names]]
        changes = reactions(chosen, SPHERE)
        traits = draw_person(3, 0, family).brain
        density = background(traits, head(family, names), bins_hz(40.0, 250), (3, 0, "brain")).mean(axis=1)
        seen[family] = (np.linalg.svd(gain, compute_uv=False), changes.ravel(), np.log(density / density.mean()))
    (default_gain, default_change, default_law), (gain, change, law) = seen["default"], seen["held-out"]
    # a blurrier head: of what dipoles show, less lies in the finer components
    assert (gain / gain[0])[40] < 0.85 * (default_gain / default_gain[0])[40]
    assert np.corrcoef(change, default_change)[0, 1] < 0.2  # more in test_simulated_families
    assert np.abs(law - default_law).max() > 0.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_alpha_peaks_at_the_persons_frequency_over_the_back_of_the_head(seed):
    samples, labels, traits = cortex(plan(seed), feeling(None))
    frequencies, power = welch(samples, 250, nperseg=1000, axis=0)
    flat = power * (frequencies[:, None] + 0.1) ** traits.exponent
    band = (frequencies >= 7) & (frequencies <= 14)
    peak = frequencies[band][np.argmax(flat[band][:, [labels.index("OZ"), labels.index("POZ")]].mean(axis=1))]
    assert peak == pytest.approx(np.mean(traits.rhythm_hz[:3]), abs=1.0)
    alpha = band_power(samples, 250, 8, 13)
    assert alpha[[labels.index(name) for name in ("O1", "OZ", "O2")]].mean() > 2 * alpha[labels.index("FZ")]


def test_amplitudes_are_those_of_a_scalp():
    for seed in range(5):
        samples, _, _ = cortex(plan(seed), feeling(None), vigilance=0.2)
        rms = np.sqrt(band_power(samples, 250, 1, 45) * 44)
        assert 3.0 < np.median(rms) < 20.0
        assert rms.max() < 50.0


@pytest.mark.parametrize(
    ("emotion", "band", "strongest", "elsewhere"),
    [
        ("happy", (30, 46), ("T7", "T8", "FT7", "FT8"), ("OZ", "CZ", "FZ")),
        ("neutral", (8, 13), ("PZ", "POZ", "PO3"), ("FPZ", "T7", "T8")),
        ("sad", (1, 4), ("PZ", "POZ", "PO3"), ("FPZ", "T7", "T8")),
        ("fear", (30, 46), ("FPZ", "AF3", "AF4", "FZ"), ("OZ", "CZ", "PZ")),
    ],
)
def test_emotions_change_power_where_the_literature_says(emotion, band, strongest, elsewhere):
    changes = []
    for seed in range(4):
        felt, labels, _ = cortex(plan(seed), feeling(emotion))
        calm = cortex(plan(seed), feeling(None))[0]
        changes.append(np.log(band_power(felt, 250, *band) / band_power(calm, 250, *band)))
    change = np.mean(changes, axis=0)
    there = np.mean([change[labels.index(name)] for name in strongest])
    assert there > 0.2
    assert there > np.mean([change[labels.index(name)] for name in elsewhere]) + 0.1


def test_fear_takes_alpha_away():
    felt, labels, _ = cortex(plan(2), feeling("fear"))
    calm = cortex(plan(2), feeling(None))[0]
    back = [labels.index(name) for name in ("PZ", "POZ", "OZ")]
    assert band_power(felt, 250, 8, 13)[back].mean() < 0.85 * band_power(calm, 250, 8, 13)[back].mean()


def test_without_effect_what_is_felt_changes_not_one_bit():
    assert np.array_equal(cortex(plan(effect=0.0), feeling("fear"))[0], cortex(plan(effect=0.0), feeling(None))[0])


def test_band_windows_share_every_frequency_out():
    windows = band_windows(bins_hz(78.0, 250))
    assert np.allclose(windows.sum(axis=1), 1.0, atol=1e-6)
    assert windows.min() >= -1e-6


def scalp(chosen: SimulationPlan) -> tuple[ScalpEeg, list[str], object]:
    person, course = draw_person(chosen.person_seed, 0), feel(chosen)
    train = look(chosen, person.eyes, course)
    seen = head("default", chosen.montage.electrodes)
    return ScalpEeg(chosen, seen, person.brain, course, train), list(chosen.montage.labels), train


def ocular(**options) -> tuple[np.ndarray, list[str], object]:
    """A minute of eye artefacts alone: with leak minus without leak."""
    with_leak, labels, train = scalp(plan(rate=500, **options))
    without, _, _ = scalp(plan(rate=500, ocular_leak=False, **options))
    return np.concatenate([with_leak.second(s) - without.second(s) for s in range(SECONDS)]), labels, train


def test_blinks_are_largest_at_the_forehead_and_positive():
    samples, labels, train = ocular()
    wave = train.blink_wave(np.arange(len(samples)) / 500)
    closed = wave > 0.9
    position = train.position(np.arange(len(samples)) / 500)
    design = np.column_stack([wave, position, np.ones(len(wave))])
    blink = np.linalg.lstsq(design, samples, rcond=None)[0][0]
    assert closed.any()
    assert {labels[i] for i in np.argsort(-np.abs(blink))[:2]} == {"FP1", "FP2"}
    assert 80 < blink[labels.index("FP1")] < 450
    assert 0.03 < blink[labels.index("CZ")] / blink[labels.index("FP1")] < 0.2
    assert abs(blink[labels.index("OZ")]) < 0.12 * blink[labels.index("FP1")]


def test_looking_to_the_right_is_positive_on_the_right_and_negative_on_the_left():
    samples, labels, train = ocular()
    times = np.arange(len(samples)) / 500
    position = train.position(times)
    design = np.column_stack([position, train.blink_wave(times), np.ones(len(samples))])
    right, up = np.linalg.lstsq(design, samples, rcond=None)[0][:2]
    assert right[labels.index("F8")] > 3
    assert right[labels.index("F7")] < -3
    assert {labels[i] for i in np.argsort(-np.abs(right))[:2]} == {"F7", "F8"}
    assert abs(right[labels.index("CZ")]) < 0.3
    assert {labels[i] for i in np.argsort(-up)[:2]} == {"FP1", "FP2"}


def test_without_leak_the_eyes_leave_no_trace():
    chosen = plan(rate=500, ocular_leak=False)
    quiet, _, _ = scalp(chosen)
    fewer_blinks, _, _ = scalp(chosen)
    fewer_blinks._train = replace(fewer_blinks._train, blink_depth=0 * fewer_blinks._train.blink_depth)
    assert np.array_equal(quiet.second(5), fewer_blinks.second(5))


def test_smiles_show_at_the_temples_only_when_the_trap_is_set():
    def temporal_emg(trap: bool, emotion: str) -> float:
        from rtemo.simulate.eeg.muscles import Muscles

        chosen = plan(rate=500, muscle_confound=trap, effect=0.0)
        person = draw_person(3, 0)
        muscles = Muscles(chosen, head("default", ("T7", "T8", "CZ")), person.brain, feeling(emotion))
        return float(np.concatenate([muscles.second(s) for s in range(20)])[:, :2].std())

    assert temporal_emg(True, "happy") > 2 * temporal_emg(True, "neutral")
    assert temporal_emg(False, "happy") == temporal_emg(False, "neutral")


def test_a_reaction_changes_log_power_by_its_size():
    chosen = plan()
    traits = replace(draw_person(3, 0).brain, vigilance_sd=0.0)
    brains = [
        Brain(chosen, head("default", chosen.montage.electrodes), traits, feeling(felt)) for felt in ("sad", None)
    ]
    for brain in brains:
        brain._reactions = np.full_like(brain._reactions, 0.7)
    felt, calm = (np.concatenate([brain.second(second) for second in range(8)]) for brain in brains)
    assert np.allclose(felt, np.exp(0.35) * calm, rtol=1e-3, atol=1e-3)
