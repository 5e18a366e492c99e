"""Colours of the dark and the light theme: surfaces, text, states. No Qt here.

The colours of emotions and faults are in rtemo/presentation/palette.py: a report shows them in the same colours.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtemo.core.types import StreamState
from rtemo.presentation.palette import EMOTIONS, FAULTS, FURTHER, OTHER_FAULT, emotion_colours

__all__ = [
    "DARK",
    "EMOTIONS",
    "FAULTS",
    "FURTHER",
    "LIGHT",
    "OTHER_FAULT",
    "THEMES",
    "Theme",
    "emotion_colours",
    "light_of",
]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one theme: surfaces, text and states."""

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
    faint="#5d6975",
    accent="#4aa3e0",
    trace="#a9c6de",
    trace_alternate="#7fb5a8",
    good="#2fb38a",
    warn="#f0a92e",
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
    faint="#9aa5b1",
    accent="#1769aa",
    trace="#2b4a66",
    trace_alternate="#1f6b60",
    good="#0b8a63",
    warn="#b86e00",
    bad="#c93a12",
    idle="#9aa5b1",
)
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def light_of(state: StreamState, theme: Theme) -> str:
    """The colour of a stream's status light."""
    lights = {
        StreamState.STREAMING: theme.good,
        StreamState.WAITING: theme.idle,
        StreamState.STALLED: theme.warn,
    }
    return lights.get(state, theme.bad)
