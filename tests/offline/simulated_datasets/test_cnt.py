from datetime import datetime

import numpy as np
import pytest

from offline.datasets import mne_raw
from offline.simulated_datasets.cnt import LSB_UV, write_cnt
from rtemo.core.errors import RtemoError


def read(path, names, n=1000):
    return np.concatenate(list(mne_raw.segments(mne_raw.header(path), names, 0.0)[0].blocks(n)))


def test_mne_reads_back_samples_labels_rate_date_and_events(tmp_path, rng):
    samples = rng.normal(0, 30, (2500, 3))
    path = tmp_path / "a.cnt"
    n = write_cnt(path, ["FP1", "CB2", "VEO"], 1000, [samples[:900], samples[900:]], [(0, 1), (1234, 2)])
    assert n == 2500
    header = mne_raw.header(path)
    assert [name for name, _ in header.channels] == ["FP1", "CB2", "VEO"]
    assert (header.rate_hz, header.n_samples) == (1000.0, 2500)
    assert [(round(onset * 1000), text) for onset, _, text in header.annotations] == [(0, "1"), (1234, "2")]
    assert np.abs(read(path, ["FP1", "CB2", "VEO"]) - samples).max() <= LSB_UV * 0.5001
    assert mne_raw.open_raw(path).info["meas_date"].replace(tzinfo=None).date() == datetime(2018, 5, 7).date()


@pytest.mark.parametrize("n", [1, 7, 1000, 100_000])
def test_blocks_of_any_size_give_the_same_samples_in_the_order_of_the_names(tmp_path, rng, n):
    samples = rng.normal(0, 30, (1500, 3))
    write_cnt(tmp_path / "a.cnt", ["A", "B", "C"], 50, [samples])
    blocks = list(mne_raw.segments(mne_raw.header(tmp_path / "a.cnt"), ["C", "A"], 0.0)[0].blocks(n))
    assert max(map(len, blocks)) <= n
    assert np.abs(np.concatenate(blocks) - samples[:, [2, 0]]).max() <= LSB_UV * 0.5001


def test_a_cut_off_file_and_a_file_that_is_none_are_errors(tmp_path):
    path = tmp_path / "a.cnt"
    write_cnt(path, ["A", "B"], 1000, [np.ones((3000, 2))])
    path.write_bytes(path.read_bytes()[:8000])
    with pytest.raises(RtemoError, match="cannot be read as EEG"):
        mne_raw.header(path)
    path.write_bytes(b"nothing")
    with pytest.raises(RtemoError, match="cannot be read as EEG"):
        mne_raw.header(path)
    with pytest.raises(RtemoError, match="cannot be read as EEG"):
        mne_raw.header(tmp_path / "absent.cnt")
