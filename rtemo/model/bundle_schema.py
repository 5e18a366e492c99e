"""What bundle.json holds, as typed records, and the checked way from JSON to them.

Everything that changes a prediction is here or in the arrays beside it. Reading refuses, with the field's name, what
is missing, unknown, of another type or out of range; it never fills in a default.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

from rtemo.core.records import Check, Count, Made, Misfit, NotNegative, Positive, Reader
from rtemo.core.settings import PipelineSettings
from rtemo.model.embeddings import HEADS
from rtemo.model.uncertainty.novelty import NoveltyScale
from rtemo.model.uncertainty.smoothing import Smoothing

COMBINATIONS = ("eeg", "eye", "both")  # which modalities a window offers
MAIN_HEAD = {"eeg": "eeg", "eye": "eye", "both": "joint"}  # whose embedding is judged for novelty


def _level(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1.0:
        raise ValueError("not a level between 0 and 1")
    return value


A_LABEL = "a word without ; or blanks around it"


def is_label(name: str) -> bool:
    """Whether a label can be written into a cell beside others: predictions.csv holds sets as a;b."""
    return bool(name) and name == name.strip() and all(map(in_labels, name))


def in_labels(character: str) -> bool:
    """Whether a label can hold a character: what can be seen, and blanks of all widths, but no separator."""
    return character != ";" and (character.isprintable() or unicodedata.category(character) == "Zs")


Level = Annotated[float, Made(str, _level)]  # a key: JSON has no numbers there
Labels = Annotated[
    tuple[str, ...],
    Check(lambda names: len(set(names)) == len(names) > 1, "two or more different labels"),
    Check(lambda names: all(map(is_label, names)), f"labels, each {A_LABEL}"),
]
Temperatures = Annotated[
    Mapping[str, Positive], Check(lambda found: set(found) == set(HEADS), f"one for each of {HEADS}")
]
Weights = Annotated[
    Mapping[str, NotNegative], Check(lambda found: found and set(found) <= set(HEADS), f"some of {HEADS}")
]
Share = Annotated[float, Check(lambda value: 0.0 < value < 1.0, "a number between 0 and 1")]
HalfWidths = Annotated[
    Mapping[str, NotNegative], Check(lambda found: found and set(found) <= set(COMBINATIONS), f"some of {COMBINATIONS}")
]
Pipeline = Annotated[PipelineSettings, Made(Mapping[str, Any], PipelineSettings.from_dict)]
ModelKind = Literal["network", "method", "onnx", "torch", "scikit-learn"]
ModelInput = Literal["eeg", "eeg_mask", "positions", "eye", "eye_valid", "signal"]
NETWORK_INPUTS: tuple[ModelInput, ...] = ("eeg", "eeg_mask", "positions", "eye", "eye_valid")
Inputs = Annotated[
    tuple[ModelInput, ...], Check(lambda names: len(set(names)) == len(names) > 0, "one or more different inputs")
]


@dataclass(frozen=True, slots=True)
class InputShape:
    """The windows that the network takes, and the length of its embeddings."""

    frames: Count
    bands: Count
    eye_features: Count
    embedding: Count


@dataclass(frozen=True, slots=True)
class FixedChannels:
    """The channels of a model that takes no others: labels (T,), positions (T, 3) on the unit sphere."""

    labels: tuple[str, ...]
    positions: tuple[tuple[float, float, float], ...]

    def __post_init__(self) -> None:
        if len(self.positions) != len(self.labels) or not self.labels:
            raise Misfit("positions", f"not one place for each of {len(self.labels)} channels")


@dataclass(frozen=True, slots=True)
class ModelDeclaration:
    """What model.onnx is: what it takes of a window, and what it gives. See model_inputs.py for the arrays.

    kind: what it was made from; "network" is rtemo's own, which gives the embeddings of all three heads at once. name:
    of the method or the file. channels: those that it takes; a montage is interpolated onto them; None: any montage.
    output: of its first output, (N, labels) or, for "embedding", (N, d). features: columns of a second output
    (N, features) that novelty is judged by beside the first. reference and scale: of `signal`.
    """

    kind: ModelKind
    name: str
    inputs: Inputs
    channels: FixedChannels | None
    output: Literal["embedding", "logits", "probabilities"]
    features: Annotated[int, Check(lambda n: n >= 0, "a whole number of 0 or more")] = 0
    reference: Literal["average", "none"] = "average"
    scale: Literal["session", "microvolts"] = "session"


OWN_NETWORK = ModelDeclaration("network", "rtemo network", NETWORK_INPUTS, None, "embedding")
IF_ANY: Mapping[str, Any] = {"ratings": {}, "ratings_of": ""}  # fields that a file lacks where they say nothing
NOT_IN_FORMAT_1: Mapping[str, Any] = {"model": asdict(OWN_NETWORK), "calibrated": True, "calibration_of": ""}


@dataclass(frozen=True, slots=True)
class ModalityGate:
    """What a window needs for a modality to be used.

    eeg_coverage, gaze_coverage: least share of usable samples. eeg_channels: least mean number of usable channels a
    frame. eeg_share: least share of usable channels and frames. eye_share: least share of valid eye features.
    """

    eeg_coverage: NotNegative
    eeg_channels: NotNegative
    eeg_share: NotNegative
    gaze_coverage: NotNegative
    eye_share: NotNegative


@dataclass(frozen=True, slots=True)
class Decision:
    """set_level: coverage promised for the sets, one of each combination's quantiles. largest_set: abstain above.

    adaptation_rate: step of the adaptive conformal level for each self-report, see adaptive.py.
    """

    set_level: Positive
    largest_set: Count
    adaptation_rate: NotNegative


@dataclass(frozen=True, slots=True)
class Combination:
    """How the heads speak for one combination of modalities, all fitted on held-out people.

    weights: of the heads' calibrated log-probabilities (log-linear pool). decorrelation_s: see smoothing.advance.
    smoothed_temperature: see tempered_posterior. quantiles: level -> conformal quantile of smoothed probabilities.
    Without a calibration there are no quantiles and no novelty.
    """

    weights: Weights
    decorrelation_s: Positive
    smoothed_temperature: Positive
    quantiles: Mapping[Level, float]
    novelty: NoveltyScale | None


@dataclass(frozen=True, slots=True)
class RatingSpec:
    """A continuous rating that the model was fitted on; its regressions are arrays, see bundle.py.

    level: of the intervals. average_s: see rating_estimates.averaged. half_width: combination -> of the interval, from
    held-out people; a combination that is missing gives no estimate.
    """

    level: Share
    average_s: Positive
    half_width: HalfWidths


Combinations = Annotated[
    Mapping[str, Combination],
    Check(lambda found: found and set(found) <= set(COMBINATIONS), f"one or more of {COMBINATIONS}"),
]


@dataclass(frozen=True, slots=True)
class BundleSpec:
    """bundle.json without its bookkeeping.

    calibrated: whether temperatures, quantiles and novelty come from people whom the model had not seen; if not there
    are no sets and no novelty. calibration_of: the fingerprint of the model with its calibration, which cannot be given
    to another model (bundle.calibration_fingerprint); "" until it is written. ratings: those that the model was fitted
    on, with ratings_of for calibration_of; both are left out of the file where there are none.
    """

    name: str
    labels: Labels
    pipeline: Pipeline
    input: InputShape
    network: Mapping[str, Any]
    temperatures: Temperatures
    combinations: Combinations
    gate: ModalityGate
    smoothing: Smoothing
    decision: Decision
    trained_on: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    model: ModelDeclaration = OWN_NETWORK
    calibrated: bool = True
    calibration_of: str = field(default="", compare=False)
    ratings: Mapping[str, RatingSpec] = field(default_factory=dict)
    ratings_of: str = field(default="", compare=False)

    @property
    def sources(self) -> Mapping[str, str]:
        """Where the training features came from, by modality ("eeg", "eye"), as the corpus's manifest says it.

        "causal": computed as in a live session; "as released": by a data set's authors; "none". Empty where not known.
        """
        description = self.training.get("description")
        found = description.get("sources") if isinstance(description, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else {}

    @property
    def uncalibrated(self) -> str:
        """What is to be said of a model that nothing was fitted for; "" of any other."""
        if self.calibrated:
            return ""
        return (
            f"the model {self.name} is not calibrated: nothing is known of how it does on people whom it has not seen; "
            "its percentages are scores and no probabilities, and there are no sets and no novelty"
        )

    @property
    def eye_unused(self) -> str:
        """Why live eye movements do not count in predictions; "" where they do."""
        if any(name != "eeg" for name in self.combinations):
            return ""
        if self.sources.get("eye") == "as released":
            data = self.training["description"].get("data set", "its training data")
            return (
                f"this model learned eye features as {data} releases them, which no live session has: EEG alone decides"
            )
        return "this model was trained without eye movements: EEG alone decides"


def to_json(spec: BundleSpec) -> dict[str, Any]:
    """Plain JSON values. Levels become strings, as JSON has no other keys."""
    data = {name: value for name, value in asdict(spec).items() if name not in IF_ANY or value}
    for combination in data["combinations"].values():
        combination["quantiles"] = {f"{level:g}": q for level, q in combination["quantiles"].items()}
    return data


def from_json(data: Mapping[str, Any], reader: Reader) -> BundleSpec:
    """The checked records. Raises RtemoError naming the first field that does not fit."""
    spec = reader.read(BundleSpec, {**IF_ANY, **data})
    n_labels, level = len(spec.labels), spec.decision.set_level
    if len(spec.smoothing.prior) != n_labels:
        raise reader.wrong("smoothing.prior", spec.smoothing.prior, f"not {n_labels} shares")
    if spec.decision.largest_set > n_labels:
        raise reader.wrong("decision.largest_set", spec.decision.largest_set, f"not at most {n_labels}")
    for name, combination in spec.combinations.items():
        known = spec.calibrated
        if known != (combination.novelty is not None):
            raise reader.wrong(f"combinations.{name}.novelty", combination.novelty, f"with calibrated {known}")
        if not known and combination.quantiles:
            raise reader.wrong(f"combinations.{name}.quantiles", combination.quantiles, f"with calibrated {known}")
        if known and level not in combination.quantiles:
            raise reader.wrong(f"combinations.{name}.quantiles", combination.quantiles, f"without the level {level:g}")
    for name, rating in spec.ratings.items():
        if not spec.calibrated or not set(rating.half_width) <= set(spec.combinations):
            raise reader.wrong(
                f"ratings.{name}.half_width", sorted(rating.half_width), f"with {sorted(spec.combinations)}"
            )
    ordered = {name: spec.combinations[name] for name in COMBINATIONS if name in spec.combinations}
    return replace(spec, combinations=ordered, temperatures={head: spec.temperatures[head] for head in HEADS})
