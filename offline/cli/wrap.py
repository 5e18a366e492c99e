"""The arguments of `wrap`: an own model as a bundle."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import ModelInput

if TYPE_CHECKING:
    from offline.corpus.corpus import Corpus
    from offline.export.wrap.declared import Declared
    from rtemo.model.bundle import Bundle

_INPUTS: tuple[ModelInput, ...] = ("signal", "eeg", "eeg_mask", "positions", "eye", "eye_valid")
_FEATURES = ("de", "eye")
_OUTPUTS: tuple[Literal["logits", "probabilities", "embedding"], ...] = ("logits", "probabilities", "embedding")


def add_wrap(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `wrap`: an own ONNX, torch or scikit-learn model."""
    parser = commands.add_parser(
        "wrap",
        help="an own model as a bundle: calibrated on people whom it has not seen, or marked as uncalibrated",
        description="MODEL is FILE.onnx, FILE.pt2 (torch.export.save), FILE.joblib (a fitted scikit-learn pipeline; "
        "opening one runs code, so only your own) or MODULE:NAME (a torch module or its class, or a pipeline).",
    )
    parser.set_defaults(run=_wrap)
    parser.add_argument("model", metavar="MODEL", help="file or MODULE:NAME")
    parser.add_argument("--corpus", type=Path, metavar="C", help="people whom the model has NOT seen")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    parser.add_argument("--name", metavar="TEXT", help="the model's name in its card (default: MODEL)")
    parser.add_argument("--labels", metavar="A,B", help="in the order of its outputs (default: the corpus's)")
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="[NAME=]WHAT",
        help=f"one for each input of the model, in its order; NAME: in an ONNX graph; WHAT: {', '.join(_INPUTS)} "
        "(default: signal)",
    )
    parser.add_argument(
        "--features", metavar="F,F", help="of a scikit-learn pipeline, in the order of its columns: de, eye"
    )
    parser.add_argument(
        "--channels",
        default="corpus",
        metavar="A,B",
        help="electrodes that it takes, onto which any montage is interpolated; any: whatever there is; "
        "corpus: those that all its recordings share (default)",
    )
    parser.add_argument(
        "--output",
        metavar="[NAME=]WHAT",
        help=f"what it gives: {', '.join(_OUTPUTS)} (default: logits); NAME: of a "
        "graph with several outputs, the one that is meant",
    )
    parser.add_argument(
        "--ratings", metavar="A,B",
        help="of a model that rates instead of telling labels apart: the corpus's names of its outputs, in their order "
        "and units, such as valence,arousal",
    )  # fmt: skip
    parser.add_argument("--reference", default="average", choices=["average", "none"], help="of the signal")
    parser.add_argument(
        "--scale",
        default="session",
        choices=["session", "microvolts"],
        help="of the signal: divided by each channel's size in the session so far, or as it is (default: session)",
    )


def _wrap(options: argparse.Namespace) -> None:
    from offline.corpus.corpus import open_corpus
    from offline.export.wrap.wrap import wrap

    if options.out.exists():
        raise RtemoError(f"{options.out} exists already", "nothing is overwritten", "name another folder")
    corpus = None if options.corpus is None else open_corpus(options.corpus)
    bundle = wrap(options.model, _declared(options, corpus), corpus, options.out, options.name or options.model)
    state = "calibrated" if bundle.spec.calibrated else "NOT calibrated: it shows no sets and no novelty"
    sys.stdout.write(f"{options.out}: {bundle.spec.name}, {state}{_rated(bundle)}; {bundle.fingerprint[:16]}\n")


def _rated(bundle: Bundle) -> str:
    """What it says of ratings, where the corpus has any."""
    scored, shipped = bundle.spec.training.get("ratings", {}), bundle.spec.ratings
    missing = [name for name in scored if name not in shipped]
    return (f"; estimates {', '.join(shipped)}" if shipped else "") + (
        f"; no estimate of {', '.join(missing)}: no better than the mean" if missing else ""
    )


def _declared(options: argparse.Namespace, corpus: Corpus | None) -> Declared:
    from offline.export.wrap.declared import Declared, channels_of
    from offline.export.wrap.own_sklearn import feature_inputs
    from offline.training.initial_weights import live_settings
    from rtemo.core.settings import PipelineSettings

    labels = tuple(_names(options.labels)) if options.labels else corpus.labels if corpus is not None else ()
    if len(set(labels)) != len(labels) or len(labels) < 2:
        raise RtemoError("it is not known what the model tells apart", f"labels {labels}", "name them: --labels A,B")
    if corpus is not None and labels != corpus.labels:
        raise RtemoError("the corpus has other labels", f"{corpus.labels}, not {labels}", "use another corpus")
    features, ratings = tuple(_names(options.features or "")), tuple(_names(options.ratings or ""))
    if features and options.input:
        raise RtemoError("features name the inputs already", f"--input {options.input[0]}", "leave --input out")
    if ratings and options.output:
        raise RtemoError("a model gives ratings or something else", f"--output {options.output}", "leave one out")
    if len(set(features)) != len(features):
        raise RtemoError("a feature is named twice", ", ".join(features), "name each once")
    if len(set(ratings)) != len(ratings):
        raise RtemoError("a rating is named twice", ", ".join(ratings), "name each of the model's outputs once")
    if unknown := sorted(set(features) - set(_FEATURES)):
        raise RtemoError("there are no such features", ", ".join(unknown), f"use {', '.join(_FEATURES)}")
    inputs = feature_inputs(features) if features else _inputs(options.input or ["signal"])
    output_name, _, given = (options.output or "logits").rpartition("=")
    output = next((one for one in _OUTPUTS if one == given), None)
    if output is None:
        raise RtemoError(f"there is no output {given!r}", "", f"use one of {', '.join(_OUTPUTS)}")
    return Declared(
        labels=labels,
        settings=PipelineSettings() if corpus is None else live_settings(corpus),
        inputs=inputs,
        channels=channels_of(options.channels, corpus, inputs.values()),
        output=output,
        output_name=output_name,
        reference=options.reference,
        scale=options.scale,
        features=features,
        ratings=ratings,
    )


def _inputs(given: Sequence[str]) -> dict[str, ModelInput]:
    """The graph's name of each input -> what it is."""
    known: dict[str, ModelInput] = {name: name for name in _INPUTS}
    found: dict[str, ModelInput] = {}
    for one in given:
        name, _, what = one.rpartition("=")
        if what not in known:
            raise RtemoError(f"there is no input {what!r}", "", f"use one of {', '.join(_INPUTS)}")
        found[name or what] = known[what]
    return found


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
