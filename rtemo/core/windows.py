"""Window and frame positions on an absolute grid of LSL time, counted in samples of the EEG grid.

Grid index k stands for k / grid_hz seconds. A window that ends at k is made of frames that end at k, k - frame, ...
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rtemo.core.errors import RtemoError
from rtemo.core.types import WindowSpec


@dataclass(frozen=True, slots=True)
class Grid:
    """A WindowSpec in whole grid samples."""

    hz: float
    length: int
    hop: int
    frame: int

    @classmethod
    def of(cls, spec: WindowSpec, grid_hz: float) -> Grid:
        """Refuses lengths and hops that do not fit the grid, with the next ones that do."""
        frame, length, hop = (_whole(x, grid_hz, n) for n, x in _named(spec))
        if length % frame:
            raise RtemoError("the window length must be a whole number of frames", f"{spec.length_s:g} s", "change it")
        if frame % hop and hop % frame:
            fits = [h for h in range(1, frame + 1) if frame % h == 0]
            best = min(fits, key=lambda h: abs(h - hop))
            raise RtemoError(
                f"the hop must divide a frame of {spec.frame_s:g} s or be a whole number of frames",
                f"found {spec.hop_s:g} s",
                f"take {best / grid_hz:g} s",
            )
        return cls(grid_hz, length, hop, frame)

    @property
    def step(self) -> int:
        """Distance of the frames that have to be computed."""
        return math.gcd(self.hop, self.frame)

    def seconds(self, index: int) -> float:
        return index / self.hz

    def at_or_before(self, time_s: float, multiple: int = 1) -> int:
        """The last index not after a time, on multiples of `multiple`."""
        index = math.floor(time_s * self.hz)
        if (index + 1) / self.hz <= time_s:  # the product was rounded down
            index += 1
        elif index / self.hz > time_s:
            index -= 1
        return index // multiple * multiple

    def at_or_after(self, time_s: float, multiple: int = 1) -> int:
        """The first index not before a time, on multiples of `multiple`."""
        below = self.at_or_before(time_s)
        first = below if below / self.hz >= time_s else below + 1
        return -(-first // multiple) * multiple

    def frames_of(self, end: int) -> tuple[int, ...]:
        """Ends of the frames of the window that ends at `end`, oldest first."""
        return tuple(range(end - self.length + self.frame, end + 1, self.frame))


def _named(spec: WindowSpec) -> tuple[tuple[str, float], ...]:
    return (("frame", spec.frame_s), ("window length", spec.length_s), ("hop", spec.hop_s))


def _whole(value_s: float, grid_hz: float, name: str) -> int:
    samples = round(value_s * grid_hz) if math.isfinite(value_s) else 0
    if samples < 1 or abs(samples / grid_hz - value_s) > 1e-9:
        raise RtemoError(
            f"the {name} must be a multiple of {1000 / grid_hz:g} ms", f"found {value_s:g} s", "take 0.25, 0.1 or 1"
        )
    return samples
