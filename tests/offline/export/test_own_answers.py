"""An own model is believed only where its answer to a window depends on the window and is what was declared."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hand_made_graphs import signal_graph
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import AdaBoostClassifier
from sklearn.linear_model import SGDClassifier

from offline.__main__ import main
from offline.export.wrap.declared import Declared
from offline.export.wrap.own_sklearn import _order, classifier_onnx, feature_inputs
from rtemo.core.settings import PipelineSettings
from rtemo.model.bundle import load_bundle

LABELS = ("a", "b", "c", "d")
NOISE = [
    helper.make_node("RandomNormalLike", ["y"], ["noise"]),
    helper.make_node("Add", ["y", "noise"], ["z"]),
]
OF_BATCH = [
    helper.make_node("ReduceMean", ["y", "first"], ["mean"], keepdims=1),
    helper.make_node("Sub", ["y", "mean"], ["z"]),
]
SOFTMAX = [helper.make_node("Softmax", ["y"], ["z"], axis=1)]
AS_IS = [helper.make_node("Identity", ["y"], ["z"])]


def wrap(tmp_path, nodes, *arguments, outputs=("z",)):
    """The exit code of `wrap` on a graph of the eyes that ends with these nodes."""
    model = signal_graph(("Fp1",), 4, what="eye")
    model.graph.node.extend(nodes)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.int64), "first"))
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(o, TensorProto.FLOAT, ["N", 4]) for o in outputs)
    onnx.save(model, tmp_path / "own.onnx")
    asked = ["--input", "x=eye", "--labels", ",".join(LABELS), *arguments, "--out", str(tmp_path / "b")]
    return main(["--quiet", "wrap", str(tmp_path / "own.onnx"), *asked])


@pytest.mark.parametrize(
    ("nodes", "output", "said"),
    [
        (NOISE, "logits", "answers the same window in two ways"),
        (OF_BATCH, "logits", "otherwise when it is asked for it alone"),
        (SOFTMAX, "logits", "gives probabilities and not logits"),
        (AS_IS, "probabilities", "are no probabilities"),
    ],
    ids=["chance", "batch", "softmax-as-logits", "logits-as-probabilities"],
)
def test_a_model_that_is_not_what_its_author_declares_is_refused(nodes, output, said, tmp_path, capsys):
    assert wrap(tmp_path, nodes, "--output", output) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(("nodes", "output"), [(SOFTMAX, "probabilities"), (AS_IS, "logits"), (SOFTMAX, "embedding")])
def test_what_is_declared_rightly_is_tried_without_a_word(nodes, output, tmp_path, capsys):
    code = wrap(tmp_path, nodes, "--output", output)
    assert (code, "heads" in capsys.readouterr().err) == ((2, True) if output == "embedding" else (0, False))


def test_of_several_outputs_the_one_that_is_meant_is_named(tmp_path, capsys):
    assert wrap(tmp_path, SOFTMAX, outputs=("z", "y")) == 2
    assert "z (N, 4), y (N, 4); name the one that is meant" in capsys.readouterr().err
    assert wrap(tmp_path, SOFTMAX, "--output", "x=logits", outputs=("z", "y")) == 2
    assert "has no output x" in capsys.readouterr().err
    assert wrap(tmp_path, SOFTMAX, "--output", "y=logits", outputs=("z", "y")) == 0  # z would be refused as logits
    graph = onnx.load(load_bundle(tmp_path / "b").onnx_path).graph
    assert [one.name for one in graph.output] == ["output"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from torch import nn\nclass N(nn.Module):\n    def __init__(self, width): ...\n", "missing 1 required"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("class N(:\n", "SyntaxError"),
        ("", "cannot be imported"),
    ],
)
def test_own_code_that_fails_is_an_error_of_one_line(text, said, tmp_path, monkeypatch, capsys):
    (tmp_path / f"own_{abs(hash(text))}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    arguments = ["--input", "eye", "--labels", "a,b", "--out", str(tmp_path / "b")]
    assert main(["wrap", f"own_{abs(hash(text))}:N", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "model", [SGDClassifier(loss="log_loss", tol=None, max_iter=5), AdaBoostClassifier(n_estimators=2)]
)
def test_a_pipeline_that_is_written_with_an_older_opset_is_joined_with_its_features(model):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 31)), np.arange(40) % 2
    fitted = model.fit(x + y[:, None], y)
    declared = Declared(LABELS[:2], PipelineSettings(), feature_inputs(("eye",)), None, features=("eye",))
    assert [one.name for one in classifier_onnx(fitted, declared).graph.output] == ["output"]


def test_labels_that_are_numbers_are_meant_by_their_names():
    assert _order([0, 1, 2], ("happy", "sad", "fear")) == [0, 1, 2]
    assert _order(["fear", "happy", "sad"], ("happy", "sad", "fear")) == [1, 2, 0]
    assert _order([np.int64(0), np.int64(1)], ("1", "0")) == [1, 0]
