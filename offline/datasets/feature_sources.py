"""Where a corpus's features come from, by modality: rebuilt from raw data as a live session would, or as released.

"causal" features are the pipeline's own. "as released" ones were computed by a data set's authors: in other units, and
often smoothed over whole trials, so no live session can have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import COMBINATIONS

CAUSAL, RELEASED, NONE = "causal", "as released", "none"


@dataclass(frozen=True, slots=True)
class FeatureSources:
    """eeg: CAUSAL or RELEASED. eye: CAUSAL, RELEASED or NONE."""

    eeg: str = CAUSAL
    eye: str = CAUSAL

    def to_dict(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> FeatureSources:
        """RtemoError where a modality is missing or has another word."""
        if set(data) != {"eeg", "eye"} or data["eeg"] not in (CAUSAL, RELEASED) or data["eye"] not in _EYE:
            raise RtemoError("it is not known where the features come from", f"sources {dict(data)}", "build it again")
        return cls(data["eeg"], data["eye"])

    def live_combinations(self) -> tuple[str, ...]:
        """The combinations of modalities that a live session can offer a model trained on these features.

        RtemoError where there is none: nobody can compute released EEG features live.
        """
        if self.eeg == RELEASED:
            raise RtemoError(
                "a model of released EEG features cannot run live",
                "the corpus's EEG is as released",
                "evaluate it offline, or build the corpus with --eeg causal",
            )
        return COMBINATIONS if self.eye == CAUSAL else ("eeg",)


_EYE = (CAUSAL, RELEASED, NONE)
