"""Model bundles: reading and writing the folder that holds everything that turns a window into a prediction.

    bundle.json          settings, calibration, training, metrics, hashes, fingerprint (see bundle_schema.py)
    weights.safetensors  "head.*", "novelty.*" and "rating.*" for the live application, "network.*" for further training
    model.onnx           the network without its heads, inputs and outputs as in runtime.py
    MODEL_CARD.md        for people; the only file that the fingerprint leaves out (line ends may change in a checkout)

Nothing is ever unpickled. Loading checks every hash and every shape and refuses, with the reason, what does not fit.

Formats only gain top-level fields in bundle.json. A reader passes over fields that it does not know, unless the bundle
names them in `must_understand`: then it is refused, as it would be misread. Format 1 had no fields to pass over.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader
from rtemo.core.types import FloatArray
from rtemo.model.bundle_schema import COMBINATIONS, IF_ANY, NOT_IN_FORMAT_1, BundleSpec, from_json, to_json
from rtemo.model.embeddings import HEADS
from rtemo.model.uncertainty.novelty import Familiar

FORMAT = 2
MUST_UNDERSTAND = tuple(NOT_IN_FORMAT_1)  # what format 2 added: whoever passes over it takes one model for another
SPEC_FILE, WEIGHTS_FILE, ONNX_FILE, CARD_FILE = "bundle.json", "weights.safetensors", "model.onnx", "MODEL_CARD.md"
_HASHED = (WEIGHTS_FILE, ONNX_FILE)
_BOOKKEEPING = ("format", "must_understand", "files", "fingerprint")
_SPEC_FIELDS = frozenset(one.name for one in fields(BundleSpec))
_NOT_CALIBRATION = ("name", "decision", "trained_on", "training", "metrics", "calibrated", "calibration_of", *IF_ANY)
RatingHeads = Mapping[str, Mapping[str, "LinearHead"]]  # rating -> combination -> the regression, of one output
_NO_RATINGS: RatingHeads = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LinearHead:
    """One linear head: logits = weight @ z + bias. weight (K, d), bias (K,)."""

    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked bundle. heads: one of each name in HEADS. familiar: one a combination; none without calibration.

    ratings: the regressions of a model that was fitted on continuous ratings.
    """

    path: Path
    spec: BundleSpec
    heads: Mapping[str, LinearHead]
    familiar: Mapping[str, Familiar]
    fingerprint: str
    ratings: RatingHeads = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        return self.spec.labels

    @property
    def rating_names(self) -> tuple[str, ...]:
        return tuple(self.spec.ratings)

    @property
    def onnx_path(self) -> Path:
        return self.path / ONNX_FILE


def load_bundle(path: Path) -> Bundle:
    """The bundle in the folder `path`. Raises RtemoError with the reason where anything does not fit."""
    for name in (SPEC_FILE, WEIGHTS_FILE, ONNX_FILE, CARD_FILE):
        if not (path / name).is_file():
            raise RtemoError(f"{path} is no model bundle", f"{name} is missing", "name a folder written by rtemo")
    reader = Reader(f"the model bundle {path}", "get it again", complete=True)
    document = reader.value(Mapping[str, Any], reader.json_file(path / SPEC_FILE))
    _check_format(document, path)
    _check_hashes(document, path, reader.value(Mapping[str, str], document.get("files"), "files"))
    spec = from_json(_known_fields(document, path, reader), reader)
    heads, familiar, ratings = _read_arrays(path / WEIGHTS_FILE, spec)
    belongs_to = calibration_fingerprint(spec, document["files"][ONNX_FILE], heads, familiar)
    if document["format"] == 1:
        spec = replace(spec, calibration_of=belongs_to)
    _check_calibration(spec.calibration_of, belongs_to, path)
    _check_calibration(spec.ratings_of, ratings_fingerprint(spec, document["files"][ONNX_FILE], ratings), path)
    return Bundle(path, spec, heads, familiar, document["fingerprint"], ratings)


