"""What bundle.json holds, as typed records, and the checked way from JSON to them.

Everything that changes a prediction is here or in the arrays beside it. Reading refuses, with the field's name, what
is missing, unknown, of another type or out of range; it never fills in a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from rtemo.core.records import Check, Count, Made, NotNegative, Positive, Reader
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


Level = Annotated[float, Made(str, _level)]  # a key: JSON has no numbers there
Labels = Annotated[
    tuple[str, ...], Check(lambda names: len(set(names)) == len(names) > 1, "two or more different labels")
]
Temperatures = Annotated[
    Mapping[str, Positive], Check(lambda found: set(found) == set(HEADS), f"one for each of {HEADS}")
]
Weights = Annotated[
    Mapping[str, NotNegative], Check(lambda found: found and set(found) <= set(HEADS), f"some of {HEADS}")
]
Pipeline = Annotated[PipelineSettings, Made(Mapping[str, Any], PipelineSettings.from_dict)]


@dataclass(frozen=True, slots=True)
class InputShape:
    """The windows that the network takes, and the length of its embeddings."""

    frames: Count
    bands: Count
    eye_features: Count
    embedding: Count


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
    """

    weights: Weights
    decorrelation_s: Positive
    smoothed_temperature: Positive
    quantiles: Mapping[Level, float]
    novelty: NoveltyScale


Combinations = Annotated[
    Mapping[str, Combination],
    Check(lambda found: found and set(found) <= set(COMBINATIONS), f"one or more of {COMBINATIONS}"),
]


@dataclass(frozen=True, slots=True)
class BundleSpec:
    """bundle.json without its bookkeeping."""

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

    @property
    def sources(self) -> Mapping[str, str]:
        """Where the training features came from, by modality ("eeg", "eye"), as the corpus's manifest says it.

        "causal": computed as in a live session; "as released": by a data set's authors; "none". Empty where not known.
        """
        description = self.training.get("description")
        found = description.get("sources") if isinstance(description, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else {}

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
    data = asdict(spec)
    for combination in data["combinations"].values():
        combination["quantiles"] = {f"{level:g}": q for level, q in combination["quantiles"].items()}
    return data


def from_json(data: Mapping[str, Any], reader: Reader) -> BundleSpec:
    """The checked records. Raises RtemoError naming the first field that does not fit."""
    spec = reader.read(BundleSpec, data)
    n_labels, level = len(spec.labels), spec.decision.set_level
    if len(spec.smoothing.prior) != n_labels:
        raise reader.wrong("smoothing.prior", spec.smoothing.prior, f"not {n_labels} shares")
    if spec.decision.largest_set > n_labels:
        raise reader.wrong("decision.largest_set", spec.decision.largest_set, f"not at most {n_labels}")
    for name, combination in spec.combinations.items():
        if level not in combination.quantiles:
            raise reader.wrong(f"combinations.{name}.quantiles", combination.quantiles, f"without the level {level:g}")
    ordered = {name: spec.combinations[name] for name in COMBINATIONS if name in spec.combinations}
    return replace(spec, combinations=ordered, temperatures={head: spec.temperatures[head] for head in HEADS})
