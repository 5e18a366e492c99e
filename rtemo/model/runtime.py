"""ONNX Runtime inference: one thread, no spinning, no torch; one window or many in a batch.

One thread: the network takes a few milliseconds, and a second thread that spins between windows costs a whole core
(measured: 112 % of a core against 16 %).

rtemo's own network gives the embeddings of its three heads at once. Any other graph is asked once for each head that
the bundle uses, without the modality that the head must not see. Its embedding is what it put out: an embedding, or
logits, with the features beside them that novelty is judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray, Window
from rtemo.model.bundle import Bundle
from rtemo.model.bundle_schema import MAIN_HEAD, NETWORK_INPUTS, BundleSpec, InputShape
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.model_inputs import Arrays, arrays, hidden
from rtemo.model.uncertainty.probabilities import logs

INPUTS = NETWORK_INPUTS
OUTPUTS = ("z_eeg", "z_eye", "z_joint")  # of rtemo's own network
OUTPUT, FEATURES = "output", "features"  # of any other graph
MOST_AT_ONCE = 8  # windows in a batch whose bits count: larger ones are hardly faster
_UNSEEN = {"eeg": "eye", "eye": "eeg", "joint": ""}  # head -> the modality that it does not see


class Runtime:
    """One inference session. What it gives depends on no run before."""

    def __init__(self, bundle: Bundle) -> None:
        """Raises RtemoError where the graph cannot be run, or takes or gives something else than the bundle says."""
        self._spec = bundle.spec
        self._shape, self._model = bundle.spec.input, bundle.spec.model
        self._same_bits: dict[tuple[int, ...], bool] = {}  # by the kind of a batch: see embed_each
        self._session = _session(bundle.onnx_path.read_bytes(), str(bundle.onnx_path))
        self._check(str(bundle.onnx_path))
        self._warm_up(str(bundle.onnx_path))

    def embed(self, window: Window) -> Embeddings:
        """The embeddings of one window with any number of channels, none included.

        Raises RtemoError where the window's frames, bands or eye features are not those that the model was trained on.
        """
        return self.embed_windows([window])[0]

    def embed_each(self, windows: Sequence[Window]) -> list[Embeddings]:
        """The embeddings of several windows, the same to the last bit as of one after the other.

        Whether a batch gives the same bits is a matter of its shape, of the modalities that are there and of this
        computer's processor: the first batch of each kind is computed both ways, and others of that kind are made where
        nothing differs.
        """
        found: list[Embeddings] = []
        for _, alike in groupby(windows, key=_montage):
            group = list(alike)
            for begin in range(0, len(group), MOST_AT_ONCE):
                found += self._embed_alike(group[begin : begin + MOST_AT_ONCE])
        return found

    def _embed_alike(self, windows: Sequence[Window]) -> list[Embeddings]:
        """The same of windows of one montage."""
        n_eeg = sum(bool(window.eeg_mask.any()) for window in windows)
        n_eye = sum(bool(window.eye_valid.any()) for window in windows)
        kind = (len(windows), len(windows[0].positions), n_eeg, n_eye)
        if len(windows) == 1 or self._same_bits.get(kind) is False:
            return [self.embed(window) for window in windows]
        together = self.embed_windows(windows)
        if kind in self._same_bits:
            return together
        alone = [self.embed(window) for window in windows]
        self._same_bits[kind] = all(
            one.of(head).tobytes() == other.of(head).tobytes()
            for one, other in zip(together, alone, strict=True)
            for head in HEADS
        )
        return alone

    def embed_windows(self, windows: Sequence[Window]) -> list[Embeddings]:
        """The embeddings of windows in their order; those of one montage that follow each other go in one batch.

        Their last bits depend on the size of the batch: for what is published or compared, see embed_each.
        """
        found: list[Embeddings] = []
        for _, alike in groupby(windows, key=_montage):
            batch = list(alike)
            for window in batch:
                self._check_window(window)
            z = self._embedded(arrays(batch, self._model))
            found += [Embeddings(*(z[head][i] for head in HEADS)) for i in range(len(batch))]
        return found

    def embed_batch(self, *inputs: NDArray[Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The declared inputs with a leading axis N -> the three embeddings, each (N, d)."""
        z = self._embedded(dict(zip(self._model.inputs, inputs, strict=True)))
        return z["eeg"], z["eye"], z["joint"]

    def _check_window(self, window: Window) -> None:
        frames, _, bands = window.eeg.shape
        shape = self._shape
        found, wanted = (frames, bands, len(window.eye)), (shape.frames, shape.bands, shape.eye_features)
        if found != wanted:
            raise RtemoError(
                "the windows do not fit the model",
                f"frames, bands, eye features {found}, the model takes {wanted}",
                "use the pipeline settings of the bundle",
            )

    def _embedded(self, fed: Arrays) -> dict[str, FloatArray]:
        """Head -> (N, d); zeros for a head that no combination of modalities uses."""
        if self._model.kind == "network":
            return dict(zip(HEADS, self._run(fed, OUTPUTS), strict=True))
        n = len(next(iter(fed.values())))
        used = tuple(MAIN_HEAD[name] for name in self._spec.combinations)
        seen = [hidden(fed, _UNSEEN[head]) if _UNSEEN[head] else fed for head in used]
        rows = {name: np.concatenate([one[name] for one in seen]) for name in fed}
        parts = np.split(self._outputs(rows), len(used))
        nothing = np.zeros((n, self._shape.embedding), np.float32)
        return dict.fromkeys(HEADS, nothing) | dict(zip(used, parts, strict=True))

    def _outputs(self, fed: Arrays) -> FloatArray:
        """(N, d): what the graph puts out, probabilities as logarithms, with the features beside it."""
        names = (OUTPUT, FEATURES) if self._model.features else (OUTPUT,)
        outputs = self._run(fed, names)
        if self._model.output == "probabilities":
            outputs[0] = logs(outputs[0].astype(np.float64))
        return np.concatenate(outputs, axis=1).astype(np.float32)

    def _run(self, fed: Arrays, outputs: Sequence[str]) -> list[NDArray[Any]]:
        found: list[NDArray[Any]] = self._session.run(outputs, fed)
        return found

    def _check(self, path: str) -> None:
        found = tuple(i.name for i in self._session.get_inputs()), tuple(o.name for o in self._session.get_outputs())
        named = (OUTPUT, FEATURES) if self._model.features else (OUTPUT,)
        wanted = self._model.inputs, OUTPUTS if self._model.kind == "network" else named
        if found != wanted:
            raise RtemoError(f"{path} does not fit", f"inputs and outputs {found}", f"wanted {wanted}")

    def _warm_up(self, path: str) -> None:
        """The first runs allocate; they shall not delay the first prediction. Shows, too, whether the shapes fit."""
        for channels in (1, 64) if self._model.channels is None else (len(self._model.channels.labels),):
            blank = _blank(self._spec, channels)
            try:
                z = self._embedded(blank)
            except RtemoError:
                raise
            except Exception as error:  # ONNX Runtime's errors have no common public base
                shapes = ", ".join(f"{name} {value.shape}" for name, value in blank.items())
                raise RtemoError(
                    f"{path} cannot be run on the inputs that it declares", f"{shapes}: {_first_line(error)}", ""
                ) from error
            if any(value.shape != (1, self._shape.embedding) for value in z.values()):
                sizes = sorted({value.shape[1:] for value in z.values()})
                raise RtemoError(f"{path} does not fit", f"it gives {sizes}", f"wanted {self._shape.embedding} numbers")


def _montage(window: Window) -> bytes:
    return window.positions.tobytes()


def _session(graph: bytes, path: str) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only: they are raised, and warnings would land in the terminal
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no common public base
        raise RtemoError(f"{path} cannot be run", str(error), "get the bundle again") from error


def _blank(spec: BundleSpec, channels: int) -> Arrays:
    shape: InputShape = spec.input
    samples = round(spec.pipeline.window.length_s * spec.pipeline.eeg.grid_hz)
    made: Arrays = {
        "eeg": np.zeros((1, shape.frames, channels, shape.bands), np.float32),
        "eeg_mask": np.ones((1, shape.frames, channels), np.bool_),
        "positions": np.zeros((1, channels, 3), np.float32),
        "eye": np.zeros((1, shape.eye_features), np.float32),
        "eye_valid": np.ones((1, shape.eye_features), np.bool_),
        "signal": np.zeros((1, channels, samples), np.float32),
    }
    return {name: made[name] for name in spec.model.inputs}


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
