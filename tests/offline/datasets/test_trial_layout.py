"""Where trials lie on a recording's clock, in which order, and which window belongs to which second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from offline.datasets.base import (
    EyeWindows,
    Omission,
    Recording,
    Segment,
    Stream,
    lay_out,
    natural_key,
    segment_chunks,
    slices,
)
from offline.datasets.seed.trial_files import TrialFile, missing_entries
from rtemo.core.types import Channel, Chunk, Modality, StreamInfo


def test_trials_start_on_multiples_of_four_seconds_after_twenty_of_nothing():
    # 20; 20 + 100 + 20 = 140; 140 + 33.3 + 20 = 193.3 -> 196; 196 + 4 + 20 = 220
    assert lay_out([100.0, 33.3, 4.0, 7.0]) == [20.0, 140.0, 196.0, 220.0]
    assert lay_out([1.0, 1.0], gap_s=5.0) == [8.0, 16.0]
    assert lay_out([]) == []


def test_names_are_sorted_by_their_numbers():
    names = ["10", "9", "s2", "s10", "s1b", "s1a", "a", "2"]
    assert sorted(names, key=natural_key) == ["2", "9", "10", "a", "s1a", "s1b", "s2", "s10"]


@pytest.mark.parametrize(("since_s", "row"), [
    (4.0, 0), (8.0, 1), (40.0, 9),  # the ends of windows
    (5.9, 0), (6.0, 0), (6.1, 1),  # half a window off at most
    (2.0, None), (2.1, 0), (42.0, 9), (42.1, None), (-4.0, None),
])  # fmt: skip
def test_the_window_that_ends_nearest_is_taken(since_s, row):
    windows = EyeWindows(np.zeros((10, 33), np.float32), np.ones((10, 33), bool), 4.0, causal=True)
    assert windows.row_for(since_s) == row


def test_segments_become_chunks_with_regular_stamps():
    samples = np.arange(14.0).reshape(7, 2)
    segments = [Segment(100.0, 10.0, lambda n: slices(samples, n)), Segment(200.0, 4.0, lambda n: slices(samples, n))]
    chunks = list(segment_chunks("eeg", segments, 0.3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1, *[1] * 7]  # 0.3 s: three samples at 10 Hz, one at 4 Hz
    np.testing.assert_allclose(np.concatenate([c.stamps for c in chunks[:3]]), 100.0 + np.arange(7) / 10)
    np.testing.assert_allclose(np.concatenate([c.stamps for c in chunks[3:]]), 200.0 + np.arange(7) / 4)
    np.testing.assert_array_equal(np.vstack([c.values for c in chunks[:3]]), samples)
    assert {chunk.values.dtype for chunk in chunks} == {np.dtype(np.float32)}
    assert [len(c) for c in segment_chunks("eeg", [Segment(0.0, 0.5, lambda n: slices(samples, n))], 0.1)] == [1] * 7


def test_streams_are_merged_by_the_last_sample_of_each_chunk():
    def chunks(name, *pairs):
        return lambda block_s: iter([Chunk(name, np.array(pair), np.zeros((2, 1))) for pair in pairs])

    streams = tuple(
        Stream(StreamInfo(name, name, "EEG", "float32", 1.0, (Channel(),)), Modality.EEG, chunks(name, *pairs))
        for name, pairs in (("a", [(0.0, 1.0), (2.0, 5.0)]), ("b", [(0.5, 0.9), (3.0, 4.0)]))
    )
    recording = Recording("d", "1", "1", (), streams, ())
    assert [item.stream_id for item in recording.items()] == ["b", "a", "b", "a"]
    replayed = Recording("d", "1", "1", (), streams, (), replay=lambda: iter(["as", "recorded"]))
    assert list(replayed.items()) == ["as", "recorded"]


def test_an_omission_is_one_line():
    assert str(Omission("file", "a.mat", "it ends\n  too soon")) == "file left out: a.mat: it ends too soon"


def test_a_trial_lasts_from_its_first_sample_to_its_last():
    file = TrialFile(Path("1.mat"), {3: "x_eeg3"}, {3: 1001}, {})
    assert file.duration_s(3) == 5.0


def test_people_who_lack_a_session_are_listed():
    seen = {2: {1: None, 3: None}, 1: {1: None, 2: None, 3: None}}
    assert [str(one) for one in missing_entries("SEED", [1, 2, 3], seen)] == [
        "recording left out: SEED subject 2 session 2: no EEG file for it"
    ]
