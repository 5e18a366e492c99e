"""What bundle.json holds, as typed records, and the checked way from JSON to them.

Everything that changes a prediction is here or in the arrays beside it. Reading refuses, with the field's name, what
is missing, of another type or out of range; it never fills in a default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from rtemo.core.errors import RtemoError
from rtemo.core.records import Made
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


@dataclass(frozen=True, slots=True)
class InputShape:
    """The windows that the network takes, and the length of its embeddings."""

    frames: int
    bands: int
    eye_features: int
    embedding: int


@dataclass(frozen=True, slots=True)
class ModalityGate:
    """What a window needs for a modality to be used.

    eeg_coverage, gaze_coverage: least share of usable samples. eeg_channels: least mean number of usable channels a
    frame. eeg_share: least share of usable channels and frames. eye_share: least share of valid eye features.
    """

    eeg_coverage: float
    eeg_channels: float
    eeg_share: float
    gaze_coverage: float
    eye_share: float


@dataclass(frozen=True, slots=True)
class Decision:
    """set_level: coverage promised for the sets, one of each combination's quantiles. largest_set: abstain above.

    adaptation_rate: step of the adaptive conformal level for each self-report, see adaptive.py.
    """

    set_level: float
    largest_set: int
    adaptation_rate: float


@dataclass(frozen=True, slots=True)
class Combination:
    """How the heads speak for one combination of modalities, all fitted on held-out people.

    weights: of the heads' calibrated log-probabilities (log-linear pool). decorrelation_s: see smoothing.advance.
    smoothed_temperature: see smoothing.told. quantiles: level -> conformal quantile of smoothed probabilities.
    """

    weights: Mapping[str, float]
    decorrelation_s: float
    smoothed_temperature: float
    quantiles: Mapping[float, float]
    novelty: NoveltyScale


@dataclass(frozen=True, slots=True)
class BundleSpec:
    """bundle.json without its bookkeeping."""

    name: str
    labels: tuple[str, ...]
    pipeline: PipelineSettings
    input: InputShape
    network: Mapping[str, Any]
    temperatures: Mapping[str, float]
    combinations: Mapping[str, Combination]
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
        found = self.training.get("description", {}).get("sources", {})
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


def from_json(data: Mapping[str, Any]) -> BundleSpec:
    """The checked records. Raises RtemoError naming the first field that does not fit."""
    top = Fields(data)
    labels = top.texts("labels")
    if len(labels) < 2 or len(set(labels)) != len(labels):
        raise top.wrong("labels", "two or more different labels")
    combinations = top.fields("combinations")
    present = [name for name in COMBINATIONS if name in combinations.data]
    if not present:
        raise top.wrong("combinations", f"at least one of {COMBINATIONS}")
    temperatures = top.fields("temperatures")
    spec = BundleSpec(
        name=top.text("name"),
        labels=labels,
        pipeline=PipelineSettings.from_dict(top.fields("pipeline").data),
        input=_input(top.fields("input")),
        network=top.fields("network").data,
        temperatures={head: temperatures.number(head, above=0.0) for head in HEADS},
        combinations={name: _combination(combinations.fields(name)) for name in present},
        gate=_gate(top.fields("gate")),
        smoothing=_smoothing(top.fields("smoothing"), len(labels)),
        decision=_decision(top.fields("decision"), len(labels)),
        trained_on=top.text("trained_on"),
        training=top.fields("training").data,
        metrics=top.fields("metrics").data,
    )
    _check_levels(spec, combinations)
    return spec


def _check_levels(spec: BundleSpec, combinations: Fields) -> None:
    for name, combination in spec.combinations.items():
        if spec.decision.set_level not in combination.quantiles:
            raise combinations.fields(name).wrong("quantiles", f"one for the level {spec.decision.set_level:g}")


def _input(fields: Fields) -> InputShape:
    return InputShape(*(fields.count(name) for name in ("frames", "bands", "eye_features", "embedding")))


def _gate(fields: Fields) -> ModalityGate:
    names = ("eeg_coverage", "eeg_channels", "eeg_share", "gaze_coverage", "eye_share")
    return ModalityGate(*(fields.number(name, least=0.0) for name in names))


def _smoothing(fields: Fields, n_labels: int) -> Smoothing:
    prior = fields.numbers("prior", n_labels)
    if min(prior) <= 0.0 or abs(sum(prior) - 1.0) > 1e-6:
        raise fields.wrong("prior", "positive shares that add up to 1")
    return Smoothing(fields.number("dwell_s", above=0.0), fields.number("window_s", above=0.0), prior)


def _decision(fields: Fields, n_labels: int) -> Decision:
    largest = fields.count("largest_set")
    if largest > n_labels:
        raise fields.wrong("largest_set", f"at most {n_labels}")
    return Decision(fields.number("set_level", above=0.0), largest, fields.number("adaptation_rate", least=0.0))


def _combination(fields: Fields) -> Combination:
    weights, quantiles = fields.fields("weights"), fields.fields("quantiles")
    unknown = set(weights.data) - set(HEADS)
    if unknown or not weights.data:
        raise fields.wrong("weights", f"some of {HEADS}")
    return Combination(
        weights={head: weights.number(head, least=0.0) for head in weights.data},
        decorrelation_s=fields.number("decorrelation_s", above=0.0),
        smoothed_temperature=fields.number("smoothed_temperature", above=0.0),
        quantiles={quantiles.level(key): quantiles.number(key) for key in quantiles.data},
        novelty=_novelty(fields.fields("novelty")),
    )


def _novelty(fields: Fields) -> NoveltyScale:
    has_two = fields.data.get("disagreement", ()) is not None
    return NoveltyScale(
        distance=_centre_and_spread(fields, "distance"),
        energy=_centre_and_spread(fields, "energy"),
        disagreement=_centre_and_spread(fields, "disagreement") if has_two else None,
        threshold=fields.number("threshold", above=0.0),
    )


def _centre_and_spread(fields: Fields, name: str) -> tuple[float, float]:
    centre, spread = fields.numbers(name, 2)
    if spread <= 0.0:
        raise fields.wrong(name, "a positive spread")
    return centre, spread


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object that is read with checks. what and path name it in errors."""

    data: Mapping[str, Any]
    path: str = ""
    what: str = "the model bundle's "

    def wrong(self, name: str, wanted: str) -> RtemoError:
        found = repr(self.data[name])[:80] if name in self.data else "nothing"
        return RtemoError(
            f"{self.what}{self.path}{name} does not fit", f"found {found}, wanted {wanted}", "get it again"
        )

    def _get(self, name: str, kind: type | tuple[type, ...], wanted: str) -> Any:
        value = self.data.get(name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(name, wanted)
        return value

    def fields(self, name: str) -> Fields:
        return Fields(self._get(name, Mapping, "an object"), f"{self.path}{name}.", self.what)

    def objects(self, name: str) -> list[Fields]:
        values: Sequence[Any] = self._get(name, list, "a list of objects")
        if not all(isinstance(value, Mapping) for value in values):
            raise self.wrong(name, "a list of objects")
        return [Fields(value, f"{self.path}{name}.{i}.", self.what) for i, value in enumerate(values)]

    def text(self, name: str) -> str:
        return str(self._get(name, str, "text"))

    def texts(self, name: str) -> tuple[str, ...]:
        values: Sequence[Any] = self._get(name, list, "a list of texts")
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(name, "a list of texts")
        return tuple(values)

    def count(self, name: str) -> int:
        value = int(self._get(name, int, "a whole number above 0"))
        if value < 1:
            raise self.wrong(name, "a whole number above 0")
        return value

    def number(self, name: str, *, least: float = -math.inf, above: float = -math.inf) -> float:
        value = float(self._get(name, (int, float), "a number"))
        if not math.isfinite(value) or value < least or value <= above:
            raise self.wrong(name, f"a finite number, {f'above {above:g}' if above > least else f'{least:g} or more'}")
        return value

    def numbers(self, name: str, length: int) -> tuple[float, ...]:
        values: Sequence[Any] = self._get(name, list, f"{length} numbers")
        inner = Fields({str(i): value for i, value in enumerate(values)}, f"{self.path}{name}.", self.what)
        if len(values) != length:
            raise self.wrong(name, f"{length} numbers")
        return tuple(inner.number(key) for key in inner.data)

    def level(self, name: str) -> float:
        """The name itself as a coverage level between 0 and 1."""
        try:
            value = float(name)
        except ValueError:
            raise self.wrong(name, "a level as its name, such as 0.9") from None
        if not 0.0 < value < 1.0:
            raise self.wrong(name, "a level between 0 and 1 as its name")
        return value
