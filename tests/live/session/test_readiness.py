"""Whether a session can begin, in every case that a researcher meets."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.core.types import Modality, StreamState
from rtemo.live.session.readiness import obstacle

STREAMING, WAITING, STALLED = StreamState.STREAMING, StreamState.WAITING, StreamState.STALLED
EEG, GAZE, MARKERS = Modality.EEG, Modality.GAZE, Modality.MARKERS


def stream(role, state=STREAMING, name=None):
    return SimpleNamespace(role=role, state=state, name=name or role.upper())


@pytest.mark.parametrize(("streams", "required", "said"), [
    ([], (), "no EEG or gaze stream is chosen"),
    ([stream("")], (), "no EEG or gaze stream is chosen"),
    ([stream("markers")], (), "no EEG or gaze stream is chosen"),
    ([stream("markers")], (MARKERS,), "no EEG or gaze stream is chosen"),
    ([stream("eeg")], (), ""),
    ([stream("gaze"), stream("", WAITING)], (), ""),
    ([stream("eeg", WAITING)], (), "no data from EEG"),
    ([stream("eeg", STALLED, "Amp"), stream("gaze", StreamState.LOST, "Eyes")], (), "no data from Amp, Eyes"),
    ([stream("eeg"), stream("gaze", STALLED)], (), "no data from GAZE"),
    ([stream("eeg"), stream("gaze", STALLED)], (EEG,), ""),
    ([stream("eeg")], (EEG, GAZE), "no gaze stream, and the settings require it"),
    ([stream("eeg")], (GAZE, MARKERS), "no gaze and no marker stream, and the settings require it"),
    ([stream("gaze")], (EEG,), "no EEG stream, and the settings require it"),
    ([stream("eeg"), stream("markers", WAITING)], (EEG, MARKERS), ""),  # markers come when something happens
    ([stream("eeg"), stream("markers", StreamState.LOST)], (EEG, MARKERS), "no data from MARKERS"),
    ([stream("eeg"), stream("markers", StreamState.FAILED)], (MARKERS,), "no data from MARKERS"),
    ([stream("eeg"), stream("markers", StreamState.LOST)], (), ""),  # nobody has asked for them
])  # fmt: skip
def test_what_is_missing_is_said(streams, required, said):
    assert obstacle(iter(streams), required) == said
