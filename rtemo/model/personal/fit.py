"""Fitting a personal calibration, with cross-validation over clips to decide whether it is worth having.

The refitted heads are kept only where the labels of the held-out clips are more likely by them than by the trained
ones, and than by knowing nothing; otherwise the trained ones stay. A quantile that covers too few of the held-out
clips is raised; none is ever lowered, as a few clips cannot promise more than the calibration people did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray
from rtemo.model.bundle import Bundle, LinearHead
from rtemo.model.bundle_schema import MAIN_HEAD
from rtemo.model.decoder import pool
from rtemo.model.embeddings import HEADS
from rtemo.model.personal.calibration import LabelledStretch, PersonalCalibration
from rtemo.model.personal.head_refit import Rows, clip_weights, logits_of, refit
from rtemo.model.uncertainty.probabilities import logs
from rtemo.model.uncertainty.smoothing import advance, start, tempered_posterior

SPEAKS = {"eeg": ("eeg",), "eye": ("eye",), "both": HEADS}  # the heads that a combination's windows can train
LEAST_CLIPS = 4
_OFFERS = {head: name for name, head in MAIN_HEAD.items()}  # head -> the combination that it decides

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A labelled interval and its windows: ends times (n,), the combination that each offers, z by head (n, d)."""

    label: int
    begin_s: float
    end_s: float
    times: NDArray[np.float64]
    offers: NDArray[np.str_]
    z: Mapping[str, FloatArray]

    def rows(self, head: str) -> Rows:
        """The windows that a head can read."""
        fits = np.isin(self.offers, [name for name, heads in SPEAKS.items() if head in heads])
        return Rows(self.z[head][fits], self.label)


@dataclass(frozen=True, slots=True)
class FitOutcome:
    """person: None where the trained heads are as good. scores: combination -> before and after, on held-out clips."""

    person: PersonalCalibration | None
    scores: Mapping[str, Mapping[str, Any]]
    verdict: str


def fit_person(bundle: Bundle, clips: Sequence[LabelledClip], holds_s: float | None = None) -> FitOutcome:
    """A calibration for the person whose clips these are. The same clips give the same numbers.

    Raises RtemoError where there are too few clips with usable windows: LEAST_CLIPS, of two labels or more.
    """
    clips = [clip for clip in clips if len(clip.offers)]
    n_labels = len({clip.label for clip in clips})
    if len(clips) < LEAST_CLIPS or n_labels < 2:
        raise RtemoError(
            "too little is labelled for a calibration",
            f"{len(clips)} clips of {n_labels} emotions have settled windows with a usable signal",
            f"label {LEAST_CLIPS} clips of two emotions or more, better two clips of each",
        )
    spec = bundle.spec
    heads = {head: _refitted(bundle, head, clips) for head in HEADS}
    left_out = [[*clips[:i], *clips[i + 1 :]] for i in range(len(clips))]
    logits = {
        head: [
            logits_of(_refitted(bundle, head, rest), one.rows(head).z)
            for one, rest in zip(clips, left_out, strict=True)
        ]
        for head in HEADS
    }
    held_out = _Views(clips, logits, bundle)
    before = _Views(clips, {h: [logits_of(bundle.heads[h], one.rows(h).z) for one in clips] for h in HEADS}, bundle)
    scores = {name: _compared(clips, before.of(name), held_out.of(name)) for name in spec.combinations}
    scores = {name: score for name, score in scores.items() if score}
    main = max(scores, key=lambda name: scores[name]["windows"])
    if not _helps(scores[main], bundle):
        return FitOutcome(None, scores, f"the trained model stays: {_score_text(main, scores[main])}")
    quantiles = {
        name: _covered(clips, held_out.smoothed(name), combination.quantiles)
        for name, combination in spec.combinations.items()
    }
    person = PersonalCalibration(
        fingerprint=bundle.fingerprint,
        heads=heads,
        quantiles=quantiles,
        fitted_on=tuple(LabelledStretch(bundle.labels[clip.label], clip.begin_s, clip.end_s) for clip in clips),
        scores=scores,
        holds_s=holds_s,
    )
    return FitOutcome(person, scores, f"calibrated: {_score_text(main, scores[main])}")


def _helps(score: Mapping[str, Any], bundle: Bundle) -> bool:
    """Whether held-out labels are more likely by the refitted heads than by the trained ones, and than by chance."""
    return bool(score["gain_nats"] > 0.0 and score["after"]["nll"] < np.log(len(bundle.labels)))


