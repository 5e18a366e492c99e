"""Channel maps: which columns are EEG (to microvolts) or gaze (to canonical coordinates). Description and arithmetic.

A channel map is made once from a stream's description (rtemo/sources) and then applied to every block of values. It
keeps no state: the same values give the same result however they were cut. Nothing here reads a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rtemo.core.auxiliary.columns import NO_AUXILIARY, AuxiliaryColumns
from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray

CANONICAL = ("x_left", "y_left", "x_right", "y_right", "pupil_left", "pupil_right")

_FAR = 10.0  # screens away: no gaze, but a code for missing or a wrong unit
_SIZES = {"percent": (100.0, 100.0)}
_WIDEST_DEG = 220.0  # fish-eye lenses end there
_CODE = -32768.0  # an int16 minimum and everything below is a code for missing

Origin = Literal["top-left", "bottom-left", "center"]
OneEye = Literal["left", "right"]
GazeUnit = Literal["normalized", "pixels", "percent", ""]


@dataclass(frozen=True, slots=True, eq=False)
class EegChannelMap:
    """Which columns are EEG channels, where they lie, and their factor to microvolts.

    columns: into the stream. labels: electrode names. positions: (C, 3) float32 unit vectors. scale: (C,) float64, NaN
    where the stream states no unit (then the amplitudes decide, see units.py). left_out: channel -> reason. notes: what
    was assumed. unplaced: of left_out, those that may be EEG but have no place. doubtful: electrodes whose place rests
    on an assumption, or that two columns claim.
    """

    columns: tuple[int, ...]
    labels: tuple[str, ...]
    positions: FloatArray
    scale: NDArray[np.float64]
    left_out: Mapping[str, str] = field(default_factory=dict)
    latency_s: float = 0.0
    notes: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    auxiliary: AuxiliaryColumns = NO_AUXILIARY


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
class Scene:
    """The image of a scene camera that gaze lies in, for glasses. Its size in pixels and its field of view."""

    width_px: int
    height_px: int
    width_deg: float
    height_deg: float

    def __post_init__(self) -> None:
        """Refuses views that no camera has."""
        given = {name: getattr(self, name) for name in self.__slots__}
        wrong = [f"{name} = {value!r}" for name, value in given.items() if not value > 0]
        if wrong or max(self.width_deg, self.height_deg) > _WIDEST_DEG:
            found = ", ".join(wrong) or f"{self.width_deg:g} by {self.height_deg:g} degrees"
            raise RtemoError("the scene camera's view cannot be right", found, "correct the session's settings")


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
    """A column that marks whether an eye's sample is valid: at least, or at most, this value. NaN is neither."""

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
class GazeChannelMap:
    """How a gaze stream becomes (n, 6): x and y of the left eye, of the right eye, then both pupils.

    unit: of x and y; "" where the stream does not state it (then `checked` decides, and until then they count as
    normalized). size: width and height in pixels that "pixels" refers to. missing: values that stand for "no gaze"
    where both x and y have one of them. pupil_scale: to a diameter in pupil_unit ("mm", or "" for arbitrary); an area
    becomes the diameter of the circle with that area first.
    zero_pupil_is_blink: a pupil of 0 makes the eye's gaze invalid too. samples_per_row: how many samples of the tracker
    one row of the stream carries; their columns follow each other every sample_width columns, and left, right and
    their flags are those of the first. What their times are: rtemo.core.timing.packed_rows. pair: which of the two
    streams this is of a tracker with one stream per eye, see rtemo.core.gaze.eye_pair; "" where one has both eyes.
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
    samples_per_row: int = 1
    sample_width: int = 0
    pair: Literal["", "first", "second"] = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    latency_s: float = 0.0
    notes: tuple[str, ...] = ()
    auxiliary: AuxiliaryColumns = NO_AUXILIARY

    def canonical(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """(n, channels) -> (n * samples_per_row, 6) float64, NaN where invalid. The input is left as it is.

        Invalid gaze: x or y NaN or infinite, below -32767, further than 10 screens away, both a missing code, or a flag
        that does not hold. An eye needs both x and y.
        """
        raw = np.asarray(values, np.float64)
        if self.samples_per_row == 1:
            return self._canonical(raw)
        each = [self._canonical(raw[:, k * self.sample_width :]) for k in range(self.samples_per_row)]
        return np.stack(each, axis=1).reshape(-1, len(CANONICAL))

    def _canonical(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """The first sample of each row."""
        found = np.full((len(raw), len(CANONICAL)), np.nan)
        for index, eye in enumerate((self.left, self.right)):
            valid = self._flags_hold(raw, eye)
            if eye.x is not None and eye.y is not None:
                x, y, seen = self._gaze(raw[:, eye.x], raw[:, eye.y])
                found[:, 2 * index] = np.where(seen & valid, x, np.nan)
                found[:, 2 * index + 1] = np.where(seen & valid, y, np.nan)
            if eye.pupil is not None:
                found[:, 4 + index] = self._pupil(raw[:, eye.pupil], valid)
        return found

    def of_one_eye(self, eye: OneEye, pair: Literal["first", "second"]) -> GazeChannelMap:
        """The same as one of two streams: that of this eye. A stream that names no eye, or the other, is of it too."""
        named, other = (self.left, self.right) if eye == "left" else (self.right, self.left)
        columns, nothing = named if named.x is not None else other, EyeColumns()
        left, right = (columns, nothing) if eye == "left" else (nothing, columns)
        return replace(self, left=left, right=right, pair=pair)

    def checked(self, values: NDArray[Any]) -> tuple[GazeChannelMap, str | None]:
        """The channel map with a unit that fits these values, and the reason where the stream does not state it."""
        if self.unit:
            return self, None
        raw = np.asarray(values, np.float64)
        sizes: list[NDArray[np.float64]] = []
        for eye in (self.left, self.right):
            if eye.x is not None and eye.y is not None:
                x, y = raw[:, eye.x], raw[:, eye.y]
                seen = ~self._is_code(x, y) & np.isfinite(x) & np.isfinite(y)
                sizes += [np.abs(x[seen]), np.abs(y[seen])]
        given = np.concatenate(sizes) if sizes else np.zeros(0)
        if not len(given):
            return self, None
        unit = _unit_by_size(float(np.quantile(given, 0.9)))
        return replace(self, unit=unit), f"no unit stated for x and y; the values are taken as {unit}"

    def _flags_hold(self, raw: NDArray[np.float64], eye: EyeColumns) -> NDArray[np.bool_]:
        valid = np.ones(len(raw), bool)
        for flag in eye.flags:
            valid &= flag.holds(raw)
        if self.zero_pupil_is_blink and eye.pupil is not None:
            valid &= raw[:, eye.pupil] > 0
        return valid

    def _is_code(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where x and y (n,) both stand for "no gaze", or one of them is an int16 minimum or below."""
        code_x, code_y = np.zeros(len(x), bool), np.zeros(len(y), bool)
        for code in self.missing:
            code_x |= x == code
            code_y |= y == code
        return (code_x & code_y) | (x <= _CODE) | (y <= _CODE)

    def _gaze(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Canonical x and y (n,), and where they are gaze. A comparison with NaN is False, so NaN never is."""
        code = self._is_code(x, y)
        width, height = self.size if self.unit == "pixels" else _SIZES.get(self.unit, (1.0, 1.0))
        x, y = x / width, y / height
        if self.origin == "center":
            x, y = x + 0.5, 0.5 - y
        elif self.origin == "bottom-left":
            y = 1.0 - y
        return x, y, (np.abs(x - 0.5) <= _FAR) & (np.abs(y - 0.5) <= _FAR) & ~code

    def _pupil(self, size: NDArray[np.float64], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
        size = np.where(valid & (size > 0) & (size < np.inf), size, np.nan)
        if self.pupil_is_area:
            size = 2.0 * np.sqrt(size / np.pi)
        return size * self.pupil_scale


def _unit_by_size(largest: float) -> GazeUnit:
    """Normalized gaze stays near 1, percent below about 100, pixels go to hundreds."""
    if largest <= 3.0:
        return "normalized"
    return "percent" if largest <= 130.0 else "pixels"
