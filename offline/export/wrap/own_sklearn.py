"""An own scikit-learn pipeline as an ONNX graph, behind the features that it was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import compose, helper, numpy_helper, version_converter
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import is_regressor
from torch import Tensor, nn

from offline.evaluation.methods.features import DeGraph, EyeGraph, Fed, SideBySide
from offline.evaluation.window_table import BANDS_HZ, EYE_COLUMNS
from offline.export.exported_model import WindowGraph, torch_graph
from offline.export.wrap.declared import Declared
from rtemo.core.eeg.band_power import band_centres
from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import ModelInput
from rtemo.model.runtime import OUTPUT

FEATURE_INPUTS: dict[str, tuple[ModelInput, ...]] = {"de": ("eeg", "eeg_mask"), "eye": ("eye", "eye_valid")}
_ROW = "row"
_OPSET = 18


def classifier_onnx(pipeline: Any, declared: Declared) -> onnx.ModelProto:
    """Features and pipeline in one graph that gives probabilities. Raises RtemoError where it does not fit."""
    if getattr(pipeline, "n_features_in_", None) is None or not hasattr(pipeline, "predict_proba"):
        todo = "fit it, and let it give predict_proba (CalibratedClassifierCV); a regressor: --ratings valence,arousal"
        raise RtemoError("this is no fitted classifier with probabilities", type(pipeline).__name__, todo)
    order = _order(list(pipeline.classes_), declared.labels)
    classes = _converted(pipeline, declared, {id(pipeline): {"zipmap": False}})
    merged = _behind_features(classes, classes.graph.output[1].name, declared)
    _reorder(merged.graph, order)
    return merged


def regressor_onnx(pipeline: Any, declared: Declared) -> onnx.ModelProto:
    """Features and pipeline in one graph that gives ratings. Raises RtemoError where it does not fit."""
    if getattr(pipeline, "n_features_in_", None) is None or not is_regressor(pipeline):
        found, todo = type(pipeline).__name__, "fit it; a classifier tells labels apart: without --ratings"
        raise RtemoError("this is no fitted regressor", found, todo)
    values = _converted(pipeline, declared, {})
    return _behind_features(values, values.graph.output[0].name, declared)


def _converted(pipeline: Any, declared: Declared, options: Mapping[int, Any]) -> onnx.ModelProto:
    width, found = _width(declared), pipeline.n_features_in_
    if found != width:
        features = ", ".join(declared.features)
        raise RtemoError(
            "the pipeline wants other features", f"{found} columns; {features} are {width}", "see --features"
        )
    row = [(_ROW, FloatTensorType([None, width]))]
    opset = {"": _OPSET, "ai.onnx.ml": 3}
    try:
        made: onnx.ModelProto = convert_sklearn(pipeline, initial_types=row, options=dict(options), target_opset=opset)
    except Exception as error:  # the converter's errors have no common base
        found = f"{type(error).__name__}: {error}".strip().splitlines()[0][:200]
        raise RtemoError("this pipeline cannot be written as an ONNX graph", found, "use other steps") from error
    return made


def _behind_features(model: onnx.ModelProto, output: str, declared: Declared) -> onnx.ModelProto:
    """The graph that makes the row of features from the declared inputs, and the model on that row."""
    parts = [_graph(name, declared) for name in declared.features]
    inputs = [name for feature in declared.features for name in FEATURE_INPUTS[feature]]
    module = WindowGraph(inputs, _AsRow(SideBySide(*parts)))
    features_graph = onnx.load_from_string(torch_graph(module, inputs, [_ROW], declared.sizes))
    features_graph, model = (version_converter.convert_version(one, _OPSET) for one in (features_graph, model))
    first, second = (compose.add_prefix(one, prefix) for one, prefix in ((features_graph, "f_"), (model, "c_")))
    first.ir_version = second.ir_version = max(first.ir_version, second.ir_version)
    merged = compose.merge_models(first, second, io_map=[(f"f_{_ROW}", f"c_{_ROW}")], outputs=[f"c_{output}"])
    for one in merged.graph.input:
        own = one.name
        one.name = own.removeprefix("f_")
        for node in merged.graph.node:
            for i, value in enumerate(node.input):
                if value == own:
                    node.input[i] = one.name
    return merged


def feature_inputs(features: Sequence[str]) -> dict[str, ModelInput]:
    """The declared inputs that these features are made of."""
    return {name: name for feature in features for name in FEATURE_INPUTS[feature]}


def _order(classes: Sequence[Any], labels: Sequence[str]) -> list[int]:
    """Where each label stands in the pipeline's output. Its classes are the labels, or their numbers."""
    numbers = dict(enumerate(labels))
    named = [str(one) for one in classes]
    if sorted(named) != sorted(labels):  # labels that are numbers themselves are meant by their names
        named = [numbers.get(int(k), str(k)) if isinstance(k, int | np.integer) else str(k) for k in classes]
    if sorted(named) != sorted(labels):
        found = f"{', '.join(named)}; not {', '.join(labels)}"
        raise RtemoError("the pipeline has other labels", found, "see --labels")
    return [named.index(label) for label in labels]


def _reorder(graph: onnx.GraphProto, order: Sequence[int]) -> None:
    """Let the only output give the labels in this order."""
    output = graph.output[0]
    own, output.name = output.name, OUTPUT
    graph.initializer.append(numpy_helper.from_array(np.array(order, np.int64), "order_of_labels"))
    graph.node.append(helper.make_node("Gather", [own, "order_of_labels"], [OUTPUT], axis=1))


class _AsRow(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, fed: Fed) -> tuple[Tensor]:
        return (self.part(fed),)


def _width(declared: Declared) -> int:
    return sum(len(BANDS_HZ) * declared.sizes.channels if name == "de" else EYE_COLUMNS for name in declared.features)


def _graph(name: str, declared: Declared) -> nn.Module:
    if name == "eye":
        return EyeGraph()
    centres = band_centres(declared.settings.eeg)
    bands = [np.flatnonzero((centres >= low) & (centres < high)).tolist() for low, high in BANDS_HZ]
    return DeGraph(bands, len(centres))
