"""Valence and arousal of label probabilities, by the places of emotions in the circumplex.

The angles are those of Russell (1980), "A circumplex model of affect", J. Pers. Soc. Psychol. 39(6), 1161-1178, direct
circular scaling (Ross' method) of 28 affect words: 0 degrees is pleasure, 90 degrees arousal, every word on the unit
circle. Neutral is the origin. Fear takes "afraid", surprise "astonished". Disgust is none of the 28 words: it has no
place here, and a model that names it gives no valence and no arousal.

Checked in two public transcriptions of the article: happy, excited, astonished, sad and calm. Angry and afraid are an
approximation that no source at hand confirms: one transcription gives 105.1 and 115.4. What the article's abstract does
say is that arousal lies at 90 and distress at 135 degrees; both words are put between these.

A model predicts labels. Valence and arousal are a summary of the same numbers, the mean of the labels' places weighted
by their probabilities, and no further measurement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

RUSSELL_DEG = {
    "happy": 7.8,
    "excited": 48.6,
    "surprise": 69.8,
    "angry": 99.0,
    "anger": 99.0,
    "fear": 116.0,
    "sad": 207.5,
    "calm": 316.2,
}
Place = tuple[float, float]


def place_of(label: str) -> Place | None:
    """Valence and arousal in [-1, 1], None where the source has no such word."""
    if label == "neutral":
        return (0.0, 0.0)
    angle = RUSSELL_DEG.get(label)
    return None if angle is None else (math.cos(math.radians(angle)), math.sin(math.radians(angle)))


def without_place(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels that the plane cannot show."""
    return tuple(label for label in labels if place_of(label) is None)


def mean_place(probabilities: Mapping[str, float]) -> Place | None:
    """The probability-weighted mean place; None where a probability is missing or a label has no place."""
    x = y = total = 0.0
    for label, p in probabilities.items():
        place = place_of(label)
        if place is None or p is None or not math.isfinite(p):
            return None
        x, y, total = x + p * place[0], y + p * place[1], total + p
    return (x / total, y / total) if total > 0 else None
