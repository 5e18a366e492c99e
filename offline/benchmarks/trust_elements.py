"""Decoder ablations: each uncertainty element switched off in turn, and the scores of what the decoder predicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from offline.benchmarks.trust_people import LABELLED, BenchSession
from offline.evaluation.metrics import aurc, balanced_accuracy, ece
from rtemo.model.bundle import Bundle
from rtemo.model.bundle_schema import ModalityGate
from rtemo.model.decoder import AbstainReason, Decoder
from rtemo.model.embeddings import HEADS
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.personal.embedding_memory import EmbeddingMemory
from rtemo.model.personal.fit import FitOutcome, LabelledClip, fit_person
from rtemo.model.prediction import Prediction
from rtemo.model.uncertainty.adaptive import SelfReport

_OPEN = ModalityGate(0.0, 0.0, 0.0, 0.0, 0.0)
SIGNAL = (AbstainReason.NO_SIGNAL, AbstainReason.BAD_SIGNAL)


@dataclass(frozen=True, slots=True)
class PersonPredictions:
    """One person's scored windows: true labels (n,) and the decoder's predictions."""

    person: int
    labels: NDArray[np.int64]
    predictions: tuple[Prediction, ...]
    smoothed: bool = True

    @property
    def p(self) -> NDArray[np.float64]:
        """(n, K); instantaneous ones of windows without a usable signal are even."""
        name = "smoothed" if self.smoothed else "probabilities"
        rows = np.array([list(getattr(one, name).values()) for one in self.predictions])
        return np.where(np.isfinite(rows), rows, 1.0 / rows.shape[1])


@dataclass(frozen=True, slots=True)
class Element:
    """One ablation. change: the bundle without the element."""

    name: str
    change: Callable[[Bundle], Bundle]
    smoothed: bool = True


def elements() -> tuple[Element, ...]:
    """The ablations; the first switches nothing off."""
    return (
        Element("everything", lambda bundle: bundle),
        Element("no temperatures", lambda b: with_spec(b, temperatures=dict.fromkeys(HEADS, 1.0))),
        Element("sets at 90 %", lambda b: with_spec(b, decision=replace(b.spec.decision, set_level=0.9))),
        Element("no sets", lambda b: with_spec(b, decision=replace(b.spec.decision, largest_set=len(b.labels)))),
        Element("no novelty gate", without_novelty),
        NO_GATE,
        Element("no smoothing", lambda b: b, smoothed=False),
    )


NO_GATE = Element("no signal gate", lambda b: with_spec(b, gate=_OPEN))


def with_spec(bundle: Bundle, **changes: object) -> Bundle:
    """The bundle with other fields in its spec."""
    return replace(bundle, spec=replace(bundle.spec, **changes))  # type: ignore[arg-type]


def without_novelty(bundle: Bundle) -> Bundle:
    """No window is ever novel."""
    combinations = {
        name: replace(one, novelty=None if one.novelty is None else replace(one.novelty, threshold=1e12))
        for name, one in bundle.spec.combinations.items()
    }
    return with_spec(bundle, combinations=combinations)


def run(
    bundle: Bundle,
    session: BenchSession,
    scored: NDArray[np.bool_],
    *,
    smoothed: bool = True,
    person: PersonalCalibration | None = None,
    reports: Iterable[SelfReport] = (),
) -> PersonPredictions:
    """Decode a whole session as live; the predictions of the `scored` windows (n,)."""
    decoder = Decoder(bundle, person)
    for report in reports:
        decoder.report(report)
    predictions = [decoder.step(window, embeddings) for window, embeddings in session.steps()]
    at = np.flatnonzero(scored)
    return PersonPredictions(session.person, session.labels[at], tuple(predictions[i] for i in at), smoothed)


def tested(session: BenchSession) -> NDArray[np.bool_]:
    """Windows of clips; on the labelled day only those after the clips that a calibration may use."""
    first = n_labelled(session) if session.kind == "day" else 0
    return np.asarray((session.labels >= 0) & (session.clips >= first))


def n_labelled(session: BenchSession) -> int:
    """How many clips of the labelled day a calibration may use."""
    return LABELLED * len({label for label, _, _ in session.bounds})


def calibrated(bundle: Bundle, day: BenchSession) -> FitOutcome:
    """A personal calibration on the first clips of the day, as the application would fit it."""
    memory = EmbeddingMemory(bundle.spec)
    for window, embeddings in day.steps():
        memory.take(window, embeddings)
    clips: Sequence[LabelledClip] = [memory.clip(*bound) for bound in day.bounds[: n_labelled(day)]]
    return fit_person(bundle, clips)


def reports_of(day: BenchSession) -> list[SelfReport]:
    """A self-report after each of the first clips."""
    return [SelfReport(label, begin, end, end + 2.0) for label, begin, end in day.bounds[: n_labelled(day)]]


def scores(runs: Sequence[PersonPredictions]) -> dict[str, float]:
    """Means over people, each weighing the same, but `ece`, which is of all windows together; see README.md."""
    used = [one for one in runs if len(one.labels)]
    if not used:
        return dict.fromkeys((*_one_names, "ece"), float("nan"))
    each = [_one(one) for one in used]
    found = {name: _mean([one[name] for one in each]) for name in _one_names}
    p, labels = np.concatenate([one.p for one in used]), np.concatenate([one.labels for one in used])
    return found | {"ece": ece(p, labels)}


_one_names = ("accuracy", "coverage", "size", "aurc", "abstains", "named", "novel", "signal")


def _mean(values: Sequence[float]) -> float:
    """Of those who have a value."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def accuracy(one: PersonPredictions) -> float:
    """Balanced accuracy of all scored windows, abstained or not."""
    return balanced_accuracy(one.labels, one.p.argmax(axis=1))


def _one(one: PersonPredictions) -> dict[str, float]:
    probabilities, labels = one.p, one.labels
    right = probabilities.argmax(axis=1) == labels
    named = np.array([prediction.abstain is None for prediction in one.predictions])
    reasons = [prediction.abstain for prediction in one.predictions]
    names = list(one.predictions[0].smoothed)
    pairs = zip(labels, one.predictions, strict=True)
    sets = [(names[k] in p.set, len(p.set)) for k, p in pairs if p.abstain in (None, AbstainReason.UNDECIDED)]
    return {
        "accuracy": accuracy(one),
        "coverage": float(np.mean([inside for inside, _ in sets])) if sets and one.smoothed else float("nan"),
        "size": float(np.mean([size for _, size in sets])) if sets and one.smoothed else float("nan"),
        "aurc": aurc(probabilities, labels, ~named),
        "abstains": float(np.mean(~named)),
        "named": float(np.mean(right[named])) if named.any() else float("nan"),
        "novel": float(np.mean([reason == AbstainReason.NOVEL for reason in reasons])),
        "signal": float(np.mean([reason in SIGNAL for reason in reasons])),
    }
