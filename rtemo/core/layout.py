"""How a stream's columns become EEG in microvolts and gaze in the canonical form. Pure description and arithmetic.

A layout is made once from a stream's description (rtemo/sources) and then applied to every block of values. It keeps no
state: the same values give the same result however they were cut. Nothing here reads a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray

CANONICAL = ("x_left", "y_left", "x_right", "y_right", "pupil_left", "pupil_right")

_FAR = 10.0  # screens away: no gaze, but a code for missing or a wrong unit
_CODE = -32768.0  # an int16 minimum and everything below is a code for missing

Origin = Literal["top-left", "bottom-left", "center"]
GazeUnit = Literal["normalized", "pixels", "percent", ""]


@dataclass(frozen=True, slots=True, eq=False)
class EegLayout:
    """Which columns are EEG channels, where they lie, and their factor to microvolts.

    columns: into the stream. labels: electrode names. positions: (C, 3) float32 unit vectors. scale: (C,) float64, NaN
    where the stream states no unit (then the amplitudes decide, see units.py). left_out: channel -> reason. notes: what
    was assumed.
    """

    columns: tuple[int, ...]
    labels: tuple[str, ...]
    positions: FloatArray
    scale: NDArray[np.float64]
    left_out: Mapping[str, str] = field(default_factory=dict)
    latency_s: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Screen:
    """The screen that gaze falls on, from the session's settings. The default is a 24-inch Full HD screen at 65 cm."""

    width_px: int = 1920
    height_px: int = 1080
    width_mm: float = 531.0
    height_mm: float = 299.0
    distance_mm: float = 650.0

    def __post_init__(self) -> None:
        """Refuses sizes that no screen has."""
        given = {name: getattr(self, name) for name in self.__slots__}
        wrong = [f"{name} = {value!r}" for name, value in given.items() if not value > 0]
        if wrong:
            raise RtemoError("the screen's size must be positive", ", ".join(wrong), "correct the session's settings")


