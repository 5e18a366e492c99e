"""From embeddings to a prediction: heads, calibration, fusion, smoothing, set, novelty, abstention. Numpy only.

The decoder reads no clock and no signal: a window, its embeddings, and its own small state decide. Everything that it
is set by comes from the bundle.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rtemo.core import gaze_quality
from rtemo.core.quality import REASONS, Fault
from rtemo.core.types import Window
from rtemo.model.bundle import Bundle
from rtemo.model.conformal import members
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.novelty import novelty
from rtemo.model.prediction import Prediction
from rtemo.model.schema import MAIN_HEAD, Combination, Gate
from rtemo.model.smoothing import SmoothingState, advance, start

FloatVector = NDArray[np.float64]

NOTHING_CAME = frozenset((REASONS[Fault.GAP], REASONS[Fault.MISSING], gaze_quality.GAP))


class AbstainReason(StrEnum):
    """Why no emotion is named."""

    NO_SIGNAL = "no signal"  # neither EEG nor gaze arrives
    BAD_SIGNAL = "signal too bad"  # something arrives, too little of it can be used
    NOVEL = "unlike the training data"
    UNDECIDED = "too many emotions possible"


class Decoder:
    """Feed the windows of one session in order; each gives one prediction."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._state: SmoothingState = start(bundle.spec.smoothing)

    def fork(self) -> Decoder:
        """An independent decoder in the same state, for windows that may be replaced later."""
        other = Decoder(self._bundle)
        other._state = self._state  # a value that is never changed in place
        return other

    def step(self, window: Window, embeddings: Embeddings) -> Prediction:
        """The prediction for the next window. Raises RtemoError where its end is not after the last one's.

        A window that cannot be used, or is unlike the training data, adds no evidence: the smoothed probabilities
        only relax towards even ones. The set and its quantile are about the smoothed probabilities.
        """
        spec = self._bundle.spec
        name = usable(window, spec.gate, spec.combinations)
        instant, unlike = (None, float("nan")) if name is None else self._judge(name, embeddings)
        reason = _signal_reason(window) if instant is None else None
        if reason is None and not unlike < 1.0:
            reason = AbstainReason.NOVEL
        combination = spec.combinations[name or next(iter(spec.combinations))]
        evidence = instant if reason is None else None
        self._state = advance(self._state, window.end_s, evidence, combination.decorrelation_s, spec.smoothing)
        labels = self._labels(combination, reason)
        if reason is None and len(labels) > spec.decision.largest_set:
            reason = AbstainReason.UNDECIDED
        return self._record(window, instant, labels, unlike, reason)

    def _judge(self, name: str, embeddings: Embeddings) -> tuple[FloatVector | None, float]:
        """Calibrated probabilities (K,) and novelty; None where the network gave no finite numbers."""
        spec, combination = self._bundle.spec, self._bundle.spec.combinations[name]
        logits = head_logits(self._bundle, embeddings)
        probabilities = pool(logits, combination, spec.temperatures)
        main = MAIN_HEAD[name]
        unlike = float(novelty(embeddings.of(main), logits[main], self._bundle.familiar[name], combination.novelty))
        if not (np.isfinite(probabilities).all() and np.isfinite(unlike)):
            return None, float("nan")
        return probabilities, unlike

    def _labels(self, combination: Combination, reason: AbstainReason | None) -> tuple[str, ...]:
        """The conformal set; every label where nothing is known about this window."""
        spec = self._bundle.spec
        quantile = combination.quantiles[spec.decision.set_level] if reason is None else 1.0
        return tuple(spec.labels[k] for k in members(self._state.posterior, quantile))

    def _record(
        self,
        window: Window,
        instant: FloatVector | None,
        labels: tuple[str, ...],
        unlike: float,
        reason: AbstainReason | None,
    ) -> Prediction:
        names = self._bundle.labels
        now = np.full(len(names), np.nan) if instant is None else instant
        return Prediction(
            time_s=window.end_s,
            emotion=labels[0] if reason is None else None,
            probabilities=dict(zip(names, now.tolist(), strict=True)),
            smoothed=dict(zip(names, self._state.posterior.tolist(), strict=True)),
            set=labels,
            abstain=None if reason is None else reason.value,
            eeg_coverage=window.eeg_coverage,
            gaze_coverage=window.gaze_coverage,
            bad_channels=tuple(window.bad_channels),
            novelty=unlike,
            settled=window.settled,
            forced=window.forced,
            faults=dict(window.bad_channels),
        )


def usable(window: Window, gate: Gate, known: Container[str]) -> str | None:
    """Which of the known combinations of modalities decides: the first of both, EEG, eye that the gate lets pass."""
    eeg, eye = _eeg_passes(window, gate), _eye_passes(window, gate)
    passes = {"both": eeg and eye, "eeg": eeg, "eye": eye}
    return next((name for name, fits in passes.items() if fits and name in known), None)


def head_logits(bundle: Bundle, embeddings: Embeddings) -> dict[str, FloatVector]:
    """Raw logits (K,) of every head."""
    return {
        name: (bundle.heads[name].weight @ embeddings.of(name) + bundle.heads[name].bias).astype(np.float64)
        for name in HEADS
    }


def pool(logits: Mapping[str, FloatVector], combination: Combination, temperatures: Mapping[str, float]) -> FloatVector:
    """(..., K) a head -> (..., K) probabilities: the weighted sum of calibrated log-probabilities, normalised."""
    weighted = [w * log_softmax(logits[head] / temperatures[head]) for head, w in combination.weights.items()]
    return np.exp(log_softmax(np.sum(weighted, axis=0)))


def log_softmax(logits: FloatVector) -> FloatVector:
    """Over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def _eeg_passes(window: Window, gate: Gate) -> bool:
    frames, channels = window.eeg_mask.shape
    cells = float(window.eeg_mask.sum())
    return (
        channels > 0
        and window.eeg_coverage >= gate.eeg_coverage
        and cells / frames >= gate.eeg_channels
        and cells / (frames * channels) >= gate.eeg_share
    )


def _eye_passes(window: Window, gate: Gate) -> bool:
    return window.gaze_coverage >= gate.gaze_coverage and float(window.eye_valid.mean()) >= gate.eye_share


def _signal_reason(window: Window) -> AbstainReason:
    lies = any(reason not in NOTHING_CAME for reason in window.bad_channels.values())  # something, but no EEG
    arrives = window.eeg_coverage > 0.0 or window.gaze_coverage > 0.0 or lies
    return AbstainReason.BAD_SIGNAL if arrives else AbstainReason.NO_SIGNAL
