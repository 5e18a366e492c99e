"""From a cross-fitted method to a bundle: fit everybody, put both together, write, say what is promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import UNLABELLED
from offline.evaluation.methods.base import ExportableModel, Model
from offline.evaluation.methods.own import OwnModel
from offline.export import calibrate
from offline.export.exported_model import ExportedModel
from offline.export.method_bundle import TrainingFacts, write_method_bundle
from offline.export.onnx_graph import export_network
from offline.export.run_method import export_method
from offline.export.session_outputs import NetworkOutputs
from offline.fit.calibration import FEWEST, promise
from offline.fit.cross_fit import CrossFit, FitData, fit_everybody
from offline.fit.held_out_outputs import rating_heads, raw_outputs, some
from offline.fit.rating_heads import shipped_heads, shipped_specs
from offline.fit.scores import summary
from offline.training.initial_weights import InitialWeights, live_settings
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle
from rtemo.model.bundle_schema import Decision


class CannotRunLive(RtemoError):
    """A method that can be fitted but not go live."""


def exported(model: Model, name: str) -> ExportedModel:
    """The fitted method as the live application runs it. Raises CannotRunLive where it cannot."""
    if isinstance(model, OwnModel):
        return export_network(model.frozen.network, model.heads)
    if not isinstance(model, ExportableModel):
        raise CannotRunLive(f"{name} cannot run live", f"{type(model).__name__} has no graph", "use another method")
    try:
        return export_method(model, name)
    except RtemoError as error:
        raise CannotRunLive(error.fact, error.found, error.todo or "use another method") from error


def ship(
    data: FitData,
    found: CrossFit,
    candidates: Sequence[Mapping[str, Any]],
    note: str,
    name: str,
    out: Path,
    initial: InitialWeights | None,
) -> Bundle:
    """Fit everybody and write the bundle. candidates, note: of the comparison, for the card. initial: weights that the
    network began from. Raises CannotRunLive where the method cannot.
    """
    model = fit_everybody(data, found)
    made = exported(model, found.name)
    training = outputs_of_everybody(data, found, model)
    fitted = found.calibration
    specs = shipped_specs(found.ratings, fitted.combinations)
    regressions = rating_heads(replace(found.task, ratings=tuple(specs)), model, learned_from(data)) if specs else {}
    decision = replace(calibrate.decision(len(data.corpus.labels)), set_level=fitted.set_level)
    calibration = calibrate.Calibration(
        model=made.sha256,
        temperatures=fitted.temperatures,
        combinations=fitted.combinations,
        smoothing=fitted.smoothing,
        familiar={one: calibrate.familiar(training, one) for one in fitted.combinations},
        decision=decision,
    )
    return write_method_bundle(
        out,
        made,
        calibration,
        facts(data, found, candidates, decision, initial),
        card(data, found, note),
        name=name,
        labels=data.corpus.labels,
        settings=live_settings(data.corpus),
        ratings=specs,
        regressions=shipped_heads(specs, regressions),
    )


def learned_from(data: FitData) -> NDArray[np.int64]:
    """The windows that the model that ships is fitted on."""
    return np.flatnonzero(data.table.ids.label != UNLABELLED)


def outputs_of_everybody(data: FitData, found: CrossFit, model: Model) -> list[NetworkOutputs]:
    """What the model that ships makes of recordings that it was trained on, for what counts as familiar."""
    learned = np.unique(data.table.shard[data.table.ids.label >= 0])
    return raw_outputs(found.task, model, some(learned))


def facts(
    data: FitData,
    found: CrossFit,
    candidates: Sequence[Mapping[str, Any]],
    decision: Decision,
    initial: InitialWeights | None,
) -> TrainingFacts:
    """Where the bundle comes from, and how it does on people who were held out."""
    n, corpus = len(data.people), data.corpus
    scores = {one: summary(people, decision) for one, people in found.decoded.items() if len(people) > 1 or n < FEWEST}
    made = TrainingFacts.of(
        corpus,
        [who.partition("/")[2] for who in data.people],
        {"trained on": n, "held out in turn": n},
        seed=data.seed,
        promise=" ".join(promise(n, data.groups)),
        scores=scores,
        ratings=found.ratings.scores,
        candidates=candidates if len(candidates) > 1 else (),
    )
    seen = () if initial is None else initial.people
    few = f", only {n}: too few to rely on" if n < FEWEST else ""
    return replace(made, trained_on=f"{made.trained_on}{few}", seen=tuple(sorted({*made.seen, *seen})))


def card(data: FitData, found: CrossFit, note: str) -> str:
    """What is added to the model card: how it was fitted."""
    apart = "people and films" if data.clips_apart else "people"
    chosen = ", ".join(f"{name} {value:.4g}" for name, value in found.chosen.items())
    lines = [
        f"- {found.name}, trained on all {len(data.people)} people; the scores are of people held out in turn, in "
        f"{data.groups} groups, each calibrated by the others: {apart} were kept apart",
        f"- chosen in the folds, the median: {chosen or 'nothing'}",
        *([f"- {note}"] if note else []),
        *(f"- {line}" for line in missing_combinations(data, found)),
        *(f"- {line}" for line in promise(len(data.people), data.groups)[1:]),
    ]
    return "## How it was fitted\n\n" + "\n".join(lines)


def missing_combinations(data: FitData, found: CrossFit) -> list[str]:
    """Which combinations of modalities the method could use and the model does without, and why: one sentence each."""
    n = len(data.people)
    return [
        f"without {name}: {people} of {n} people have windows of it that can be used, too few to calibrate it"
        for name, people in found.calibration.too_few.items()
    ]
