"""Which pictures the participant sees, so that gaze can be shown on them. They change no prediction.

[stimulus]
pictures = "FOLDER"               # or one picture. In a folder, each has the name of its condition: "film 3.png"
size = "screen"                   # as large as the screen allows; or pixels: pixel for pixel, in the screen's middle
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rtemo.core.records import Check

FILLS_SCREEN, PIXEL_FOR_PIXEL = "screen", "pixels"
Size = Annotated[str, Check(lambda size: size in (FILLS_SCREEN, PIXEL_FOR_PIXEL), "screen or pixels")]


@dataclass(frozen=True, slots=True)
class Stimulus:
    """A picture or a folder of them, empty for none, and how they lie on the screen."""

    pictures: str = ""
    size: Size = FILLS_SCREEN
