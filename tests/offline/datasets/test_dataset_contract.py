"""The parts of the contract that every loader relies on."""

from itertools import pairwise

import numpy as np
import pytest

from offline.datasets import LOADERS, load
from offline.datasets.base import (
    TRIAL_GAP_S,
    TRIAL_GRID_S,
    EyeWindows,
    Recording,
    Segment,
    Stream,
    lay_out,
    natural_key,
    segment_chunks,
    slices,
)
from offline.datasets.presets import preset
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Modality, StreamInfo


def test_trials_start_on_the_grid_with_a_gap_between_whatever_their_lengths():
    durations = [8.0, 3.005, 47.3, 4.0, 0.005]
    starts = lay_out(durations)
    assert all(start % TRIAL_GRID_S == 0 for start in starts)
    for (start, length), after in pairwise(zip(starts, durations, strict=True)):
        assert TRIAL_GAP_S <= after[0] - (start + length) < TRIAL_GAP_S + TRIAL_GRID_S
    assert lay_out([]) == []


def test_names_sort_with_numbers_as_numbers():
    names = ["10", "2", "EP10", "EP2", "1", "a", "S2_10", "S2_9"]
    assert sorted(names, key=natural_key) == ["1", "2", "10", "EP2", "EP10", "S2_9", "S2_10", "a"]


@pytest.mark.parametrize(
    ("since_start_s", "row"),
    [(4.0, 0), (8.0, 1), (5.9, 0), (6.0, 0), (6.1, 1), (12.0, 2), (14.0, 2), (14.1, None), (1.9, None), (2.1, 0)],
)
def test_a_window_takes_the_released_one_whose_end_is_nearest(since_start_s, row):
    windows = EyeWindows(np.zeros((3, 33), np.float32), np.ones((3, 33), bool), 4.0, causal=False)
    assert windows.row_for(since_start_s) == row


def ramp(stream_id, rate_hz, start_s, n):
    info = StreamInfo(stream_id, stream_id, "EEG", "float32", rate_hz, (Channel(),))
    samples = np.arange(n, dtype=float)[:, None]
    segments = (
        Segment(start_s, rate_hz, lambda k: slices(samples, k)),
        Segment(start_s + 100.0, rate_hz, lambda k: slices(samples, k)),
    )
    return Stream(info, Modality.EEG, lambda block_s: segment_chunks(stream_id, segments, block_s))


@pytest.mark.parametrize("block_s", [0.001, 0.3, 1.0, 1000.0])
def test_chunks_of_any_length_give_the_same_samples_and_regular_stamps(block_s):
    chunks = list(ramp("a", 100.0, 5.0, 250).chunks(block_s))
    stamps = np.concatenate([chunk.stamps for chunk in chunks])
    values = np.concatenate([chunk.values for chunk in chunks])
    assert np.array_equal(stamps, np.concatenate([5.0 + np.arange(250) / 100, 105.0 + np.arange(250) / 100]))
    assert np.array_equal(values[:, 0], np.tile(np.arange(250.0), 2))
    assert values.dtype == np.float32


def test_streams_are_merged_by_the_last_sample_of_each_chunk():
    streams = (ramp("a", 100.0, 5.0, 250), ramp("b", 60.0, 4.7, 200))
    recording = Recording("x", "1", "1", (), streams, ())
    ends = [chunk.stamps[-1] for chunk in recording.items(0.4)]
    assert ends == sorted(ends)
    assert sum(len(chunk) for chunk in recording.items(0.4)) == 900


@pytest.mark.parametrize("name", LOADERS)
def test_every_registered_loader_says_what_it_looked_for(name, tmp_path):
    with pytest.raises(RtemoError, match=r"no .* (was|were) found; looked"):
        load(name, tmp_path)


def test_names_and_folders_that_are_not_there_are_said(tmp_path):
    with pytest.raises(RtemoError) as caught:
        load("seed-vi", tmp_path)
    assert str(caught.value) == (
        "there is no data set 'seed-vi'; known are seed-iv, seed-v, seed-vii, seed, eegeyenet, affec, bids, xdf"
    )
    with pytest.raises(RtemoError) as caught:
        load("bids", tmp_path / "none")
    assert str(caught.value) == f"{tmp_path / 'none'} is no folder; give the data set's folder"
    (tmp_path / "file").touch()
    with pytest.raises(RtemoError) as caught:
        load("bids", tmp_path / "file")
    assert str(caught.value) == f"{tmp_path / 'file'} is no folder; it is a file; give the data set's folder"


def test_the_mapping_file_is_handed_on(tmp_path):
    with pytest.raises(RtemoError, match=r"seed takes no mapping file; .*own\.toml; "):
        load("seed", tmp_path, tmp_path / "own.toml")


def test_a_preset_is_for_one_loader():
    assert preset("eeg-et", "xdf").name == "eeg-et.toml"
    for name in ("faced", "bbbd", "dens", "emoeeg-mc", "eegeyenet", "affec"):
        assert preset(name, "bids").is_file()
        with pytest.raises(RtemoError) as caught:
            preset(name, "xdf")
        assert str(caught.value) == f"the preset {name} is for BIDS folders; found xdf; build bids --preset ..."
    with pytest.raises(RtemoError, match="the preset eeg-et is for XDF files; found bids; build xdf --preset"):
        preset("eeg-et", "bids")
