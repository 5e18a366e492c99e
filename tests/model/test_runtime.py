from __future__ import annotations

import numpy as np
import pytest
import torch

from offline.export import onnx_graph as graph
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import ONNX_FILE
from rtemo.model.embeddings import HEADS
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


def on_one_head(window, n, channels=8, **changes):
    return [
        window(channels=channels, seed=k, positions=window(channels=channels).positions, **changes) for k in range(n)
    ]


class Spy:
    """An inference session that counts the windows of each run, and whose batches differ in the last bit."""

    def __init__(self, session, *, differs):
        self._session, self._differs, self.sizes = session, differs, []

    def run(self, names, fed):
        n = len(next(iter(fed.values())))
        self.sizes.append(n)
        found = self._session.run(names, fed)
        return [np.nextafter(one, np.float32(2)) for one in found] if self._differs and n > 1 else found


@pytest.mark.parametrize("differs", [False, True])
def test_embeddings_of_many_windows_are_those_of_single_ones_bit_by_bit(bundle, window, differs):
    runtime, alone = Runtime(bundle), Runtime(bundle)
    windows = on_one_head(window, 20) + on_one_head(window, 3, channels=5)
    runtime._session = spy = Spy(runtime._session, differs=differs)
    for _ in range(2):
        for one, found in zip(windows, runtime.embed_each(windows), strict=True):
            wanted = alone.embed(one)
            assert [found.of(head).tobytes() for head in HEADS] == [wanted.of(head).tobytes() for head in HEADS]
    again = spy.sizes[spy.sizes.index(3) + 4 :]  # behind the first three windows of five channels, each alone
    assert again == ([1] * 23 if differs else [8, 8, 4, 3])


def test_a_batch_shows_nothing_of_windows_with_a_modality_that_it_lacks(bundle, window):
    runtime = Runtime(bundle)
    runtime.embed_each(on_one_head(window, 4, eye_valid=np.zeros(33, np.bool_)))
    runtime._session = spy = Spy(runtime._session, differs=True)
    seeing = on_one_head(window, 4)
    found = runtime.embed_each(seeing)
    assert spy.sizes == [4, 1, 1, 1, 1]
    assert found[0].joint.tobytes() == Runtime(bundle).embed(seeing[0]).joint.tobytes()
