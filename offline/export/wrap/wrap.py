"""Wrap an own model: read it, check it against what is declared, calibrate it on held-out people, write the bundle."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import nn

from offline.corpus.corpus import UNLABELLED, Corpus
from offline.export.calibrate import Calibration, calibrated, familiar
from offline.export.export import GATE
from offline.export.exported_model import ExportedModel
from offline.export.method_bundle import TrainingFacts, write_method_bundle
from offline.export.session_outputs import NetworkOutputs, run_bundle
from offline.export.wrap.answers import check_answers
from offline.export.wrap.declared import Declared
from offline.export.wrap.own_onnx import own_graph
from offline.export.wrap.own_sklearn import classifier_onnx, regressor_onnx
from offline.export.wrap.own_torch import program_of, torch_onnx
from offline.fit.calibration import FEWEST, cross_decoded
from offline.fit.rating_heads import (
    Heads,
    calibrated_ratings,
    fit_heads,
    rating_names,
    reading_ratings,
    shipped_heads,
    shipped_specs,
    with_ratings,
)
from offline.fit.scores import summary
from offline.splits import PEOPLE_FOLDS
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle, LinearHead
from rtemo.model.embeddings import HEADS

STRENGTH = 1e-2  # of the logistic regression that new heads are, as of the methods'
_KIND_OF_SUFFIX = {".onnx": "onnx", ".pt2": "torch", ".joblib": "scikit-learn"}


def wrap(model: str, declared: Declared, corpus: Corpus | None, out: Path, name: str) -> Bundle:
    """Write the bundle of an own model: a file (.onnx, .pt2, .joblib) or MODULE:NAME.

    corpus: people whom the model has not seen, to calibrate it on; None: a bundle that is marked as uncalibrated.
    Raises RtemoError where the model does not fit what is declared, or gives no finite numbers on the corpus.
    """
    if out.exists():
        raise RtemoError(f"{out} exists already", "nothing is overwritten", "name another folder")
    own = read_model(model, declared)
    more: dict[str, Any] = {"name": name, "labels": declared.labels, "settings": declared.settings}
    if corpus is None:
        if not own.heads:
            what = "a model of ratings needs" if declared.ratings else "an embedding needs"
            raise RtemoError(
                f"{what} heads for the labels", "there is no corpus to fit them on", "name one with --corpus"
            )
        facts = TrainingFacts("data that only its author knows", {})
        with TemporaryDirectory() as folder:  # nothing is left where the graph cannot be run
            check_answers(write_method_bundle(Path(folder) / "bundle", own, None, facts, **more), declared)
        return write_method_bundle(out, own, None, facts, **more)
    names = [one for one in corpus.sources.live_combinations() if one in own.combinations]
    if not names:
        raise RtemoError("this corpus cannot calibrate the model", f"it takes {own.declaration.inputs}", "use another")
    ratings = _ratings(declared, corpus)
    sessions = _run(own, declared, corpus, more)
    regressions = partial(_regressions, declared, names, ratings)
    groups = _held_out(own, sessions, names, len(corpus.labels), regressions)
    own = own if own.heads else replace(own, heads=_heads(sessions, len(corpus.labels)))
    crossed = [session for group in groups.values() for session in group]
    calibration = calibrated(own, names, declared.settings, sessions, crossed)
    rated = calibrated_ratings(crossed, names, ratings)
    specs = shipped_specs(rated, calibration.combinations)
    people = len(corpus.subjects)
    facts = TrainingFacts.of(
        corpus,
        corpus.subjects,
        {"calibrated on, whom its author says it had not seen": people},
        scores=_scores(groups, names, declared, calibration, len(corpus.labels)),
        ratings=rated.scores,
    )
    known = f"data that only its author knows; calibrated on {people} people of {corpus.name}"
    more |= {"ratings": specs, "regressions": shipped_heads(specs, regressions(sessions))}
    return write_method_bundle(out, own, calibration, replace(facts, trained_on=known), **more)


def _ratings(declared: Declared, corpus: Corpus) -> tuple[str, ...]:
    """The corpus's ratings to estimate; of a model that gives ratings itself: those. Raises RtemoError without them."""
    known = rating_names(corpus.shards)
    if missing := [name for name in declared.ratings if name not in known]:
        raise RtemoError(
            f"the corpus has no ratings of {', '.join(missing)} by {FEWEST} people or more",
            f"it has {', '.join(known) or 'none'}",
            "use a corpus with them, or name them as the corpus does: --ratings",
        )
    return declared.ratings or known