def calibration_fingerprint(
    spec: BundleSpec, onnx_sha256: str, heads: Mapping[str, LinearHead], familiar: Mapping[str, Familiar]
) -> str:
    """A hash of the model (graph, heads, inputs) and of all that was calibrated for it; "" where nothing was.

    The abstention rule and what only describes it (name, training data, scores) are not in it.
    """
    if not spec.calibrated:
        return ""
    document = {key: value for key, value in to_json(spec).items() if key not in _NOT_CALIBRATION}
    del document["pipeline"]["window"]["hop_s"]
    arrays = {name: hashlib.sha256(value.tobytes()).hexdigest() for name, value in _arrays(heads, familiar, {}).items()}
    return _fingerprint({**document, "arrays": arrays, "graph": onnx_sha256})


def ratings_fingerprint(spec: BundleSpec, onnx_sha256: str, ratings: RatingHeads) -> str:
    """The same of regressions on ratings and their intervals; "" where there are none."""
    if not spec.ratings:
        return ""
    arrays = {name: hashlib.sha256(value.tobytes()).hexdigest() for name, value in _rating_arrays(ratings).items()}
    return _fingerprint({"ratings": to_json(spec)["ratings"], "arrays": arrays, "graph": onnx_sha256})


def write_bundle(
    path: Path,
    spec: BundleSpec,
    heads: Mapping[str, LinearHead],
    familiar: Mapping[str, Familiar],
    network: Mapping[str, NDArray[Any]],
    write_onnx: Callable[[Path], None],
    card: str,
    ratings: RatingHeads = _NO_RATINGS,
) -> Bundle:
    """Write the folder in one step: a reader sees the whole bundle or none, also when the writing is interrupted.

    network: weights for further training. write_onnx writes the graph to the path it is given. Raises RtemoError
    where `path` exists already, as nothing is overwritten, and where the calibration is that of another model.
    """
    if path.exists():
        raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)  # left by an interrupted run
    partial.mkdir()
    try:
        # save_file would let nobody else read it
        (partial / WEIGHTS_FILE).write_bytes(save(_arrays(heads, familiar, network) | _rating_arrays(ratings)))
        write_onnx(partial / ONNX_FILE)
        (partial / CARD_FILE).write_text(card, encoding="utf-8", newline="\n")
        belongs_to = calibration_fingerprint(spec, _sha256(partial / ONNX_FILE), heads, familiar)
        rated = ratings_fingerprint(spec, _sha256(partial / ONNX_FILE), ratings)
        for given, made in ((spec.calibration_of, belongs_to), (spec.ratings_of, rated)):
            if given:
                _check_calibration(given, made, path)
        document = _document(replace(spec, calibration_of=belongs_to, ratings_of=rated), partial)
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (partial / SPEC_FILE).write_text(text, encoding="utf-8", newline="\n")
        load_bundle(partial)  # what cannot be read back is not handed out
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return load_bundle(path)


def read_network(path: Path) -> dict[str, NDArray[Any]]:
    """The network's weights in a bundle folder, by their names in rtemo.model.network. Call load_bundle first."""
    with safe_open(path / WEIGHTS_FILE, framework="numpy") as file:
        return {key.removeprefix("network."): file.get_tensor(key) for key in _keys(file) if key.startswith("network.")}


def _document(spec: BundleSpec, folder: Path) -> dict[str, Any]:
    head = {"format": FORMAT, "must_understand": list(MUST_UNDERSTAND)}
    document = {**head, **to_json(spec), "files": {name: _sha256(folder / name) for name in _HASHED}}
    return {**document, "fingerprint": _fingerprint(document)}