@dataclass(frozen=True, slots=True)
class ViewGeometry:
    """Turns canonical gaze into degrees of visual angle, x to the right and y down, 0 at the middle.

    A flat screen: the angle on each axis is atan(offset / distance), exact on the axes. A scene camera: the field of
    view is taken as evenly spread over the image (equidistant lens), which suits wide-angle cameras.
    """

    width_deg: float
    height_deg: float
    half_width: float = 0.0  # half the screen's size divided by the distance; 0 for a scene camera
    half_height: float = 0.0
    kind: Literal["screen", "scene"] = "screen"

    @classmethod
    def of_screen(cls, screen: Screen) -> ViewGeometry:
        """From the size and the distance of the screen."""
        across, down = (size / 2 / screen.distance_mm for size in (screen.width_mm, screen.height_mm))
        return cls(2 * float(np.degrees(np.arctan(across))), 2 * float(np.degrees(np.arctan(down))), across, down)

    @classmethod
    def of_scene(cls, width_deg: float, height_deg: float) -> ViewGeometry:
        """From the horizontal and vertical field of view of a scene camera, in degrees."""
        return cls(width_deg, height_deg, kind="scene")

    def to_degrees(self, xy: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(n, 2) canonical -> (n, 2) degrees. NaN stays NaN."""
        offset = np.asarray(xy, np.float64) - 0.5
        if self.kind == "scene":
            return offset * (self.width_deg, self.height_deg)
        return np.degrees(np.arctan(2 * offset * (self.half_width, self.half_height)))


@dataclass(frozen=True, slots=True)
class Flag:
    """A column that tells whether an eye's sample is valid: at least, or at most, this value. NaN is neither."""

    column: int
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n, channels) -> (n,) bool."""
        given = values[:, self.column]
        valid = np.ones(len(given), bool)
        if self.at_least is not None:
            valid &= given >= self.at_least
        if self.at_most is not None:
            valid &= given <= self.at_most
        return valid


@dataclass(frozen=True, slots=True)
class EyeColumns:
    """The columns of one eye; None where the stream has none. flags: all must hold, or gaze and pupil are NaN."""

    x: int | None = None
    y: int | None = None
    pupil: int | None = None
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class GazeLayout:
    """How a gaze stream becomes (n, 6): x and y of the left eye, of the right eye, then both pupils.

    unit: of x and y; "" where the stream does not say (then `checked` decides, and until then they count as
    normalized). size: width and height in pixels that "pixels" refers to. missing: values that stand for "no gaze"
    where both x and y have one of them. pupil_scale: to a diameter in pupil_unit ("mm", or "" for arbitrary); an area
    becomes the diameter of the circle with that area first.
    zero_pupil_is_blink: a pupil of 0 makes the eye's gaze invalid too.
    """

    left: EyeColumns
    right: EyeColumns
    view: ViewGeometry
    unit: GazeUnit = "normalized"
    size: tuple[float, float] = (1920.0, 1080.0)
    origin: Origin = "top-left"
    missing: tuple[float, ...] = (0.0, -1.0)
    pupil_scale: float = 1.0
    pupil_unit: str = ""
    pupil_is_area: bool = False
    zero_pupil_is_blink: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    latency_s: float = 0.0
    notes: tuple[str, ...] = ()

    def canonical(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(n, channels) -> (n, 6) float64, NaN where invalid. The input is left as it is.

        Invalid gaze: x or y NaN or infinite, below -32767, further than 10 screens away, both a missing code, or a flag
        that does not hold. An eye needs both x and y.
        """
        raw = np.asarray(values, np.float64)
        found = np.full((len(raw), len(CANONICAL)), np.nan)
        for index, eye in enumerate((self.left, self.right)):
            valid = np.ones(len(raw), bool)
            for flag in eye.flags:
                valid &= flag.holds(raw)
            pupil = self._pupil(raw, eye)
            if self.zero_pupil_is_blink and eye.pupil is not None:
                valid &= raw[:, eye.pupil] > 0
            found[:, 2 * index : 2 * index + 2] = self._gaze(raw, eye)
            found[:, 4 + index] = pupil
            found[~valid, 2 * index : 2 * index + 2] = np.nan
            found[~valid, 4 + index] = np.nan
        return found

    def checked(self, values: NDArray[Any]) -> tuple[GazeLayout, str | None]:
        """The layout with a unit that fits these values, and the reason where the stream does not state it."""
        if self.unit:
            return self, None
        raw = np.asarray(values, np.float64)
        sizes = [np.abs(self._codes_removed(raw[:, [eye.x, eye.y]])) for eye in (self.left, self.right)
                 if eye.x is not None and eye.y is not None]  # fmt: skip
        given = np.concatenate([size[~np.isnan(size)] for size in sizes]) if sizes else np.zeros(0)
        if not len(given):
            return self, None
        unit = _unit_by_size(float(np.median(given)))
        return replace(self, unit=unit), f"no unit stated for x and y; the values are taken as {unit}"

    def _codes_removed(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """A copy with NaN in both columns where a row is no gaze."""
        bad = ~np.isfinite(xy).all(axis=1, keepdims=True) | (xy <= _CODE).any(axis=1, keepdims=True)
        bad = bad | np.isin(xy, self.missing).all(axis=1, keepdims=True)
        return np.where(bad, np.nan, xy)

    def _gaze(self, raw: NDArray[np.float64], eye: EyeColumns) -> NDArray[np.float64]:
        if eye.x is None or eye.y is None:
            return np.full((len(raw), 2), np.nan)
        xy = self._codes_removed(raw[:, [eye.x, eye.y]])
        xy = xy / {"pixels": self.size, "percent": (100.0, 100.0)}.get(self.unit, (1.0, 1.0))
        if self.origin == "center":
            xy = xy * (1.0, -1.0) + 0.5
        elif self.origin == "bottom-left":
            xy = xy * (1.0, -1.0) + (0.0, 1.0)
        far = (np.abs(xy - 0.5) > _FAR).any(axis=1, keepdims=True)
        return np.where(far, np.nan, xy)

    def _pupil(self, raw: NDArray[np.float64], eye: EyeColumns) -> NDArray[np.float64]:
        if eye.pupil is None:
            return np.full(len(raw), np.nan)
        size = raw[:, eye.pupil]
        size = np.where(np.isfinite(size) & (size > 0), size, np.nan)
        if self.pupil_is_area:
            size = 2.0 * np.sqrt(size / np.pi)
        return size * self.pupil_scale


def _unit_by_size(typical: float) -> GazeUnit:
    """Normalized gaze stays near 1, percent near 50, pixels in the hundreds."""
    if typical <= 3.0:
        return "normalized"
    return "percent" if typical <= 100.0 else "pixels"