def _regressions(
    declared: Declared, names: Sequence[str], ratings: Sequence[str], sessions: Sequence[NetworkOutputs]
) -> Heads:
    """Estimates of ratings by the model's own outputs, or by regressions on them that these people teach."""
    if declared.ratings:
        return reading_ratings(ratings, names)
    return fit_heads(sessions, names, ratings, [s.labels != UNLABELLED for s in sessions])


def read_model(model: str, declared: Declared) -> ExportedModel:
    """The model of a file, or of MODULE:NAME: a torch module or its class, or a fitted scikit-learn pipeline."""
    path = Path(model)
    if path.suffix in _KIND_OF_SUFFIX and not path.is_file():
        raise RtemoError(f"{model} is not there", "", "name a file or MODULE:NAME")
    if path.suffix == ".onnx":
        try:
            graph = onnx.load(path)
        except Exception as error:  # protobuf's errors have no public base
            raise RtemoError(f"{model} is no ONNX graph", str(error)[:200], "export it again") from error
        return own_graph(graph, declared, "onnx", path.name)
    found = program_of(path) if path.suffix == ".pt2" else _loaded(path) if path.suffix == ".joblib" else _named(model)
    if inspect.isclass(found) and issubclass(found, nn.Module):
        found = _own_code(model, found)
    if isinstance(found, nn.Module):
        return own_graph(torch_onnx(found, declared), declared, "torch", model)
    if not declared.features:
        raise RtemoError("a scikit-learn pipeline takes features", "none are named", "say which: --features de,eye")
    graph = (regressor_onnx if declared.ratings else classifier_onnx)(found, declared)
    return own_graph(graph, replace(declared, output="probabilities"), "scikit-learn", model)


def _loaded(path: Path) -> Any:
    try:
        return joblib.load(path)
    except Exception as error:  # whatever unpickling raises
        raise RtemoError(
            f"{path} cannot be read", f"{type(error).__name__}: {error}"[:200], "write it again"
        ) from error


def _named(model: str) -> Any:
    module, _, name = model.partition(":")
    if not module or not name:
        raise RtemoError(f"{model} is no model", "", "name FILE.onnx, FILE.pt2, FILE.joblib or MODULE:NAME")
    return _own_code(model, lambda: getattr(importlib.import_module(module), name))


def _own_code(model: str, run: Callable[[], Any]) -> Any:
    """What the user's code gives. Raises RtemoError where it fails, in whatever way."""
    try:
        return run()
    except (ImportError, AttributeError) as error:
        raise RtemoError(f"{model} cannot be imported", str(error), "put its folder on PYTHONPATH") from error
    except Exception as error:
        found = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        todo = "let it be made without arguments, or name an object that is made already: MODULE:NAME"
        raise RtemoError(f"the code of {model} fails", found, todo) from error


def _run(own: ExportedModel, declared: Declared, corpus: Corpus, more: Mapping[str, Any]) -> list[NetworkOutputs]:
    """What the model says of everybody, by the live runtime; logits mean nothing yet where it gives embeddings."""
    shards = [shard for shard in corpus if len(shard.labelled)]
    width = own.shape.embedding
    blank = LinearHead(np.zeros((len(corpus.labels), width), np.float32), np.zeros(len(corpus.labels), np.float32))
    draft = own if own.heads else replace(own, heads=dict.fromkeys(HEADS, blank))
    with TemporaryDirectory() as folder:
        bundle = write_method_bundle(Path(folder) / "bundle", draft, None, TrainingFacts("nothing", {}), **more)
        check_answers(bundle, declared)
        sessions = run_bundle(bundle, shards, GATE, "model")
    _check_numbers(own, sessions)
    return sessions


