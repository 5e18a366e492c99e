"""A stream with a stamp far ahead of the rest holds up neither itself nor the others."""

from __future__ import annotations

import numpy as np
import pytest
from xdf_build import ramp, stream, write

from rtemo.core.types import Chunk
from rtemo.sources.xdf.cursor import judged
from rtemo.sources.xdf.samples import Samples
from rtemo.sources.xdf.source import XdfSource


def wrong_ones(stamps, size):
    """The numbers of the wrong samples, read in blocks of a size; all blocks come as they were."""
    stamps = np.asarray(stamps, float)
    blocks = [
        Samples(stamps[k : k + size], np.zeros((len(stamps[k : k + size]), 1)), 0, k)
        for k in range(0, len(stamps), size)
    ]
    given = list(judged(iter(blocks)))
    assert [block.number for block, _ in given] == [block.number for block in blocks]
    assert np.array_equal(np.concatenate([block.stamps for block, _ in given]), stamps, equal_nan=True)
    return np.flatnonzero(np.concatenate([wrong for _, wrong in given])).tolist()


EVEN = np.arange(2000) / 100.0


def with_stamps(at, values):
    found = EVEN.copy()
    found[at : at + len(values)] = values
    return found


LATER = np.arange(2000)
CASES = {
    "none": (EVEN, []),
    "one": (with_stamps(500, [55.0]), [500]),
    "ten": (with_stamps(500, EVEN[500:510] + 50.0), [*range(500, 510)]),
    "of any size": (with_stamps(500, [1e18, np.inf]), [500, 501]),
    "a little too far": (with_stamps(500, [6.04]), [500]),  # the third one behind it is more than 1 s before it
    "just not": (with_stamps(500, [6.03]), []),
    "behind a gap": (with_stamps(500, [np.nan, 55.0]), [501]),
    "behind, and in nobody's way": (with_stamps(500, [-30.0]), []),
    "two strays after a pause": (np.where(LATER == 502, 5.0, np.where(LATER < 500, EVEN, EVEN + 50.0)), []),
    "the first": (with_stamps(0, [55.0]), [0]),
    "a pause, or a clock that was set": (np.where(LATER < 500, EVEN, EVEN + 50.0), []),
    "nothing follows": (with_stamps(1999, [99.0]), []),
    "one follows": (with_stamps(1998, [99.0]), [1998]),
    "too many": (with_stamps(1000, EVEN[1000:1600] + 50.0), []),  # nobody reads on for so long
}


@pytest.mark.parametrize("size", [1, 7, 400, 5000])
@pytest.mark.parametrize("case", CASES)
def test_a_stamp_is_wrong_that_is_far_ahead_of_those_that_follow_however_the_file_is_cut(case, size):
    stamps, wrong = CASES[case]
    assert wrong_ones(stamps, size) == wrong


@pytest.mark.parametrize("n", [1, 10])
def test_streams_advance_together_past_a_wrong_stamp(n, tmp_path):
    odd = [ramp("1", begin=k, n=10) for k in range(0, 6000, 10)]
    odd[200].stamps[:n] += 40.0
    even = [ramp("2", begin=k, n=10) for k in range(0, 6000, 10)]
    path = write(tmp_path / "a.xdf", stream("1"), stream("2"), *odd, *even)
    source = XdfSource(path)
    source.start()
    count, apart = {"1": 0, "2": 0}, []
    while not source.exhausted:
        for item in source.read(0.0):
            if isinstance(item, Chunk):
                count[item.stream_id] += len(item)
                apart.append(abs(count["1"] - count["2"]))
    assert count == {"1": 6000, "2": 6000}
    assert max(apart) <= 60  # of 100 a second
