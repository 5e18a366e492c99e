"""What the author of an own model declares about it, before it is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from offline.corpus.corpus import Corpus
from offline.evaluation.window_table import fixed_channels
from offline.export.exported_model import GraphSizes
from rtemo.core.eeg.band_power import band_centres
from rtemo.core.eeg.montage import place
from rtemo.core.errors import RtemoError
from rtemo.core.gaze.features import GAZE_FEATURES
from rtemo.core.settings import PipelineSettings
from rtemo.model.bundle_schema import FixedChannels, ModelInput
from rtemo.model.model_inputs import OF_MODALITY

ANY_MONTAGE = 7  # channels of the sample that a graph for any montage is traced with


@dataclass(frozen=True, slots=True)
class Declared:
    """inputs: graph's own name -> what it is (rtemo.model.model_inputs), in the order in which it takes them.

    channels: those that it takes; None: any montage. labels: in the order of its outputs.
    """

    labels: tuple[str, ...]
    settings: PipelineSettings
    inputs: Mapping[str, ModelInput]
    channels: FixedChannels | None
    output: Literal["embedding", "logits", "probabilities"] = "logits"
    output_name: str = ""  # of a graph with several outputs: the one that is meant
    reference: Literal["average", "none"] = "average"
    scale: Literal["session", "microvolts"] = "session"
    features: Sequence[str] = field(default=())  # of a scikit-learn pipeline: "de", "eye" or both
    ratings: tuple[str, ...] = ()  # that its outputs are, in their order, of a model that tells no labels apart

    @property
    def given(self) -> Literal["embedding", "logits", "probabilities"]:
        """What the bundle calls its output: ratings are an embedding, from which heads read labels and ratings."""
        return "embedding" if self.ratings else self.output

    @property
    def sizes(self) -> GraphSizes:
        window, eeg = self.settings.window, self.settings.eeg
        return GraphSizes(
            frames=round(window.length_s / window.frame_s),
            channels=ANY_MONTAGE if self.channels is None else len(self.channels.labels),
            bands=len(band_centres(eeg)),
            eye_features=len(GAZE_FEATURES),
            samples=round(window.length_s * eeg.grid_hz),
        )


def channels_of(text: str, corpus: Corpus | None, inputs: Iterable[ModelInput]) -> FixedChannels | None:
    """From the command line: "any", electrode names with commas, or "corpus": those that all its recordings have.

    inputs: of the model; one that takes no EEG needs no channels.
    """
    if text == "any" or not {*OF_MODALITY["eeg"], "positions"}.intersection(inputs):
        return None
    if text == "corpus":
        if corpus is None:
            raise RtemoError("there is no corpus to take channels from", "", "name the model's channels: --channels")
        common = fixed_channels(corpus.shards)
        labels, positions = common.labels, common.positions
    else:
        names = [name.strip() for name in text.split(",") if name.strip()]
        placed = place(names)
        if missing := [name for name in names if name not in placed.labels]:
            raise RtemoError("these electrodes are not known", ", ".join(missing), "use names of the 10-10 system")
        labels, positions = placed.labels, placed.positions
    return FixedChannels(tuple(labels), tuple((float(x), float(y), float(z)) for x, y, z in positions))
