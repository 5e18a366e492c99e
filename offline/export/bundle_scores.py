"""Score a model bundle on people: every window of a session goes through the live application's decoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.evaluation.metrics import balanced_accuracy, ece, nll, per_person
from offline.export.session_outputs import NetworkOutputs
from rtemo.model.bundle import Bundle
from rtemo.model.decoder import AbstainReason, Decoder
from rtemo.model.prediction import Prediction


@dataclass(frozen=True, slots=True)
class DecodedPerson:
    """One person's labelled windows: labels (n,), trials (n,), and the decoder's predictions."""

    labels: NDArray[np.int64]
    trials: NDArray[np.int64]
    predictions: tuple[Prediction, ...]

    def matrix(self, name: str) -> NDArray[np.float64]:
        """(n, K) of `probabilities` or `smoothed`."""
        return np.array([list(getattr(prediction, name).values()) for prediction in self.predictions])


def score(bundle: Bundle, sessions: Sequence[NetworkOutputs], combination: str) -> dict[str, Any] | None:
    """How well a combination of modalities does on these people; None where nobody offers it.

    Accuracies are balanced and count every labelled window that the gate lets pass, abstained or not. trial: the
    argmax of the mean log-probability of a trial's windows.
    """
    people = [p for p in (_decode(bundle, s, combination) for s in _grouped(sessions)) if p is not None]
    if not people:
        return None
    labels = np.concatenate([person.labels for person in people])
    now, smooth = (np.concatenate([p.matrix(name) for p in people]) for name in ("probabilities", "smoothed"))
    predictions = [prediction for person in people for prediction in person.predictions]
    named = np.array([prediction.emotion is not None for prediction in predictions])
    right = smooth.argmax(axis=1) == labels
    return {
        "chance": 1.0 / len(np.unique(labels)),
        "n_people": len(people),
        "n_trials": sum(len(np.unique(person.trials)) for person in people),
        "n_windows": len(labels),
        "window": per_person([_accuracy(p.labels, p.matrix("probabilities")) for p in people]),
        "smoothed": per_person([_accuracy(p.labels, p.matrix("smoothed")) for p in people]),
        "trial": per_person([_trial_accuracy(p) for p in people]),
        "ece": ece(now, labels),
        "ece_smoothed": ece(smooth, labels),
        "nll": nll(now, labels),
        "nll_smoothed": nll(smooth, labels),
        "abstained": float(np.mean(~named)),
        "novel": float(np.mean([p.abstain == AbstainReason.NOVEL for p in predictions])),
        "smoothed_when_not_abstaining": float(np.mean(right[named])) if named.any() else None,
        "sets": {f"{level:g}": _sets(bundle, sessions, combination, level) for level in _levels(bundle, combination)},
    }


def _levels(bundle: Bundle, combination: str) -> tuple[float, ...]:
    return tuple(bundle.spec.combinations[combination].quantiles)


def _sets(bundle: Bundle, sessions: Sequence[NetworkOutputs], combination: str, level: float) -> dict[str, float]:
    """Coverage (mean over people) and mean size of the sets at a level, over the windows that are not novel."""
    decision = replace(bundle.spec.decision, set_level=level)
    at_level = replace(bundle, spec=replace(bundle.spec, decision=decision))
    covered: list[float] = []
    sizes: list[int] = []
    for person in (_decode(at_level, s, combination) for s in _grouped(sessions)):
        if person is None:
            continue
        pairs = zip(person.predictions, person.labels, strict=True)
        judged = [(p.set, bundle.labels[k]) for p, k in pairs if p.abstain != AbstainReason.NOVEL]
        if judged:
            covered.append(float(np.mean([label in members for members, label in judged])))
            sizes.extend(len(members) for members, _ in judged)
    return {"coverage": float(np.mean(covered)), "size": float(np.mean(sizes))} if covered else {}


def _decode(bundle: Bundle, sessions: Sequence[NetworkOutputs], combination: str) -> DecodedPerson | None:
    labels, trials, predictions = [], [], []
    for number, session in enumerate(sessions):
        decoder, counted = Decoder(bundle), session.counted(combination)
        for i, (window, embeddings) in enumerate(session.windows(combination)):
            prediction = decoder.step(window, embeddings)
            if counted[i]:
                labels.append(session.labels[i])
                trials.append(number * 100_000 + int(session.shard.rows["trial"][i]))
                predictions.append(prediction)
    return DecodedPerson(np.array(labels), np.array(trials), tuple(predictions)) if labels else None


def _accuracy(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    return balanced_accuracy(labels, probabilities.argmax(axis=1))


def _trial_accuracy(person: DecodedPerson) -> float:
    log_p = np.log(np.maximum(person.matrix("probabilities"), 1e-12))
    trials = np.unique(person.trials)
    found = np.array([log_p[person.trials == trial].mean(axis=0).argmax() for trial in trials])
    return balanced_accuracy(np.array([person.labels[person.trials == trial][0] for trial in trials]), found)


def _grouped(sessions: Sequence[NetworkOutputs]) -> list[list[NetworkOutputs]]:
    people = sorted({s.shard.about.subject for s in sessions})
    return [[s for s in sessions if s.shard.about.subject == person] for person in people]