def _fingerprint(document: Mapping[str, Any]) -> str:
    content = {key: value for key, value in document.items() if key != "fingerprint"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_format(document: Mapping[str, Any], path: Path) -> None:
    found = document.get("format")
    if not isinstance(found, int) or found < 1:
        raise RtemoError(f"{path} is no model bundle", f"its format is {found!r}", "name a folder written by rtemo")
    if found > FORMAT:
        raise RtemoError(
            f"{path} was written by a newer rtemo",
            f"format {found}, this rtemo reads {FORMAT}",
            "install a newer rtemo",
        )


def _known_fields(document: Mapping[str, Any], path: Path, reader: Reader) -> dict[str, Any]:
    """What bundle.json says in fields that this rtemo knows."""
    given = {key: part for key, part in document.items() if key not in _BOOKKEEPING}
    if document["format"] == 1:
        if later := [key for key in ("must_understand", *NOT_IN_FORMAT_1) if key in document]:
            raise reader.wrong("format", 1, f"which has no {later[0]}")
        return {**given, **NOT_IN_FORMAT_1}
    needed = reader.value(tuple[str, ...], document.get("must_understand"), "must_understand")
    if unknown := sorted(set(needed) - _SPEC_FIELDS):
        raise RtemoError(
            f"{path} was written by a newer rtemo", f"it needs {', '.join(unknown)} understood", "install a newer rtemo"
        )
    return {key: part for key, part in given.items() if key in _SPEC_FIELDS}


def _check_calibration(made_for: str, belongs_to: str, path: Path) -> None:
    if made_for != belongs_to:
        raise RtemoError(
            f"{path}: its temperatures, quantiles, novelty or intervals were not made for this model",
            f"they belong to {made_for[:16] or 'no model'}, this model with them is {belongs_to[:16]}",
            "calibrate the model itself: python -m offline wrap MODEL --corpus C",
        )


def _check_hashes(document: Mapping[str, Any], path: Path, files: Mapping[str, str]) -> None:
    if document.get("fingerprint") != _fingerprint(document):
        raise RtemoError(f"{path / SPEC_FILE} was changed", "its fingerprint does not fit", "get the bundle again")
    for name in _HASHED:
        if files.get(name) != _sha256(path / name):
            raise RtemoError(f"{path / name} was changed", "its hash does not fit", "get the bundle again")


def _arrays(
    heads: Mapping[str, LinearHead], familiar: Mapping[str, Familiar], network: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {f"network.{name}": value for name, value in network.items()}
    for name, head in heads.items():
        arrays |= {f"head.{name}.weight": head.weight, f"head.{name}.bias": head.bias}
    for name, known in familiar.items():
        arrays |= {f"novelty.{name}.mean": known.mean, f"novelty.{name}.precision": known.precision}
    return {name: np.ascontiguousarray(value) for name, value in arrays.items()}


def _rating_arrays(ratings: RatingHeads) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for rating, heads in ratings.items():
        for name, head in heads.items():
            arrays |= {f"rating.{rating}.{name}.weight": head.weight, f"rating.{rating}.{name}.bias": head.bias}
    return {name: np.ascontiguousarray(value) for name, value in arrays.items()}


def _read_arrays(
    path: Path, spec: BundleSpec
) -> tuple[dict[str, LinearHead], dict[str, Familiar], dict[str, dict[str, LinearHead]]]:
    n_labels, width = len(spec.labels), spec.input.embedding
    try:
        with safe_open(path, framework="numpy") as file:
            stored = {key: file.get_tensor(key) for key in _keys(file) if not key.startswith("network.")}
    except (SafetensorError, OSError) as error:
        raise RtemoError(f"{path} cannot be read", str(error), "get the bundle again") from error

    def array(key: str, shape: tuple[int, ...]) -> FloatArray:
        found = stored.get(key)
        if found is None or found.shape != shape or found.dtype != np.float32 or not np.isfinite(found).all():
            what = "nothing" if found is None else f"{found.dtype} {found.shape}"
            raise RtemoError(f"{path}: {key} does not fit", f"found {what}, wanted float32 {shape}", "get it again")
        return np.asarray(found, np.float32)

    heads = {
        name: LinearHead(array(f"head.{name}.weight", (n_labels, width)), array(f"head.{name}.bias", (n_labels,)))
        for name in HEADS
    }
    familiar = {
        name: Familiar(array(f"novelty.{name}.mean", (width,)), array(f"novelty.{name}.precision", (width, width)))
        for name in COMBINATIONS
        if name in spec.combinations and spec.calibrated
    }
    ratings = {
        rating: {
            name: LinearHead(
                array(f"rating.{rating}.{name}.weight", (1, width)), array(f"rating.{rating}.{name}.bias", (1,))
            )
            for name in own.half_width
        }
        for rating, own in spec.ratings.items()
    }
    return heads, familiar, ratings


def _keys(file: Any) -> list[str]:
    return sorted(file.keys())
