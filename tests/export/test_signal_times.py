"""Begin and rate of an exported signal: of all samples, so that no single stamp decides."""

from __future__ import annotations

import numpy as np
import pytest
from stream_builder import TEN_TWENTY
from xdf_build import stream, write

from rtemo import resources
from rtemo.core.types import Chunk, Modality
from rtemo.export.signals import read_signals, regular
from rtemo.recordings.open_recording import OpenRecording
from rtemo.sources.devices.profile import load_profiles

HZ, PPM, JITTER_S = 250.0, 60.0, 5e-4


@pytest.mark.parametrize("seed", range(3))
def test_a_clock_that_drifts_and_jitters_is_exported_on_the_line_through_all_its_stamps(tmp_path, seed):
    rng = np.random.default_rng(seed)
    index = np.concatenate([np.arange(10_000), np.arange(11_000, 25_000)])
    true = 1000.0 + index / HZ * (1 + PPM * 1e-6)
    stamps = true + rng.normal(0, JITTER_S, len(index))
    values = rng.normal(0, 20, (len(index), len(TEN_TWENTY))).astype(np.float32)
    info = stream(rate=HZ, labels=TEN_TWENTY)
    chunks = [Chunk("1", stamps[k : k + 25], values[k : k + 25]) for k in range(0, len(index), 25)]
    recording = OpenRecording(write(tmp_path / "drift.xdf", info, *chunks), load_profiles(resources.devices()))
    eeg = read_signals(recording)[Modality.EEG]
    assert len(eeg.stretches) == 2
    assert 1e6 * (HZ / eeg.rate_hz - 1) == pytest.approx(PPM, abs=1.0)
    places = [(first, stretch.begin_s) for first, stretch in regular(eeg)]
    assert [first for first, _ in places] == [0, 11_000]
    for (first, begin_s), at in zip(places, (0, 11_000), strict=True):
        assert begin_s == pytest.approx(1000.0 + at / HZ * (1 + PPM * 1e-6), abs=5e-5)
        assert abs(eeg.first_s + first / eeg.rate_hz - begin_s) < 1e-4
