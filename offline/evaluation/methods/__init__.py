"""Methods that the network is compared with, by name. All get the same splits, windows and normalisation."""

from __future__ import annotations

from collections.abc import Mapping

from offline.evaluation.methods.base import Method
from offline.evaluation.methods.braindecode_models import PREFIX, braindecode_method
from offline.evaluation.methods.correlation import Projected, learn_autoencoder, learn_cca, learn_deep_cca
from offline.evaluation.methods.feature_networks import DgcnnMethod, EyeMlp
from offline.evaluation.methods.linear import LateFusion, Linear, Majority, logistic, read_both, read_de, read_eye, svm
from offline.evaluation.methods.riemann import Riemann, RiemannFixed
from offline.evaluation.methods.signal_networks import SignalNetwork, conformer, eegnet

_DE_LR = Linear(("eeg",), read_de, logistic)
_EYE_LR = Linear(("eye",), read_eye, logistic)


def method_named(name: str) -> Method | None:
    """The method of this name: one of METHODS, or a model of braindecode. None where there is none."""
    return braindecode_method(name) if name.startswith(PREFIX) else METHODS.get(name)


METHODS: Mapping[str, Method] = {
    "majority": Majority(),
    "de-svm": Linear(("eeg",), read_de, svm),
    "de-lr": _DE_LR,
    "eye-lr": _EYE_LR,
    "early-fusion": Linear(("eeg", "eye"), read_both, logistic),
    "late-fusion": LateFusion((_DE_LR, _EYE_LR)),
    "eye-mlp": EyeMlp(),
    "dgcnn": DgcnnMethod(),
    "cca": Projected(learn_cca),
    "deep-cca": Projected(learn_deep_cca),
    "bdae": Projected(learn_autoencoder),
    "riemann": Riemann(),
    "riemann-fixed": RiemannFixed(),
    "eegnet": SignalNetwork(eegnet),
    "conformer": SignalNetwork(conformer),
}
