"""Embeddings of a session's windows in memory that is taken once, for fitting a personal calibration.

One settled window a second is kept, of the newest two hours: with the default network half a kB a window, 3.5 MB in
all. Which windows are kept depends on their ends alone, so live and replay keep the same ones at one hop.
"""

from __future__ import annotations

import numpy as np

from rtemo.core.types import Window
from rtemo.model.bundle_schema import BundleSpec
from rtemo.model.decoder import usable
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.personal.fit import LabelledClip

KEPT = 7200


class EmbeddingMemory:
    """Fed with every final window of a session, in order."""

    def __init__(self, spec: BundleSpec) -> None:
        self._spec = spec
        self._names = tuple(spec.combinations)
        self._ends = np.full(KEPT, np.nan)
        self._offers = np.zeros(KEPT, np.int8)  # which combination, by its place among the names
        # Filled and not empty: memory that is first touched hours later would look like a leak
        self._z = {head: np.full((KEPT, spec.input.embedding), np.nan, np.float32) for head in HEADS}
        self._n = 0  # ever kept; the newest stands before this place, modulo KEPT
        self._last = -1

    def take(self, window: Window, embeddings: Embeddings) -> None:
        """Keep a window, where it is settled, usable, and the first one in its second."""
        second = int(window.end_s)
        if second <= self._last or not window.settled:
            return
        name = usable(window, self._spec.gate, self._spec.combinations)
        if name is not None and all(np.isfinite(embeddings.of(head)).all() for head in HEADS):
            self._last = second
            at = self._n % KEPT
            self._ends[at], self._offers[at] = window.end_s, self._names.index(name)
            for head, rows in self._z.items():
                rows[at] = embeddings.of(head)
            self._n += 1

    def clip(self, label: int, begin_s: float, end_s: float) -> LabelledClip:
        """The windows that lie wholly in an interval of LSL time; none where there are none."""
        first_s = begin_s + self._spec.pipeline.window.length_s
        kept = np.arange(max(self._n - KEPT, 0), self._n) % KEPT
        ends = self._ends[kept]
        inside = kept[(first_s - 1e-6 <= ends) & (ends <= end_s + 1e-6)]
        offers = np.array([self._names[k] for k in self._offers[inside]], dtype=np.str_)
        return LabelledClip(
            label, begin_s, end_s, self._ends[inside], offers, {head: rows[inside] for head, rows in self._z.items()}
        )
