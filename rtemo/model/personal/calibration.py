"""A personal calibration: heads and quantiles for one participant on one bundle, as a JSON file.

The file names the bundle by its fingerprint and is refused by every other one. Arrays are base64 of little-endian
float32; nothing is ever unpickled. How it is fitted is in fit.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.records import Made, NotNegative, Reader
from rtemo.core.types import FloatArray
from rtemo.model.bundle import Bundle, LinearHead
from rtemo.model.bundle_schema import Level
from rtemo.model.embeddings import HEADS

FORMAT = 2


@dataclass(frozen=True, slots=True)
class LabelledStretch:
    """What was labelled: from begin_s to end_s, LSL time."""

    label: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class PersonalCalibration:
    """holds_s: LSL time from which on it counts in the session that it was made in; None for every other session.

    quantiles: combination -> level -> quantile. scores: combination -> held-out scores before and after, see
    fit.py.
    """

    fingerprint: str
    heads: Mapping[str, LinearHead]
    quantiles: Mapping[str, Mapping[float, float]]
    fitted_on: tuple[LabelledStretch, ...]
    scores: Mapping[str, Any]
    holds_s: float | None = None

    def applied(self, bundle: Bundle) -> Bundle:
        """The bundle as it is for this person. Raises RtemoError for another bundle than the one it was made for."""
        check_fits(self.fingerprint, bundle, "this personal calibration")
        combinations = {
            name: replace(combination, quantiles=self.quantiles[name])
            for name, combination in bundle.spec.combinations.items()
        }
        spec = replace(bundle.spec, combinations=combinations)
        return replace(bundle, spec=spec, heads=self.heads)


def check_fits(fingerprint: str, bundle: Bundle, what: str) -> None:
    """Raises RtemoError where `what` was made for another bundle than this."""
    if fingerprint != bundle.fingerprint:
        raise RtemoError(
            f"{what} was made for another model",
            f"bundle {fingerprint[:16]}, this one is {bundle.fingerprint[:16]} ({bundle.spec.name})",
            "name the bundle that it was made for, or calibrate again",
        )


def save_person(path: Path, person: PersonalCalibration) -> None:
    """Write the file in one step. Raises RtemoError where it exists: nothing is overwritten."""
    if path.exists():
        raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file")
    document = {
        "format": FORMAT,
        "bundle_fingerprint": person.fingerprint,
        "holds_s": person.holds_s,
        "heads": {
            name: {"weight": _text(head.weight), "bias": _text(head.bias)} for name, head in person.heads.items()
        },
        "quantiles": {
            name: {f"{level:g}": q for level, q in levels.items()} for name, levels in person.quantiles.items()
        },
        "fitted_on": [asdict(one) for one in person.fitted_on],
        "scores": person.scores,
    }
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RtemoError(f"{path} cannot be written", error.strerror or str(error), "name another file") from error


def load_person(path: Path, bundle: Bundle) -> PersonalCalibration:
    """The calibration in the file. Raises RtemoError where it does not fit or was made for another bundle."""
    reader = Reader(f"the personal calibration {path}", "name a file written by rtemo calibrate")
    document = reader.json_file(path)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RtemoError(f"{path} is no personal calibration", "", "name a file written by rtemo calibrate")
    file = reader.read(_PersonFile, document)
    check_fits(file.bundle_fingerprint, bundle, str(path))
    n_labels, width = len(bundle.labels), bundle.spec.input.embedding
    heads = {name: file.heads[name] for name in HEADS if name in file.heads}
    if {name: (head.weight.size, head.bias.size) for name, head in heads.items()} != dict.fromkeys(
        HEADS, (n_labels * width, n_labels)
    ):
        raise reader.wrong("heads", document["heads"], f"not float32 {(n_labels, width)} and {(n_labels,)} for {HEADS}")
    for name, combination in bundle.spec.combinations.items():
        if set(file.quantiles.get(name, ())) != set(combination.quantiles):
            raise reader.wrong(f"quantiles.{name}", file.quantiles.get(name), "not the levels of its bundle")
    if unknown := {stretch.label for stretch in file.fitted_on} - set(bundle.labels):
        raise reader.wrong("fitted_on", sorted(unknown), f"not some of {', '.join(bundle.labels)}")
    return PersonalCalibration(
        fingerprint=file.bundle_fingerprint,
        heads={name: LinearHead(head.weight.reshape(n_labels, width), head.bias) for name, head in heads.items()},
        quantiles={name: file.quantiles[name] for name in bundle.spec.combinations},
        fitted_on=file.fitted_on,
        scores=file.scores,
        holds_s=file.holds_s,
    )


def _floats(text: str) -> FloatArray:
    found = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    if not np.isfinite(found).all():
        raise ValueError("not finite numbers")
    return found


@dataclass(frozen=True, slots=True)
class _EncodedHead:
    weight: Annotated[FloatArray, Made(str, _floats)]
    bias: Annotated[FloatArray, Made(str, _floats)]


@dataclass(frozen=True, slots=True)
class _PersonFile:
    format: int
    bundle_fingerprint: str
    holds_s: float | None
    heads: Mapping[str, _EncodedHead]
    quantiles: Mapping[str, Mapping[Level, NotNegative]]
    fitted_on: tuple[LabelledStretch, ...]
    scores: Mapping[str, Any]


def _text(array: FloatArray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()
