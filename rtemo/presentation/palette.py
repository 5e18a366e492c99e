"""Colour palette of the window, the reports and the plots: themes, emotions, faults, and series without a meaning.

The emotions keep their colour in every view and in both themes. The four of the SEED-IV labels differ in lightness as
well as in hue, so that they stay apart with any of the three colour vision deficiencies; a test measures it with the
matrices of Machado, Oliveira and Fernandes (2009). Labels beyond these take what is left of the palette of Okabe and
Ito (2008). Red and amber belong to alarms alone. Colour never stands alone:
names or letters always go with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EMOTIONS = {
    "neutral": "#97a3b0",
    "sad": "#2f7fd1",
    "fear": "#7639e6",
    "happy": "#f5c518",
}
FURTHER = ("#009e73", "#cc79a7", "#56b4e9", "#8a5a00", "#9c9a2e", "#0a5c5c")

FAULTS = {  # reason -> colour, letter
    "flat": ("#8a5a00", "F"),
    "railed": ("#d9480f", "R"),
    "line noise": ("#cc79a7", "L"),
    "loose electrode": ("#0072b2", "E"),
    "electrode pop": ("#d9480f", "P"),
    "muscle noise": ("#56b4e9", "U"),
    "noisy": ("#f5c518", "N"),
    "bridged": ("#7a4fb5", "B"),
    "missing samples": ("#5b6672", "M"),
}
OTHER_FAULT = ("#d9480f", "?")

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a7a7a", "#000000")  # Okabe and Ito


@dataclass(frozen=True, slots=True)
class Theme:
    """Surfaces and inks of a light or dark theme, and the colours of states."""

    name: str
    window: str  # behind everything
    panel: str  # a view
    raised: str  # buttons, inputs, headers
    line: str  # hairlines
    ink: str
    muted: str  # captions, axes
    faint: str  # what is switched off or cannot be trusted
    accent: str
    trace: str
    trace_alternate: str
    good: str
    warn: str
    bad: str
    idle: str


DARK = Theme(
    name="dark",
    window="#0f1317",
    panel="#161b21",
    raised="#212831",
    line="#2c3540",
    ink="#e8edf2",
    muted="#9aa7b4",
    faint="#808c99",
    accent="#4aa3e0",
    trace="#a9c6de",
    trace_alternate="#7fb5a8",
    good="#2fb38a",
    warn="#f2941c",
    bad="#f0603a",
    idle="#5d6975",
)
LIGHT = Theme(
    name="light",
    window="#e9edf1",
    panel="#ffffff",
    raised="#f3f5f8",
    line="#d3dae1",
    ink="#17202a",
    muted="#536170",
    faint="#64707c",
    accent="#1769aa",
    trace="#2b4a66",
    trace_alternate="#1f6b60",
    good="#077552",
    warn="#8a5200",
    bad="#b8320d",
    idle="#8592a0",
)


def emotion_colours(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label: its own where it has one, else the next of FURTHER."""
    others = [label for label in labels if label not in EMOTIONS]
    further = {label: FURTHER[k % len(FURTHER)] for k, label in enumerate(others)}
    return {label: EMOTIONS.get(label) or further[label] for label in labels}
