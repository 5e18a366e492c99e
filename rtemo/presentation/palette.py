"""The colours that mean something: emotions and faults. The window and the report take both from here.

The emotions keep their colour in every view and in both themes. The four of the SEED-IV labels differ in lightness as
well as in hue, so that they stay apart with any of the three colour vision deficiencies; a test measures it with the
matrices of Machado, Oliveira and Fernandes (2009). Labels beyond these take what is left of the palette of Okabe and
Ito (2008). Colour never stands alone: names or letters always go with it.
"""

from __future__ import annotations

from collections.abc import Sequence

EMOTIONS = {
    "neutral": "#97a3b0",
    "sad": "#2f7fd1",
    "fear": "#d9480f",
    "happy": "#f5c518",
}
FURTHER = ("#009e73", "#cc79a7", "#56b4e9", "#8a5a00", "#7a4fb5", "#0a5c5c")

FAULTS = {  # reason -> colour, letter
    "flat": ("#8a5a00", "F"),
    "railed": ("#d9480f", "R"),
    "line noise": ("#cc79a7", "L"),
    "loose electrode": ("#009e73", "E"),
    "electrode pop": ("#d9480f", "P"),
    "muscle noise": ("#56b4e9", "U"),
    "noisy": ("#f5c518", "N"),
    "bridged": ("#7a4fb5", "B"),
    "missing samples": ("#5b6672", "M"),
}
OTHER_FAULT = ("#d9480f", "?")


def emotion_colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label: its own where it has one, else the next of FURTHER."""
    others = [label for label in labels if label not in EMOTIONS]
    further = {label: FURTHER[k % len(FURTHER)] for k, label in enumerate(others)}
    return {label: EMOTIONS.get(label) or further[label] for label in labels}
