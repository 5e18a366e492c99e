"""Families of simulated people: tables of what emotions, spectra and eyes are like in each.

A model is trained on one family and tested on another, so that it is not tested on its own simulator. `shifted` asks
whether a trained model still works: the same emotions in another head, with other spectra. `held-out` asks whether a
method works where the simulator believes something else, and is to be learned anew on its people: between it and
`default` nothing that carries emotion is shared but that pupils widen. Other bands at other places in the EEG, other
signs in fixations, saccades and blinks; sizes are the same (the tests hold it), so that neither is meant to be easier.
A model of one of the two can know nothing of the other. What is felt, when and how strongly people differ is the same
code in all (affect).

`default`. EEG after Zheng, Zhu and Lu 2016/2017 and Zheng and Lu 2015: positive: lateral temporal beta and gamma up;
neutral: parieto-occipital alpha up; negative: parieto-occipital delta and prefrontal gamma up. What distinguishes fear
from sadness is arousal (alpha down, eyes and pupils; EmotionMeter found the eyes better for fear) and is a judgement.
Spectrum: a straight 1/f**x and Gaussian peaks. Saccades: Carpenter 1988.

`shifted`. What `default` has of emotions and eyes, with smaller patches that are moved by 14 degrees about a fixed
axis and have other sizes; a knee in the spectrum and Lorentzian peaks; the lead field of `held-out`.

`held-out`. EEG: pleasant: frontal midline theta up (Sammler et al. 2007) and left anterior temporal theta up; negative:
right anterior temporal theta and left frontal alpha up (both Aftanas et al. 2001); unpleasant and arousing: posterior
gamma up (Frontiers in Human Neuroscience 2022, 868549). That sadness shows in the frontal alpha, fear in the gamma,
that joy takes central beta down, and that calm leaves central beta and frontal delta up, are judgements.
Spectrum: a knee and Lorentzian peaks. Eyes: gaze freezes in fear, wanders in sadness and in joy, joy and sadness hold
blinks back, pupils dilate most in joy: judgements. Fixations are longer and more regular, saccades smaller and slower
(37 ms + 2.7 ms a degree), blinks longer and more frequent, pupils more restless, and the tracker is worse: judgements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.spatial.transform import Rotation

from rtemo.core.errors import RtemoError
from rtemo.simulate.seeds import generator

Place = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A change of log power (natural log, at full intensity) in one band around some places of the cortex."""

    emotion: str
    band: str
    gain_ln: float
    places: tuple[Place, ...]
    width_deg: float


@dataclass(frozen=True, slots=True)
class EyeEffect:
    """At full intensity: pupil in mm, the others as changes of the natural logarithm."""

    pupil_mm: float
    fixation_ln: float
    saccade_ln: float
    blink_ln: float


@dataclass(frozen=True, slots=True)
class Ocular:
    """How eyes and their trackers are in a family. Pairs are (median or mean, spread) over people.

    The spread is that of the natural logarithm but for fixation_sigma and the two in uV per degree. main_sequence: a
    saccade's duration in s and in s per degree. calibration_deg: the spread of the offsets.
    """

    fixation_s: tuple[float, float] = (0.25, 0.15)
    fixation_sigma: tuple[float, float] = (0.45, 0.05)
    saccade_deg: tuple[float, float] = (3.8, 0.2)
    main_sequence: tuple[float, float] = (0.021, 0.0022)
    blinks_min: tuple[float, float] = (14.0, 0.35)
    blink_s: tuple[float, float] = (0.15, 0.15)
    hippus_mm: tuple[float, float] = (0.08, 0.25)
    light_gain: float = 1.0
    noise_deg: tuple[float, float] = (0.10, 0.3)
    calibration_deg: float = 0.35
    losses_min: tuple[float, float] = (1.0, 0.7)
    blink_uv: tuple[float, float] = (170.0, 0.3)
    horizontal_uv_deg: tuple[float, float] = (7.0, 1.2)
    vertical_uv_deg: tuple[float, float] = (6.0, 1.0)


@dataclass(frozen=True, slots=True)
class Family:
    """One simulator's beliefs.

    head: whose lead field in assets/leadfields. knee_hz: of the background's spectrum (median over people), 0 for a
    straight 1/f**x and Gaussian peaks; with a knee peaks are Lorentzian. asymmetry_ln: of frontal alpha with valence.
    """

    patterns: tuple[Pattern, ...]
    eye_effects: Mapping[str, EyeEffect]
    head: str
    ocular: Ocular = field(default_factory=Ocular)
    knee_hz: float = 0.0
    asymmetry_ln: float = 0.10


