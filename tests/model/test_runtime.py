from __future__ import annotations

import numpy as np
import pytest
import torch

from offline.export import onnx_graph as graph
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import ONNX_FILE
from rtemo.model.runtime import Runtime


@pytest.fixture(scope="module")
def runtime(bundle):
    return Runtime(bundle)


@pytest.mark.parametrize("channels", [0, 1, 4, 62, 129])
def test_onnx_runtime_says_what_torch_says(network, runtime, window, channels):
    one = window(channels=channels, seed=channels)
    inputs = (one.eeg, one.eeg_mask, one.positions, one.eye, one.eye_valid)
    with torch.inference_mode():
        expected = network.embed(*(torch.from_numpy(value)[None] for value in inputs))
    found = runtime.embed(one)
    for a, b in zip((found.eeg, found.eye, found.joint), expected, strict=True):
        np.testing.assert_allclose(a, b[0].numpy(), atol=1e-4)


def test_the_same_window_gives_bitwise_the_same_embeddings(runtime, window):
    first = runtime.embed(window())
    runtime.embed(window(channels=30, seed=9))
    again = runtime.embed(window())
    np.testing.assert_array_equal(first.joint, again.joint)


def test_a_window_without_any_usable_value_gives_finite_embeddings(runtime, window):
    nothing = window(eeg_mask=np.zeros((4, 8), np.bool_), eye_valid=np.zeros(33, np.bool_))
    assert np.isfinite(runtime.embed(nothing).joint).all()


def test_windows_of_another_shape_are_refused(runtime, window):
    with pytest.raises(RtemoError, match=r"\(4, 16, 33\).*\(4, 20, 33\)"):
        runtime.embed(window(eeg=np.zeros((4, 8, 16), np.float32)))


def test_a_graph_that_disagrees_with_torch_is_not_written(network, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.onnx, "export", lambda *args, **options: None)
    monkeypatch.setattr(graph, "without_traces", lambda path: None)
    monkeypatch.setattr(graph, "disagreement", lambda network, path: 2e-4)
    with pytest.raises(RtemoError, match=r"0\.0002"):
        graph.write_onnx(network, tmp_path / "model.onnx")


def test_a_nan_counts_as_disagreement(network, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.onnx, "export", lambda *args, **options: None)
    monkeypatch.setattr(graph, "without_traces", lambda path: None)
    monkeypatch.setattr(graph, "disagreement", lambda network, path: float("nan"))
    with pytest.raises(RtemoError, match="nan"):
        graph.write_onnx(network, tmp_path / "model.onnx")


def test_the_graph_names_no_file_of_the_computer_that_made_it(bundle):
    content = (bundle.path / ONNX_FILE).read_bytes()
    assert b"network.py" not in content
    assert b"Traceback" not in content
