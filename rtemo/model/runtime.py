"""ONNX Runtime inference on one window: one thread, no spinning, no torch.

One thread: the network takes a few milliseconds, and a second thread that spins between windows costs a whole core
(measured: 112 % of a core against 16 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime

from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray, Window
from rtemo.model.bundle import Bundle
from rtemo.model.bundle_schema import InputShape
from rtemo.model.embeddings import Embeddings

INPUTS = ("eeg", "eeg_mask", "positions", "eye", "eye_valid")
OUTPUTS = ("z_eeg", "z_eye", "z_joint")
_WARM_UP_CHANNELS = (1, 64)


class Runtime:
    """One inference session. It has no state between runs."""

    def __init__(self, bundle: Bundle) -> None:
        self._shape = bundle.spec.input
        self._session = _session(bundle)
        for channels in _WARM_UP_CHANNELS:  # the first runs allocate; they shall not delay the first prediction
            self._run(_blank(self._shape, channels))

    def embed(self, window: Window) -> Embeddings:
        """The embeddings of one window with any number of channels, none included.

        Raises RtemoError where the window's frames, bands or eye features are not those that the model was trained on.
        """
        frames, _, bands = window.eeg.shape
        found, wanted = (
            (frames, bands, len(window.eye)),
            (self._shape.frames, self._shape.bands, self._shape.eye_features),
        )
        if found != wanted:
            raise RtemoError(
                "the windows do not fit the model",
                f"frames, bands, eye features {found}, the model takes {wanted}",
                "use the pipeline settings of the bundle",
            )
        inputs = (window.eeg, window.eeg_mask, window.positions, window.eye, window.eye_valid)
        eeg, eye, joint = self._run({name: value[None] for name, value in zip(INPUTS, inputs, strict=True)})
        return Embeddings(eeg[0], eye[0], joint[0])

    def embed_all(self, windows: Sequence[Window]) -> list[Embeddings]:
        """The embeddings of several windows, the same to the last bit as of one after the other."""
        return [self.embed(window) for window in windows]

    def embed_batch(self, *inputs: np.ndarray[Any, Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """INPUTS with a leading axis N -> the three embeddings, each (N, d)."""
        eeg, eye, joint = self._run(dict(zip(INPUTS, inputs, strict=True)))
        return eeg, eye, joint

    def _run(self, feed: dict[str, np.ndarray[Any, Any]]) -> list[FloatArray]:
        outputs: list[FloatArray] = self._session.run(OUTPUTS, feed)
        return outputs


def _session(bundle: Bundle) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only: they are raised, and warnings would land in the terminal
    path = bundle.onnx_path
    try:
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common public base
        raise RtemoError(f"{path} cannot be run", str(error), "get the bundle again") from error
    found = tuple(i.name for i in session.get_inputs()), tuple(o.name for o in session.get_outputs())
    if found != (INPUTS, OUTPUTS):
        raise RtemoError(f"{path} does not fit", f"inputs and outputs {found}", f"wanted {(INPUTS, OUTPUTS)}")
    return session


def _blank(shape: InputShape, channels: int) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "eeg": np.zeros((1, shape.frames, channels, shape.bands), np.float32),
        "eeg_mask": np.ones((1, shape.frames, channels), np.bool_),
        "positions": np.zeros((1, channels, 3), np.float32),
        "eye": np.zeros((1, shape.eye_features), np.float32),
        "eye_valid": np.ones((1, shape.eye_features), np.bool_),
    }
