"""The decoder: from embeddings to a prediction by heads, fusion, smoothing, conformal sets, novelty and abstention.

The decoder reads no clock and no signal: a window, its embeddings, and its own small state decide. Everything that it
is set by comes from the bundle.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from rtemo.core.eeg.quality import REASONS, ChannelFault
from rtemo.core.gaze import quality as gaze_quality
from rtemo.core.types import Window
from rtemo.model.bundle import Bundle
from rtemo.model.bundle_schema import MAIN_HEAD, Combination, ModalityGate
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.prediction import Prediction
from rtemo.model.uncertainty.adaptive import RecentSets, SelfReport, Smoothed, adapted_level, quantile_at, without
from rtemo.model.uncertainty.conformal import members
from rtemo.model.uncertainty.novelty import disagreement, distance, energy, novelty
from rtemo.model.uncertainty.probabilities import log_softmax, tempered
from rtemo.model.uncertainty.rating_estimates import NO_ESTIMATE, RatingAverage, RatingEstimate, averaged, estimate
from rtemo.model.uncertainty.smoothing import SmoothingState, advance, start, tempered_posterior

FloatVector = NDArray[np.float64]

NOTHING_CAME = frozenset((REASONS[ChannelFault.GAP], REASONS[ChannelFault.MISSING], gaze_quality.GAP))


class AbstainReason(StrEnum):
    """Why no emotion is named."""

    NO_SIGNAL = "no signal"  # neither EEG nor gaze arrives
    BAD_SIGNAL = "signal too bad"  # something arrives, too little of it can be used
    NO_NUMBERS = "the model gives no numbers"  # the signal is good, the model puts out NaN or infinity
    NOVEL = "unlike the training data"
    UNDECIDED = "too many emotions possible"


class Decoder:
    """Feed the windows of one session in order; each gives one prediction."""

    def __init__(self, bundle: Bundle, person: PersonalCalibration | None = None) -> None:
        """person: a personal calibration. Raises RtemoError where it was made for another bundle."""
        self._trained = bundle
        self._state: SmoothingState = start(bundle.spec.smoothing)
        self._models: tuple[tuple[float, Bundle], ...] = ((float("-inf"), bundle),)  # from when on which one counts
        self._reports: tuple[SelfReport, ...] = ()
        self._recent = RecentSets()
        self._level: tuple[tuple[SelfReport, ...], float] = ((), bundle.spec.decision.set_level)
        self._ratings: Mapping[str, RatingAverage] = {name: RatingAverage() for name in bundle.spec.ratings}
        if person is not None:
            self.adopt(person, float("-inf"))

    @property
    def eye_unused(self) -> str:
        """Why eye movements do not count; "" where they do."""
        return self._trained.spec.eye_unused

    def fork(self) -> Decoder:
        """An independent decoder in the same state, for windows that may be replaced later."""
        other = Decoder(self._trained)
        other._state, other._models, other._reports = self._state, self._models, self._reports  # values, never changed
        other._recent, other._level = self._recent.copy(), self._level
        other._ratings = self._ratings
        return other

    def adopt(self, person: PersonalCalibration | None, from_s: float) -> None:
        """Windows that end after from_s (LSL time) are decided with this calibration; None: with the trained heads."""
        model = self._trained if person is None else person.applied(self._trained)
        self._models = tuple(sorted((*self._models, (from_s, model)), key=lambda one: one[0]))

    def model_at(self, end_s: float) -> Bundle:
        """The bundle that decides windows which end then: the trained one, or as it is for the person."""
        return next(bundle for from_s, bundle in reversed(self._models) if end_s > from_s)

    def report(self, report: SelfReport) -> None:
        """What the person felt: it moves the level of the sets of later windows, see adaptive.py."""
        self._reports = (*self._reports, report)

    def take_back(self, index: int, from_s: float) -> None:
        """The report of this number, counted from 0, does not count for windows that end after from_s."""
        self._reports = without(self._reports, index, from_s)

    def step(self, window: Window, embeddings: Embeddings) -> Prediction:
        """The prediction for the next window. Raises RtemoError where its end is not after the last one's.

        A window that cannot be used, or is unlike the training data, adds no evidence: the smoothed probabilities
        only relax towards even ones. The set and its quantile are about the smoothed probabilities.
        """
        model = self.model_at(window.end_s)
        spec = model.spec
        name = usable(window, spec.gate, spec.combinations)
        instant, unlike = (None, float("nan")) if name is None else self._judge(model, name, embeddings)
        reason = _why_nothing(window, name) if instant is None else None
        if reason is None and spec.calibrated and not unlike < 1.0:
            reason = AbstainReason.NOVEL
        name = name or next(iter(spec.combinations))
        evidence = instant if reason is None else None
        combination = spec.combinations[name]
        self._state = advance(self._state, window.end_s, evidence, combination.decorrelation_s, spec.smoothing)
        smoothed = tempered_posterior(self._state, combination.smoothed_temperature)
        labels = self._labels(model, name, smoothed, window.end_s, reason)
        ratings = self._estimates(name, embeddings, window.end_s) if reason is None else {}
        if reason is None:
            if window.settled and spec.calibrated:
                self._recent.take(Smoothed(window.end_s, name, smoothed))
            if len(labels) > spec.decision.largest_set:
                reason = AbstainReason.UNDECIDED
        return self._record(window, instant, smoothed, labels, unlike, reason, ratings)

    def _judge(self, model: Bundle, name: str, embeddings: Embeddings) -> tuple[FloatVector | None, float]:
        """Calibrated probabilities (K,) and novelty; None where the model gave no finite numbers.

        Novelty is about the training data, so the trained heads decide it, whoever the person is.
        """
        logits = head_logits(model, embeddings)
        probabilities = pool(logits, model.spec.combinations[name], model.spec.temperatures)
        if not model.spec.calibrated:
            return (probabilities if np.isfinite(probabilities).all() else None), float("nan")
        trained = logits if model is self._trained else head_logits(self._trained, embeddings)
        unlike = float(novelty_of(self._trained, name, embeddings, trained))
        if not (np.isfinite(probabilities).all() and np.isfinite(unlike)):
            return None, float("nan")
        return probabilities, unlike

    def _estimates(self, name: str, embeddings: Embeddings, end_s: float) -> dict[str, RatingEstimate]:
        """Rating -> what the trained model says of it; the ratings that this combination of modalities knows."""
        found = {}
        for rating, heads in self._trained.ratings.items():
            if name not in heads:
                continue
            own = self._trained.spec.ratings[rating]
            value = float((heads[name].weight @ embeddings.of(MAIN_HEAD[name]) + heads[name].bias)[0])
            if np.isfinite(value):
                state = averaged(self._ratings[rating], end_s, value, own.average_s)
                self._ratings = {**self._ratings, rating: state}
                found[rating] = estimate(state.value, own.half_width[name])
        return found

    def _labels(
        self, model: Bundle, name: str, smoothed: FloatVector, end_s: float, reason: AbstainReason | None
    ) -> tuple[str, ...]:
        """The conformal set: every label where nothing is known about this window, none without a calibration."""
        if not model.spec.calibrated:
            return ()
        quantile = 1.0
        if reason is None:
            quantile = quantile_at(model.spec.combinations[name].quantiles, self._level_at(model, end_s))
        return tuple(model.labels[k] for k in members(smoothed, quantile))

    def _level_at(self, model: Bundle, end_s: float) -> float:
        """The level of the sets after the reports that are known by then; worked out when one comes or goes."""
        known = tuple(report for report in self._reports if report.known_at(end_s))
        if known != self._level[0]:
            spec = model.spec
            quantiles = {name: combination.quantiles for name, combination in spec.combinations.items()}
            level, rate = spec.decision.set_level, spec.decision.adaptation_rate
            window_s = spec.pipeline.window.length_s
            self._level = (known, adapted_level(known, self._recent, quantiles, level, rate, window_s))
        return self._level[1]

    def _record(
        self,
        window: Window,
        instant: FloatVector | None,
        smoothed: FloatVector,
        labels: tuple[str, ...],
        unlike: float,
        reason: AbstainReason | None,
        ratings: Mapping[str, RatingEstimate],
    ) -> Prediction:
        names = self._trained.labels
        now = np.full(len(names), np.nan) if instant is None else instant
        return Prediction(
            time_s=window.end_s,
            emotion=names[int(smoothed.argmax())] if reason is None else None,
            probabilities=dict(zip(names, now.tolist(), strict=True)),
            smoothed=dict(zip(names, smoothed.tolist(), strict=True)),
            set=labels,
            abstain=None if reason is None else reason.value,
            eeg_coverage=window.eeg_coverage,
            gaze_coverage=window.gaze_coverage,
            bad_channels=tuple(window.bad_channels),
            novelty=unlike,
            settled=window.settled,
            forced=window.forced,
            faults=dict(window.bad_channels),
            calibrated=self._trained.spec.calibrated,
            ratings={rating: ratings.get(rating, NO_ESTIMATE) for rating in self._trained.spec.ratings},
        )


def usable(window: Window, gate: ModalityGate, known: Container[str]) -> str | None:
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


def novelty_of(
    bundle: Bundle, name: str, embeddings: Embeddings, logits: Mapping[str, FloatVector]
) -> NDArray[np.float64]:
    """How unlike the training data a window is that offers this combination. logits: of the trained heads."""
    main, spec = MAIN_HEAD[name], bundle.spec
    scale = spec.combinations[name].novelty
    if scale is None:
        return np.asarray(np.nan)
    apart = None
    if scale.disagreement is not None:
        eeg, eye = (tempered(logits[head], spec.temperatures[head]) for head in ("eeg", "eye"))
        apart = disagreement(eeg, eye)
    return novelty(distance(embeddings.of(main), bundle.familiar[name]), energy(logits[main]), apart, scale)


def pool(logits: Mapping[str, FloatVector], combination: Combination, temperatures: Mapping[str, float]) -> FloatVector:
    """(..., K) a head -> (..., K) probabilities: the weighted sum of calibrated log-probabilities, normalised."""
    weighted = [w * log_softmax(logits[head] / temperatures[head]) for head, w in combination.weights.items()]
    return tempered(np.sum(weighted, axis=0), 1.0)


def _eeg_passes(window: Window, gate: ModalityGate) -> bool:
    frames, channels = window.eeg_mask.shape
    cells = float(window.eeg_mask.sum())
    return (
        channels > 0
        and window.eeg_coverage >= gate.eeg_coverage
        and cells / frames >= gate.eeg_channels
        and cells / (frames * channels) >= gate.eeg_share
    )


def _eye_passes(window: Window, gate: ModalityGate) -> bool:
    return window.gaze_coverage >= gate.gaze_coverage and float(window.eye_valid.mean()) >= gate.eye_share


def _why_nothing(window: Window, name: str | None) -> AbstainReason:
    """Why there are no probabilities. name: the combination of modalities that the model was asked about, if any."""
    if name is not None:
        return AbstainReason.NO_NUMBERS
    lies = any(reason not in NOTHING_CAME for reason in window.bad_channels.values())  # something, but no EEG
    arrives = window.eeg_coverage > 0.0 or window.gaze_coverage > 0.0 or lies
    return AbstainReason.BAD_SIGNAL if arrives else AbstainReason.NO_SIGNAL
