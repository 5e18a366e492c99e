"""Embeddings of a session's windows in bounded memory, for fitting a personal calibration.

One settled window a second is kept, of the newest two hours: with the default network 2 kB a window, 14 MB in all.
Which windows are kept depends on their ends alone, so live and replay keep the same ones at one hop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rtemo.core.types import FloatArray, Window
from rtemo.model.bundle_schema import BundleSpec
from rtemo.model.decoder import usable
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.personal.fit import LabelledClip

KEPT = 7200


@dataclass(frozen=True, slots=True)
class Kept:
    """One window: its end, its combination of modalities, its embeddings."""

    end_s: float
    combination: str
    embeddings: Embeddings


class EmbeddingMemory:
    """Fed with every final window of a session, in order."""

    def __init__(self, spec: BundleSpec) -> None:
        self._spec = spec
        self._kept: deque[Kept] = deque(maxlen=KEPT)
        self._last = -1

    def take(self, window: Window, embeddings: Embeddings) -> None:
        """Keep a window, where it is settled, usable, and the first one in its second."""
        second = int(window.end_s)
        if second <= self._last or not window.settled:
            return
        name = usable(window, self._spec.gate, self._spec.combinations)
        if name is not None and all(np.isfinite(embeddings.of(head)).all() for head in HEADS):
            self._last = second
            self._kept.append(Kept(window.end_s, name, embeddings))

    def clip(self, label: int, begin_s: float, end_s: float) -> LabelledClip:
        """The windows that lie wholly in an interval of LSL time; none where there are none."""
        first_s = begin_s + self._spec.pipeline.window.length_s
        inside = [one for one in self._kept if first_s - 1e-6 <= one.end_s <= end_s + 1e-6]
        offers = np.array([one.combination for one in inside], dtype=np.str_)
        times = np.array([one.end_s for one in inside], np.float64)
        return LabelledClip(label, begin_s, end_s, times, offers, _stacked(inside, self._spec.input.embedding))


def _stacked(inside: list[Kept], width: int) -> Mapping[str, FloatArray]:
    return {
        head: np.array([one.embeddings.of(head) for one in inside], np.float32).reshape(len(inside), width)
        for head in HEADS
    }
