"""What a recorded source still takes over when it is held, and which stream is opened for a role."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality, StreamInfo, StreamNotice
from rtemo.recorder.open_streams import _chooser
from rtemo.recorder.recording_source import RecordingSource

AMP = StreamInfo("a", "Amp", "EEG", "float32", 250.0, ())


class Supply:
    """Gives so many items, one at a time, and notes how long it was waited for."""

    def __init__(self, n):
        self.n, self.waits = n, []

    def read(self, timeout_s):
        self.waits.append(timeout_s)
        return [StreamNotice("a", str(len(self.waits)))] if len(self.waits) <= self.n else []


@pytest.mark.parametrize(("n", "taken"), [(0, 0), (3, 3), (49, 49), (50, 50), (10**9, 50)])
def test_what_is_there_is_taken_over_without_waiting_and_of_an_endless_source_the_next_50(n, taken):
    supply = Supply(n)
    items = RecordingSource(supply, lambda _request: pytest.fail("nothing is recorded")).hold()
    assert [item.text for item in items] == [str(k + 1) for k in range(taken)]
    assert supply.waits == [0.0] * min(n + 1, 50)


def test_a_stream_that_fits_is_chosen_and_no_longer_a_question():
    fits = [AMP]

    def choose_for(participant, part, infos):
        assert (participant, part) == ("P", Modality.EEG)
        if len(infos) > 1:
            raise RtemoError("several streams fit")
        return infos[0] if infos else None

    ambiguous = {"other": "stays"}
    choose = _chooser(SimpleNamespace(choose_for=choose_for), "P", Modality.EEG, ambiguous)
    assert choose([]) is None
    assert choose([AMP, AMP]) is None
    (role,) = ambiguous.keys() - {"other"}
    assert "several streams fit" in ambiguous[role]
    assert choose(fits) is AMP
    assert ambiguous == {"other": "stays"}
    strict = _chooser(SimpleNamespace(choose_for=choose_for), "P", Modality.EEG, None)
    assert strict(fits) is AMP
    with pytest.raises(RtemoError, match="several streams fit"):
        strict([AMP, AMP])
