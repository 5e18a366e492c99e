"""Where features come from, as a corpus writes it, and what a live session can offer a model of them."""

from __future__ import annotations

import pytest

from offline.datasets.feature_sources import CAUSAL, NONE, RELEASED, FeatureSources
from rtemo.core.errors import RtemoError


@pytest.mark.parametrize("eeg", [CAUSAL, RELEASED])
@pytest.mark.parametrize("eye", [CAUSAL, RELEASED, NONE])
def test_what_is_written_is_read_again(eeg, eye):
    written = FeatureSources(eeg, eye).to_dict()
    assert written == {"eeg": eeg, "eye": eye}
    assert FeatureSources.from_dict(written) == FeatureSources(eeg, eye)


@pytest.mark.parametrize("data", [
    {}, {"eeg": "causal"}, {"eye": "causal"}, {"eeg": "causal", "eye": "causal", "ecg": "causal"},
    {"eeg": "none", "eye": "causal"}, {"eeg": "", "eye": "none"}, {"eeg": "causal", "eye": "rebuilt"},
])  # fmt: skip
def test_other_words_are_refused(data):
    with pytest.raises(RtemoError) as caught:
        FeatureSources.from_dict(data)
    assert str(caught.value) == f"it is not known where the features come from; sources {data}; build it again"


def test_a_live_session_has_no_released_features():
    assert FeatureSources().live_combinations() == ("eeg", "eye", "both")
    assert FeatureSources(eye=RELEASED).live_combinations() == ("eeg",)
    assert FeatureSources(eye=NONE).live_combinations() == ("eeg",)
    with pytest.raises(RtemoError, match=r"released EEG features cannot run live; the corpus's EEG is as released; .*"):
        FeatureSources(eeg=RELEASED).live_combinations()