def _check_numbers(own: ExportedModel, sessions: Sequence[NetworkOutputs]) -> None:
    head = "joint" if "both" in own.combinations else own.combinations[0]
    used = [np.any([s.passes[name] for name in own.combinations], axis=0) for s in sessions]
    wrong = [int((~np.isfinite(s.z[head][rows]).all(axis=1)).sum()) for s, rows in zip(sessions, used, strict=True)]
    if sum(wrong):
        windows = sum(int(rows.sum()) for rows in used)
        raise RtemoError("the model gives no finite numbers", f"in {sum(wrong)} of {windows} windows", "mend the model")


def _held_out(
    own: ExportedModel,
    sessions: Sequence[NetworkOutputs],
    names: Sequence[str],
    n_labels: int,
    regressions: Callable[[Sequence[NetworkOutputs]], Heads],
) -> dict[int, list[NetworkOutputs]]:
    """Group of people -> their sessions, with heads (where the model gives embeddings) and regressions on ratings that
    were fitted on the other groups, and with what is familiar learned from these.
    """
    people: NDArray[Any] = np.array(sorted({s.shard.about.subject for s in sessions}))
    if len(people) < 2:
        raise RtemoError("one person cannot calibrate a model", "", "use a corpus of 6 people or more")
    dealt = np.array_split(np.random.default_rng(0).permutation(people), min(PEOPLE_FOLDS, len(people)))
    found = {}
    for group, mine in enumerate(dealt):
        others = [s for s in sessions if s.shard.about.subject not in mine]
        known = {name: familiar(others, name) for name in names}
        heads, rated = None if own.heads else _heads(others, n_labels), regressions(others)
        own_sessions = [with_ratings(s, rated) for s in sessions if s.shard.about.subject in mine]
        held_out = [replace(s, familiar=known) for s in own_sessions]
        found[group] = held_out if heads is None else [replace(s, logits=_logits(heads, s)) for s in held_out]
    return found


def _heads(sessions: Sequence[NetworkOutputs], n_labels: int) -> dict[str, LinearHead]:
    return {head: _head(sessions, head, n_labels) for head in HEADS}


def _logits(heads: Mapping[str, LinearHead], session: NetworkOutputs) -> dict[str, NDArray[np.float64]]:
    return {name: session.z[name].astype(np.float64) @ one.weight.T + one.bias for name, one in heads.items()}


def _head(sessions: Sequence[NetworkOutputs], head: str, n_labels: int) -> LinearHead:
    name = {"eeg": "eeg", "eye": "eye", "joint": "both"}[head]
    z = np.concatenate([s.z[head][s.counted(name)] for s in sessions])
    labels = np.concatenate([s.labels[s.counted(name)] for s in sessions])
    weight, bias = np.zeros((n_labels, z.shape[1]), np.float32), np.zeros(n_labels, np.float32)
    seen = np.unique(labels)
    if len(seen) > 1 and z.std() > 0:
        spread = np.maximum(z.std(axis=0), 1e-6)
        fit = LogisticRegression(C=STRENGTH, max_iter=300).fit((z - z.mean(axis=0)) / spread, labels)
        coefficients = np.concatenate((-fit.coef_, fit.coef_)) / 2 if len(seen) == 2 else fit.coef_
        intercept = np.concatenate((-fit.intercept_, fit.intercept_)) / 2 if len(seen) == 2 else fit.intercept_
        weight[seen] = coefficients / spread
        bias[seen] = intercept - (coefficients / spread) @ z.mean(axis=0)
    return LinearHead(weight, bias)


def _scores(
    groups: Mapping[int, Sequence[NetworkOutputs]],
    names: Sequence[str],
    declared: Declared,
    calibration: Calibration,
    n_labels: int,
) -> dict[str, Any]:
    """Scores of every group of people with what the others calibrate; none where there are too few for that."""
    if len({session.shard.about.subject for group in groups.values() for session in group}) < FEWEST:
        return {}
    decoded = cross_decoded(groups, names, n_labels, declared.settings.window.length_s, fused=False)
    return {name: summary(people, calibration.decision) for name, people in decoded.items()}
