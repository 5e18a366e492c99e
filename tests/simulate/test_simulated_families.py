"""The held-out family shares nothing with the default one that carries emotion, and is neither easier nor harder."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.simulate.affect import eye_effects, feel, reactions
from rtemo.simulate.eyes.eye_movements import look
from rtemo.simulate.families import FAMILIES, family
from rtemo.simulate.person import draw_person
from rtemo.simulate.plan import SimulationPlan, segments_for_duration

PEOPLE = range(24)
SPHERE = np.random.default_rng(0).standard_normal((400, 3))
SPHERE /= np.linalg.norm(SPHERE, axis=1, keepdims=True)
CORTEX = SPHERE[SPHERE[:, 2] > -0.42]


def plan(seed: int, name: str) -> SimulationPlan:
    return SimulationPlan(seed, 0, segments_for_duration(1, 300.0), family=name)


@pytest.fixture(scope="module")
def topographies() -> dict[str, np.ndarray]:
    """(4 emotions, 5 bands, places): the mean over people of one family."""
    return {name: np.mean([reactions(plan(s, name), CORTEX) for s in PEOPLE], axis=0) for name in FAMILIES}


@pytest.fixture(scope="module")
def eyes() -> dict[str, np.ndarray]:
    """(4 emotions, 4 effects): the mean over people of one family."""
    return {name: np.mean([eye_effects(plan(s, name)) for s in PEOPLE], axis=0) for name in FAMILIES}


def against_the_mean(effects: np.ndarray) -> np.ndarray:
    """What tells emotions apart: the effects without what all emotions share."""
    return effects - effects.mean(axis=0)


def test_no_emotion_shows_in_the_same_bands_at_the_same_places(topographies):
    default, held_out = topographies["default"], topographies["held-out"]
    for emotion in range(4):
        assert np.corrcoef(default[emotion].ravel(), held_out[emotion].ravel())[0, 1] < 0.1
    contrast = [against_the_mean(each).ravel() for each in (default, held_out)]
    assert abs(np.corrcoef(*contrast)[0, 1]) < 0.25


def test_emotions_are_as_strong_and_as_far_apart_in_both_families(topographies):
    def strength(effects: np.ndarray) -> float:
        return float(np.sqrt((against_the_mean(effects) ** 2).mean()))

    assert strength(topographies["held-out"]) == pytest.approx(strength(topographies["default"]), rel=0.1)


def test_eyes_say_other_things_about_emotions_just_as_loudly():
    tables = {name: np.array([_row(name, emotion) for emotion in believed.eye_effects]) for name, believed in known()}
    default, held_out = tables["default"], tables["held-out"]
    assert np.allclose(np.linalg.norm(default, axis=0), np.linalg.norm(held_out, axis=0), rtol=0.05)
    for effect in (1, 2, 3):  # fixations, saccades, blinks; pupils widen with arousal in every family
        assert np.corrcoef(against_the_mean(default)[:, effect], against_the_mean(held_out)[:, effect])[0, 1] < 0.0


def known():
    return FAMILIES.items()


def _row(name: str, emotion: str) -> tuple[float, ...]:
    effect = family(name).eye_effects[emotion]
    return effect.pupil_mm, effect.fixation_ln, effect.saccade_ln, effect.blink_ln


def test_what_people_show_is_what_their_family_believes(eyes):
    for name, seen in eyes.items():
        believed = np.array([_row(name, emotion) for emotion in family(name).eye_effects])
        assert np.corrcoef(seen.ravel(), believed.ravel())[0, 1] > 0.9


def test_people_of_the_held_out_family_move_their_eyes_by_another_law():
    seen = {}
    for name in FAMILIES:
        people = [draw_person(seed, 0, name).eyes for seed in PEOPLE]
        chosen = plan(3, name)
        train = look(chosen, draw_person(3, 0, name).eyes, feel(chosen))
        slope, base = np.polyfit(train.amplitude_deg, train.duration_s * people[3].speed, 1)
        assert (base, slope) == pytest.approx(family(name).ocular.main_sequence, rel=1e-3)
        fields = (
            "fixation_median_s",
            "saccade_median_deg",
            "blink_rate_min",
            "blink_median_s",
            "hippus_mm",
            "noise_deg",
        )
        seen[name] = np.median([[getattr(person, field) for field in fields] for person in people], axis=0)
    assert (np.abs(np.log(seen["held-out"] / seen["default"])) > 0.15).all()


def test_people_of_the_default_family_stay_who_they_were():
    """Models and scores are published for them: a new family must not move a single draw."""
    person = draw_person(3, 1)
    assert (person.eyes.fixation_median_s, person.eyes.saccade_median_deg, person.eyes.blink_rate_min) == pytest.approx(
        (0.22162497340527967, 3.4055108201056026, 13.447803098849322), rel=1e-9
    )
    assert (person.brain.blink_uv, person.brain.muscle_uv, person.brain.knee_hz) == pytest.approx(
        (157.7029745944437, 0.8032719156635377, 0.0), rel=1e-9
    )
    chosen = plan(3, "default")
    assert np.abs(reactions(chosen, CORTEX[:5])).sum() == pytest.approx(6.556002140045166, rel=1e-5)
    assert np.abs(eye_effects(chosen)).sum() == pytest.approx(1.7457120418548584, rel=1e-5)


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(RtemoError, match="default, shifted, held-out"):
        family("martian")


def test_the_shifted_family_says_the_same_of_emotions_a_little_elsewhere_in_another_head(topographies):
    default, shifted = topographies["default"].ravel(), topographies["shifted"].ravel()
    assert 0.85 < np.corrcoef(default, shifted)[0, 1] < 0.97
    assert family("shifted").eye_effects == family("default").eye_effects
    assert family("shifted").head == family("held-out").head != family("default").head
