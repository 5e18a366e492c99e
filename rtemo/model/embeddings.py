"""Embeddings of one window: the network's three output vectors, before any head."""

from __future__ import annotations

from dataclasses import dataclass

from rtemo.core.types import FloatArray

HEADS = ("eeg", "eye", "joint")


@dataclass(frozen=True, slots=True)
class Embeddings:
    """(d,) float32 each: from the EEG alone, from the eyes alone, from both."""

    eeg: FloatArray
    eye: FloatArray
    joint: FloatArray

    def of(self, head: str) -> FloatArray:
        """The embedding that the head of this name reads: one of HEADS."""
        return {"eeg": self.eeg, "eye": self.eye, "joint": self.joint}[head]
