import struct
from datetime import datetime

import numpy as np
import pytest

from offline.datasets.eeg_files import mne_raw
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


def spoil(path, form, offset, *values):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(struct.pack(form, *values))


@pytest.mark.parametrize("stated", [4294966564, 0, 1, 2_999, 3_001, 6_000, 1_500, 2**31 - 1, 2**32 - 1])
@pytest.mark.parametrize("events", [(), ((100, 1), (2900, 2))])
@pytest.mark.parametrize("seconds", [None, 0.0])
def test_a_wrong_number_of_samples_in_the_header_is_not_believed(tmp_path, rng, stated, events, seconds):
    """4294966564 is what SEED-V's files hold."""
    samples = rng.normal(0, 50, (3000, 3))
    path = tmp_path / "a.cnt"
    write_cnt(path, ["A", "B", "C"], 1000, [samples], events)
    spoil(path, "<I", 864, stated)
    if stated == 6_000 and seconds == 0.0:  # nothing tells it from a file of 16 bit, or the events alone
        return
    if seconds is not None:
        spoil(path, "<f", 890, seconds)
    file = mne_raw.header(path)
    assert (file.n_samples, [round(1000 * onset) for onset, *_ in file.annotations]) == (3000, [at for at, _ in events])
    assert np.abs(read(path, ["A", "B", "C"], 512) - samples).max() <= LSB_UV * 0.5001
    assert any(f"its header states {stated} samples; it is read as 32 bit, 3000 samples" in note for note in file.notes)


def test_a_file_whose_events_and_length_contradict_each_other_is_an_error(tmp_path):
    path = tmp_path / "a.cnt"
    write_cnt(path, ["A", "B"], 1000, [np.ones((3000, 2))], ((100, 1),))
    spoil(path, "<I", 864, 4294966564)
    spoil(path, "<f", 890, 77.0)
    with pytest.raises(RtemoError, match=r"the number of samples in .* cannot be told; 32 bit: not the header's 77 s"):
        mne_raw.header(path)