_POSTERIOR = ((0.0, -0.84, 0.54),)
_TEMPORAL = ((-0.98, 0.10, 0.10), (0.98, 0.10, 0.10))
_PREFRONTAL = ((0.0, 0.96, 0.25),)
_FRONTAL = ((0.0, 0.80, 0.60),)
_DEFAULT = Family(
    patterns=(
        Pattern("neutral", "alpha", 0.75, _POSTERIOR, 34.0),
        Pattern("sad", "delta", 0.75, _POSTERIOR, 34.0),
        Pattern("sad", "gamma", 0.45, _PREFRONTAL, 30.0),
        Pattern("sad", "theta", 0.35, _FRONTAL, 26.0),
        Pattern("fear", "delta", 0.45, _POSTERIOR, 34.0),
        Pattern("fear", "gamma", 0.85, _PREFRONTAL, 30.0),
        Pattern("fear", "alpha", -0.55, _POSTERIOR, 34.0),
        Pattern("happy", "beta", 0.65, _TEMPORAL, 28.0),
        Pattern("happy", "gamma", 0.90, _TEMPORAL, 28.0),
        Pattern("happy", "alpha", -0.20, _POSTERIOR, 34.0),
    ),
    eye_effects={
        "neutral": EyeEffect(0.0, 0.0, 0.0, 0.0),
        "sad": EyeEffect(0.08, 0.15, -0.15, 0.15),
        "fear": EyeEffect(0.30, -0.20, 0.12, -0.40),
        "happy": EyeEffect(0.20, -0.05, 0.08, 0.15),
    },
    head="default",
)

_MIDLINE = ((0.0, 0.62, 0.78),)
_LEFT_ANTERIOR_TEMPORAL, _RIGHT_ANTERIOR_TEMPORAL = ((-0.88, 0.44, 0.15),), ((0.88, 0.44, 0.15),)
_LEFT_FRONTAL = ((-0.50, 0.72, 0.48),)
_OCCIPITAL = ((-0.35, -0.90, 0.20), (0.35, -0.90, 0.20))
_CENTRAL = ((-0.62, 0.0, 0.78), (0.62, 0.0, 0.78))
_HELD_OUT = Family(
    patterns=(
        Pattern("neutral", "beta", 0.60, _CENTRAL, 26.0),
        Pattern("neutral", "delta", 0.50, _FRONTAL, 34.0),
        Pattern("sad", "alpha", 0.80, _LEFT_FRONTAL, 34.0),
        Pattern("sad", "theta", 0.55, _RIGHT_ANTERIOR_TEMPORAL, 32.0),
        Pattern("fear", "gamma", 0.85, _OCCIPITAL, 28.0),
        Pattern("fear", "theta", 0.60, _RIGHT_ANTERIOR_TEMPORAL, 32.0),
        Pattern("happy", "theta", 0.85, _MIDLINE, 34.0),
        Pattern("happy", "theta", 0.45, _LEFT_ANTERIOR_TEMPORAL, 30.0),
        Pattern("happy", "beta", -0.55, _CENTRAL, 26.0),
    ),
    eye_effects={
        "neutral": EyeEffect(0.0, 0.0, 0.0, 0.0),
        "sad": EyeEffect(0.22, -0.10, 0.08, -0.30),
        "fear": EyeEffect(0.12, 0.22, -0.16, 0.30),
        "happy": EyeEffect(0.27, -0.08, 0.11, -0.15),
    },
    head="held-out",
    ocular=Ocular(
        fixation_s=(0.32, 0.10),
        fixation_sigma=(0.35, 0.03),
        saccade_deg=(2.6, 0.2),
        main_sequence=(0.037, 0.0027),
        blinks_min=(20.0, 0.20),
        blink_s=(0.20, 0.10),
        hippus_mm=(0.13, 0.25),
        light_gain=0.8,
        noise_deg=(0.22, 0.3),
        calibration_deg=0.6,
        losses_min=(2.5, 0.7),
        blink_uv=(120.0, 0.2),
        horizontal_uv_deg=(9.0, 0.8),
        vertical_uv_deg=(4.5, 0.7),
    ),
    knee_hz=5.0,
    asymmetry_ln=-0.10,
)
_SHIFT_WIDTH, _SHIFT_GAIN_SD = 0.8, 0.25
_SHIFT_AXIS, _SHIFT_DEG = np.array([1.0, 0.0, 0.3]), 14.0


def _moved(patterns: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
    random = generator(0, "held-out", "patterns")
    turn = Rotation.from_rotvec(np.radians(_SHIFT_DEG) * _SHIFT_AXIS / np.linalg.norm(_SHIFT_AXIS)).as_matrix()
    return tuple(
        replace(
            pattern,
            gain_ln=pattern.gain_ln * float(np.exp(random.normal(0.0, _SHIFT_GAIN_SD))),
            places=tuple(tuple(float(v) for v in np.asarray(place) @ turn) for place in pattern.places),  # type: ignore[misc]
            width_deg=pattern.width_deg * _SHIFT_WIDTH,
        )
        for pattern in patterns
    )


_SHIFTED = replace(_DEFAULT, patterns=_moved(_DEFAULT.patterns), head="held-out", knee_hz=5.0)
FAMILIES = {"default": _DEFAULT, "shifted": _SHIFTED, "held-out": _HELD_OUT}


def family(name: str) -> Family:
    """The family of this name. RtemoError when there is none."""
    if name not in FAMILIES:
        raise RtemoError("unknown family of simulated people", f"{name!r}", f"choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
