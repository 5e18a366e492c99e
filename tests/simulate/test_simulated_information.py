"""What a classifier can learn from simulated people: nothing at effect 0, something at effect 1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import welch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from rtemo.recordings.markers import EMOTIONS
from rtemo.simulate.caps import montage
from rtemo.simulate.plan import Options, PlannedClip, SimulationPlan, segments_for_clips
from rtemo.simulate.seeds import generator
from rtemo.simulate.session import SimulatedSession

RATE, PEOPLE, BLOCKS, CLIP_S = 128, 8, 4, 12.0
BANDS_HZ = ((1, 4), (4, 8), (8, 13), (13, 30), (30, 48))


def study(person: int, options: Options) -> SimulationPlan:
    """Everybody sees the same clips in the same order, as in SEED-IV: the design in which a clip's look leaks most."""
    rng = generator(1, "test order")
    order = [str(emotion) for _ in range(BLOCKS) for emotion in rng.permutation(EMOTIONS)]
    clips = [PlannedClip(number, emotion, CLIP_S) for number, emotion in enumerate(order)]
    segments = segments_for_clips(clips, baseline_s=10.0, rest_s=2.0)
    return SimulationPlan(person, 0, segments, 3, montage("standard_1020"), RATE, 60.0, options)


def features(eeg: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    frequencies, power = welch(eeg - eeg.mean(axis=1, keepdims=True), RATE, nperseg=RATE, axis=0)
    bands = [np.log(power[(frequencies >= low) & (frequencies < high)].mean(axis=0)) for low, high in BANDS_HZ]
    step = np.abs(np.diff(gaze[:, 0]))
    eyes = [np.nanmean(gaze[:, [2, 5]]), np.nanstd(gaze[:, 2]), np.nanmean(step > 0.02), np.isnan(gaze[:, 0]).mean()]
    return np.concatenate([*bands, eyes])


def whole(plan: SimulationPlan) -> tuple[np.ndarray, np.ndarray]:
    session = SimulatedSession(plan)
    return session.eeg(0.0, plan.duration_s), session.gaze(0.0, plan.duration_s)[1]


def table(options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Features (people, clips, n), scaled within each person, and labels (clips,)."""
    people = []
    for person in range(PEOPLE):
        session = SimulatedSession(study(person, options))
        spans = [(clip.start_s, clip.stop_s) for clip in session.plan.clips]
        rows = np.array([features(session.eeg(*span), session.gaze(*span)[1]) for span in spans])
        people.append((rows - rows.mean(axis=0)) / rows.std(axis=0))
    labels = np.array([EMOTIONS.index(clip.emotion) for clip in study(0, options).clips])
    return np.array(people), labels


def accuracy_on_new_people(rows: np.ndarray, labels: np.ndarray) -> float:
    right = []
    for person in range(PEOPLE):
        others = [other for other in range(PEOPLE) if other != person]
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.5)
        model.fit(rows[others].reshape(-1, rows.shape[-1]), np.tile(labels, len(others)))
        right.append(model.predict(rows[person]) == labels)
    return float(np.mean(right))


N_TRIALS = PEOPLE * BLOCKS * len(EMOTIONS)
CHANCE_95 = 1.96 * np.sqrt(0.25 * 0.75 / N_TRIALS)


def test_without_effect_new_people_are_classified_at_chance():
    assert accuracy_on_new_people(*table(Options(effect=0.0))) == pytest.approx(0.25, abs=CHANCE_95)


def test_with_effect_new_people_are_classified_above_chance_from_either_modality():
    rows, labels = table(Options(effect=1.0, shared_stimulus=False))
    assert accuracy_on_new_people(rows[..., :-4], labels) > 0.25 + 2 * CHANCE_95
    assert accuracy_on_new_people(rows[..., -4:], labels) > 0.25 + CHANCE_95


@pytest.mark.parametrize("trap", ["muscle_confound", "luminance_confound"])
def test_a_trap_alone_can_be_learnt_and_is_nothing_but_the_trap(trap):
    assert accuracy_on_new_people(*table(Options(effect=0.0, **{trap: True}))) > 0.25 + 2 * CHANCE_95


def test_without_effect_samples_do_not_change_by_one_bit_when_emotions_change():
    plan = study(1, Options(effect=0.0))
    turned = {emotion: EMOTIONS[(index + 1) % 4] for index, emotion in enumerate(EMOTIONS)}
    segments = tuple(replace(s, emotion=turned[s.emotion]) if s.emotion else s for s in plan.segments)
    for one, other in zip(whole(plan), whole(replace(plan, segments=segments)), strict=True):
        assert one.tobytes() == other.tobytes()


def test_without_effect_nothing_is_common_to_a_clip_but_its_times():
    """A course that people share would tell the clip, and so its label, to whoever has seen other people watch it."""
    first, second = (whole(study(person, Options(effect=0.0)))[1] for person in (1, 2))
    both = ~np.isnan(first[:, 2]) & ~np.isnan(second[:, 2])
    within = np.arange(len(first)) % 60 > 30
    assert abs(np.corrcoef(first[both & within, 2], second[both & within, 2])[0, 1]) < 0.35
