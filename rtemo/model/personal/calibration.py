"""A personal calibration: heads and quantiles for one participant on one bundle, as a JSON file.

The file names the bundle by its fingerprint and is refused by every other one. Arrays are base64 of little-endian
float32; nothing is ever unpickled. How it is fitted is in fit.py.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray
from rtemo.model.bundle import Bundle, LinearHead
from rtemo.model.bundle_schema import Fields
from rtemo.model.embeddings import HEADS

FORMAT = 2
_WHAT = "the personal calibration's "


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
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RtemoError(f"{path} cannot be read", str(error), "name a file written by rtemo calibrate") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise RtemoError(f"{path} is no personal calibration", "", "name a file written by rtemo calibrate")
    top = Fields(document, what=_WHAT)
    fingerprint = top.text("bundle_fingerprint")
    check_fits(fingerprint, bundle, str(path))
    n_labels, width = len(bundle.labels), bundle.spec.input.embedding
    heads, quantiles = top.fields("heads"), top.fields("quantiles")
    return PersonalCalibration(
        fingerprint=fingerprint,
        heads={name: _head(heads.fields(name), n_labels, width) for name in HEADS},
        quantiles={name: _levels(quantiles.fields(name), bundle, name) for name in bundle.spec.combinations},
        fitted_on=tuple(_stretch(one, bundle) for one in top.objects("fitted_on")),
        scores=top.fields("scores").data,
        holds_s=None if top.data.get("holds_s", 0) is None else top.number("holds_s"),
    )


def _levels(fields: Fields, bundle: Bundle, name: str) -> dict[float, float]:
    found = {fields.level(key): fields.number(key, least=0.0) for key in fields.data}
    if set(found) != set(bundle.spec.combinations[name].quantiles):
        raise fields.wrong("", "the levels of its bundle")
    return found


def _stretch(fields: Fields, bundle: Bundle) -> LabelledStretch:
    stretch = LabelledStretch(fields.text("label"), fields.number("begin_s"), fields.number("end_s"))
    if stretch.label not in bundle.labels:
        raise fields.wrong("label", f"one of {', '.join(bundle.labels)}")
    return stretch


def _head(fields: Fields, n_labels: int, width: int) -> LinearHead:
    return LinearHead(_array(fields, "weight", (n_labels, width)), _array(fields, "bias", (n_labels,)))


def _array(fields: Fields, name: str, shape: tuple[int, ...]) -> FloatArray:
    try:
        data = base64.b64decode(fields.text(name), validate=True)
        found = np.frombuffer(data, "<f4").reshape(shape).astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise fields.wrong(name, f"float32 {shape}") from error
    if not np.isfinite(found).all():
        raise fields.wrong(name, "finite numbers")
    return found


def _text(array: FloatArray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, "<f4").tobytes()).decode()
