"""The window's themes and the colours of stream states. No Qt here.

The colours themselves are in rtemo/presentation/palette.py: a report shows the same.
"""

from __future__ import annotations

from rtemo.core.types import StreamState
from rtemo.presentation.palette import DARK, EMOTIONS, FAULTS, FURTHER, LIGHT, OTHER_FAULT, Theme, emotion_colours

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


THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def light_of(state: StreamState, theme: Theme) -> str:
    """The colour of a stream's status light."""
    lights = {
        StreamState.STREAMING: theme.good,
        StreamState.WAITING: theme.idle,
        StreamState.STALLED: theme.warn,
    }
    return lights.get(state, theme.bad)
