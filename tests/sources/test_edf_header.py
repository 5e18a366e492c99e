"""Signals of an EDF file at another rate than most: named, left out by every reader, and nothing else is resampled."""

import numpy as np
import pytest
from edfio import Edf, EdfSignal

from offline.datasets.eeg_files.mne_raw import header, segments
from rtemo.convert.mne_files import read_mne_file
from rtemo.sources.edf_header import signals_at_other_rates


def write(path, rates):
    """Two seconds of each signal: its label, and its rate in Hz. Returns the values in uV."""
    values = {label: np.random.default_rng(k).normal(0, 30, 2 * hz).round() for k, (label, hz) in enumerate(rates)}
    signals = [
        EdfSignal(values[label], hz, label=label, physical_dimension="uV", physical_range=(-200, 200))
        for label, hz in rates
    ]
    Edf(signals).write(path)
    return values


@pytest.mark.parametrize(
    ("rates", "others"),
    [
        ([("Fp1", 256), ("Fp2", 256), ("Cz", 256)], ()),
        ([("Fp1", 256), ("Resp", 32), ("Fp2", 256)], ("Resp",)),
        ([("Fp1", 256), ("Fp2", 256), ("Sound", 1024)], ("Sound",)),
        ([("Cz", 256), ("Temp", 1)], ("Temp",)),
        ([("Fp1", 256), ("A", 128), ("B", 64), ("Fp2", 256)], ("A", "B")),
    ],
)
def test_signals_at_another_rate_are_left_out_and_the_others_are_as_they_were(tmp_path, rates, others):
    path = tmp_path / "one.edf"
    values = write(path, rates)
    assert signals_at_other_rates(path) == others
    kept = [label for label, _ in rates if label not in others]

    file = header(path)
    assert [name for name, _ in file.channels] == kept
    assert file.rate_hz == 256
    (segment,) = segments(file, kept, 0.0)
    read = np.concatenate(list(segment.blocks(64)))
    assert np.abs(read - np.column_stack([values[label] for label in kept])).max() < 0.01  # a step of the file
    said = [note for note in file.notes if "another rate" in note]
    assert len(said) == bool(others)
    assert all(label in said[0] for label in others)

    converted = read_mne_file(path)
    assert [channel.label for channel in converted.signals[0].channels] == kept
    assert len([note for note in converted.notes if "another rate" in note]) == bool(others)


@pytest.mark.parametrize("content", [b"", b"0" * 300, b"0" * 252 + b"9999" + b"x" * 4000, bytes(range(256)) * 8])
def test_a_header_that_cannot_be_read_is_left_to_the_reader(tmp_path, content):
    path = tmp_path / "one.bdf"
    path.write_bytes(content)
    assert signals_at_other_rates(path) == ()
    assert signals_at_other_rates(path.rename(tmp_path / "one.set")) == ()


@pytest.mark.parametrize("cut", [256, 256 + 255, 256 + 600, 256 + 3 * 256 - 1])
def test_a_header_that_ends_too_soon_is_left_to_the_reader(tmp_path, cut):
    path = tmp_path / "one.edf"
    write(path, [("Fp1", 256), ("Resp", 32), ("Fp2", 256)])
    whole = path.read_bytes()
    path.write_bytes(whole[: 256 + 3 * 256])
    assert signals_at_other_rates(path) == ("Resp",)
    path.write_bytes(whole[:cut])
    assert signals_at_other_rates(path) == ()


def laid_out(path, signals):
    """A header alone: each signal's label and the text of its number of samples a record."""
    head = f"{len(signals):<4}".rjust(256).encode()
    labels = b"".join(label.ljust(16).encode() for label, _ in signals)
    counts = b"".join(count.ljust(8).encode() for _, count in signals)
    path.write_bytes(head + labels + b" " * 200 * len(signals) + counts + b" " * 32 * len(signals))
    return path


@pytest.mark.parametrize(
    ("signals", "others"),
    [
        ([("Temp", "1"), ("Cz", "256")], ("Temp",)),  # of two, the higher one, wherever it stands
        ([("Cz", "256"), ("Temp", "1")], ("Temp",)),
        ([("Cz", "256")], ()),
        ([("EDF Annotations", "60")], ()),
        ([("Cz", "256"), ("EDF Annotations", "60"), ("BDF Annotations", "30")], ()),
        ([("A", "1"), ("B", "?"), ("C", "1")], ("B",)),  # a count that is none is the count of nobody else
    ],
)
def test_the_usual_rate_is_that_of_most_and_of_two_the_higher_one(tmp_path, signals, others):
    assert signals_at_other_rates(laid_out(tmp_path / "one.EDF", signals)) == others
