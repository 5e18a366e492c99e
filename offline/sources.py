"""Where a corpus's features come from, by modality: rebuilt from raw data as a live session would, or as released.

"causal" features are the pipeline's own. "as released" ones were computed by a data set's authors: in other units, and
often smoothed over whole trials, so no live session can have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rtemo.core.errors import RtemoError

CAUSAL, RELEASED, NONE = "causal", "as released", "none"


@dataclass(frozen=True, slots=True)
class Sources:
    """eeg: CAUSAL or RELEASED. eye: CAUSAL, RELEASED or NONE."""

    eeg: str = CAUSAL
    eye: str = CAUSAL

    def to_dict(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, str]) -> Sources:
        """RtemoError where a modality is missing or has another word."""
        if set(data) != {"eeg", "eye"} or data["eeg"] not in (CAUSAL, RELEASED) or data["eye"] not in _EYE:
            raise RtemoError("it is not known where the features come from", f"sources {dict(data)}", "build it again")
        return cls(data["eeg"], data["eye"])


_EYE = (CAUSAL, RELEASED, NONE)
