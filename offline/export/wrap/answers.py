"""What an own model answers on made-up windows, before it is believed.

Calibration rests on answers that were given once, many windows at a time; live, each window is asked alone, and a
replay asks again. So an answer must depend on the window only, and be what its author says that it is.
"""

from __future__ import annotations

import numpy as np

from offline.export.exported_model import sample
from offline.export.wrap.declared import Declared
from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray
from rtemo.model.bundle import Bundle
from rtemo.model.bundle_schema import MAIN_HEAD
from rtemo.model.embeddings import HEADS
from rtemo.model.runtime import Runtime

_TRIED = 8  # windows
_ALIKE = 1e-3  # of the answers' spread; batches of another size may differ in the last bits
_WHOLE = 0.02  # by how much probabilities, also of 16 bits, may miss a sum of 1


def check_answers(bundle: Bundle, declared: Declared) -> None:
    """Raises RtemoError where it answers by chance, by its batch, or something else than declared."""
    runtime = Runtime(bundle)
    given = {what: value.numpy() for what, value in sample(declared.sizes, _TRIED).items()}
    fed = [given[what] for what in bundle.spec.model.inputs]
    head = HEADS.index(MAIN_HEAD[tuple(bundle.spec.combinations)[-1]])
    first, again = (runtime.embed_batch(*fed)[head] for _ in range(2))
    alone = np.concatenate([runtime.embed_batch(*(one[i : i + 1] for one in fed))[head] for i in range(_TRIED)])
    if not np.isfinite(first).all():
        return  # these windows are none that a session gives; the corpus's are looked at
    if not _same(first, again):
        raise RtemoError(
            "the model answers the same window in two ways",
            f"by up to {np.abs(first - again).max():.3g}: it draws random numbers, as dropout that is still on does",
            "switch to evaluation mode before it is exported",
        )
    if not _same(first, alone):
        raise RtemoError(
            "the model answers a window otherwise when it is asked for it alone",
            f"by up to {np.abs(first - alone).max():.3g}: it looks at the other windows of a batch, as batch "
            "normalisation in training mode does",
            "switch to evaluation mode before it is exported",
        )
    _check_kind(first[:, : len(declared.labels)], declared)


def _same(one: FloatArray, other: FloatArray) -> bool:
    return bool(np.abs(one - other).max() <= _ALIKE * max(float(one.std()), 1e-6))


def _check_kind(answers: FloatArray, declared: Declared) -> None:
    """Of (n, labels): logits, or logarithms of what should be probabilities."""
    if declared.given == "probabilities":
        sums = np.exp(answers.astype(np.float64)).sum(axis=1)
        if np.abs(sums - 1.0).max() > _WHOLE:
            found = f"they sum to {sums.min():.3g} to {sums.max():.3g}, what is below 0 counted as 0"
            todo = "declare what it gives: --output logits, or end it with a softmax"
            raise RtemoError("the model's outputs are no probabilities", found, todo)
    elif declared.given == "logits" and answers.min() >= 0.0 and np.abs(answers.sum(axis=1) - 1.0).max() < 1e-3:
        found = f"they lie between {answers.min():.3g} and {answers.max():.3g}, and sum to 1"
        raise RtemoError("the model gives probabilities and not logits", found, "declare it: --output probabilities")
