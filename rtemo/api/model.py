"""A model for use from Python: a bundle, how often it predicts, and personal calibrations on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rtemo import resources
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.predictor import Predictor, new_pipeline
from rtemo.model.runtime import Runtime
from rtemo.recordings.calibrations import load_persons

DEMONSTRATION = "models/demo"  # in the assets
PathLike = Path | str


class LoadedModel:
    """A loaded bundle. It keeps no state of a person: one model serves any number of recordings."""

    def __init__(self, bundle: Bundle, hop_s: float | None = None, persons: Sequence[PersonalCalibration] = ()) -> None:
        """hop_s: seconds between predictions; None: as the bundle says. persons: personal calibrations to use."""
        settings = bundle.spec.pipeline
        self.bundle, self.persons = bundle, tuple(persons)
        self.settings = settings if hop_s is None else settings.with_hop(hop_s)
        new_pipeline(bundle.spec, hop_s)  # refuses a hop that there cannot be
        self._runtime = Runtime(bundle)

    @property
    def name(self) -> str:
        return self.bundle.spec.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions that it tells apart."""
        return self.bundle.labels

    @property
    def fingerprint(self) -> str:
        """Of everything that changes a prediction."""
        return self.bundle.fingerprint

    @property
    def calibrated(self) -> bool:
        """Whether it was calibrated on held-out people; if not, its predictions have no sets and no novelty."""
        return self.bundle.spec.calibrated

    @property
    def hop_s(self) -> float:
        """Seconds between predictions."""
        return self.settings.window.hop_s

    def new_predictor(self) -> Predictor:
        """A fresh pipeline and decoder on this model, for one recording."""
        return Predictor(new_pipeline(self.bundle.spec, self.hop_s), self._runtime, Decoder(self.bundle))

    def __repr__(self) -> str:
        return f"<LoadedModel {self.name}: {', '.join(self.labels)}; every {self.hop_s:g} s; {self.fingerprint[:12]}>"


def load(
    bundle: PathLike | None = None, *, hop_s: float | None = None, persons: PathLike | Sequence[PathLike] = ()
) -> LoadedModel:
    """Load a model bundle from its folder; without one, the demonstration model, which knows simulated people only.

    hop_s: seconds between predictions, as --hop. persons: files of personal calibrations, as --person.
    Raises RtemoError where the bundle or a calibration cannot be used.
    """
    found = load_bundle(Path(bundle) if bundle is not None else resources.assets() / DEMONSTRATION)
    files = [persons] if isinstance(persons, Path | str) else persons
    return LoadedModel(found, hop_s, load_persons([Path(path) for path in files], found))


def as_model(model: LoadedModel | PathLike | None) -> LoadedModel:
    """The model itself, or the one in a folder."""
    return model if isinstance(model, LoadedModel) else load(model)