def _refitted(bundle: Bundle, head: str, clips: Sequence[LabelledClip]) -> LinearHead:
    """The head for these clips; the trained one where the bundle cannot use it."""
    trained = bundle.heads[head]
    if _OFFERS[head] not in bundle.familiar:
        return trained
    return refit(trained, bundle.spec.temperatures[head], [clip.rows(head) for clip in clips])


class _Views:
    """Probabilities of each clip's windows as a combination of modalities would give them."""

    def __init__(
        self,
        clips: Sequence[LabelledClip],
        logits: Mapping[str, Sequence[Array]],
        bundle: Bundle,
    ) -> None:
        self._clips, self._logits, self._bundle = clips, logits, bundle

    def of(self, name: str) -> list[Array]:
        """(n, K) a clip; the windows of the clip that offer this combination."""
        combination = self._bundle.spec.combinations[name]
        out = []
        for i, clip in enumerate(self._clips):
            parts = {}
            for head in HEADS if name == "both" else (name,):
                fits = np.isin(clip.offers, [one for one, heads in SPEAKS.items() if head in heads])
                parts[head] = self._logits[head][i][(clip.offers == name)[fits]]
            out.append(
                pool(parts, combination, self._bundle.spec.temperatures) if len(next(iter(parts.values()))) else _EMPTY
            )
        return out

    def smoothed(self, name: str) -> list[Array]:
        """The same after the sticky filter, begun afresh in each clip."""
        combination, smoothing = self._bundle.spec.combinations[name], self._bundle.spec.smoothing
        out = []
        for clip, instant in zip(self._clips, self.of(name), strict=True):
            state, posteriors = start(smoothing), []
            for time_s, p in zip(clip.times[clip.offers == name] if len(instant) else (), instant, strict=True):
                state = advance(state, float(time_s), p, combination.decorrelation_s, smoothing)
                posteriors.append(tempered_posterior(state, combination.smoothed_temperature))
            out.append(np.array(posteriors) if posteriors else _EMPTY)
        return out


_EMPTY: Array = np.zeros((0, 0))


def _compared(clips: Sequence[LabelledClip], before: Sequence[Array], after: Sequence[Array]) -> dict[str, Any]:
    """Held-out scores; empty where no clip offers this combination."""
    used = [i for i, p in enumerate(before) if len(p)]
    if not used:
        return {}
    labels = [clips[i].label for i in used]
    weights = clip_weights(labels)
    both = [[logs(p[i]) for i in used] for p in (before, after)]
    losses = [np.array([-p[:, k].mean() for p, k in zip(side, labels, strict=True)]) for side in both]
    right = [
        np.array([float(np.mean(p.argmax(axis=1) == label)) for p, label in zip(side, labels, strict=True)])
        for side in both
    ]
    gain = losses[0] - losses[1]
    error = float(np.sqrt(np.sum(weights**2 * (gain - weights @ gain) ** 2))) if len(used) > 1 else float("inf")
    scores = {
        side: {"nll": float(weights @ losses[k]), "balanced_accuracy": float(weights @ right[k])}
        for k, side in enumerate(("before", "after"))
    }
    windows = int(sum(len(before[i]) for i in used))
    return {"clips": len(used), "windows": windows, **scores, "gain_nats": float(weights @ gain), "gain_error": error}


def _covered(
    clips: Sequence[LabelledClip], held_out: Sequence[Array], known: Mapping[float, float]
) -> dict[float, float]:
    """The known quantiles, raised where held-out clips are covered too seldom. held_out: smoothed."""
    pairs = [(1.0 - p[:, clip.label], clip.label) for p, clip in zip(held_out, clips, strict=True) if len(p)]
    if not pairs:
        return dict(known)
    weights = clip_weights([label for _, label in pairs])
    scores = np.concatenate([score for score, _ in pairs])
    mass = np.concatenate([np.full(len(score), w / len(score)) for (score, _), w in zip(pairs, weights, strict=True)])
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(mass[order])
    needed = {
        level: float(scores[order][min(int(np.searchsorted(reached, level - 1e-12)), len(order) - 1)])
        for level in known
    }
    return {level: max(quantile, needed[level]) for level, quantile in known.items()}


def _score_text(name: str, score: Mapping[str, Any]) -> str:
    before, after = score["before"], score["after"]
    return (
        f"on {score['clips']} held-out clips ({name}) the balanced accuracy goes from "
        f"{before['balanced_accuracy']:.0%} to {after['balanced_accuracy']:.0%}, "
        f"the loss from {before['nll']:.2f} to {after['nll']:.2f}"
    )
