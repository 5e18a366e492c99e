"""FIF, EDF and CSV: every sample at its time, gaps marked, events with them, and what is missing is named."""

from __future__ import annotations

import csv
import errno
import sys
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

import rtemo
from offline.__main__ import main as offline
from offline.corpus.corpus import open_corpus
from offline.datasets.eeg_files import mne_raw
from rtemo import resources
from rtemo.cli import main
from rtemo.core.types import Modality
from rtemo.export.edf import patient_code, record_of, write_edf
from rtemo.export.mne_raw import SKIP
from rtemo.export.recorded_session import AskedEntities, read_recorded
from rtemo.export.signals import SignalStretch
from rtemo.sources.devices.profile import load_profiles


@pytest.fixture(scope="module")
def signals(gappy):
    return rtemo.open_recording(gappy).signals()


def recorded(path):
    return read_recorded(path, load_profiles(resources.devices()), AskedEntities())


def skipped(raw):
    marks = raw.annotations
    return [(o, d) for o, d, text in zip(marks.onset, marks.duration, marks.description, strict=True) if text == SKIP]


def test_a_fif_file_has_every_sample_and_marks_the_gaps(gappy, signals, tmp_path):
    mne = pytest.importorskip("mne")
    path = tmp_path / "person_raw.fif"
    assert main(["export", str(gappy), "--mne", str(path)]) == 0
    raw = mne.io.read_raw_fif(path, verbose="ERROR")
    eeg = signals[Modality.EEG]
    assert len(skipped(raw)) == len(eeg.gaps) > 3
    kept = np.ones(raw.n_times, bool)
    for onset, duration in skipped(raw):
        first = round(onset * eeg.rate_hz)
        kept[first : first + round(duration * eeg.rate_hz)] = False
    assert kept.sum() == eeg.n_samples
    np.testing.assert_allclose(raw.get_data("eeg").T[kept] * 1e6, eeg.values, rtol=1e-5, atol=1e-3)
    assert np.abs(raw.times[kept] - (eeg.times - eeg.first_s)).max() < 0.51 / eeg.rate_hz
    assert "clip/start id=1" in " ".join(raw.annotations.description)
    x = raw.get_data("xpos_left")[0]
    assert np.isnan(x[(raw.times > 26.2) & (raw.times < 27.8)]).all()


def read_back(path, eeg):
    """The stretches that our own reader finds in an EDF file: when each begins, and its samples."""
    file = mne_raw.header(path)
    segments = mne_raw.segments(file, eeg.labels, 0.0)
    return file, [(one.start_s, np.concatenate(list(one.blocks(37)))) for one in segments]


def assert_in_place(path, eeg):
    """Every stretch is there, with its samples within a step of 16 bits, at its time: to half a sample, and to a few
    microseconds where the gap before it is as long as a data record. Returns the file.
    """
    file, found = read_back(path, eeg)
    assert [len(values) for _, values in found] == [len(one.times) for one in eeg.stretches]
    step = np.ptp(eeg.values, axis=0) / 65535
    records_s = float(path.read_bytes()[244:252])
    exact_s = 0.0  # when the newest segment of records begins, and by how much the grid of its samples may be off
    for (start_s, values), stretch, gap in zip(found, eeg.stretches, (None, *eeg.gaps), strict=True):
        off_s = abs(start_s - (stretch.begin_s - eeg.first_s))
        long = gap is None or gap.n_missing / eeg.rate_hz > 2.0 * records_s
        assert off_s <= (2e-6 if long else 0.5 / eeg.rate_hz + 1e-5 * (start_s - exact_s) + 2e-6)
        exact_s = start_s if long else exact_s
        assert (np.abs(values - stretch.values) <= 1.1 * step + 1e-3).all()
    return file


def test_an_edf_file_has_every_sample_at_its_time_within_a_step(gappy, signals, tmp_path, capsys):
    pytest.importorskip("edfio")
    path = tmp_path / "person.edf"
    assert main(["export", str(gappy), "--edf", str(path)]) == 0
    assert path.read_bytes()[192:197] == b"EDF+D"
    assert "9 gaps make it an EDF+D file" in capsys.readouterr().err
    eeg = signals[Modality.EEG]
    assert min(gap.n_missing for gap in eeg.gaps) < 10 < max(gap.n_missing for gap in eeg.gaps)
    file = assert_in_place(path, eeg)
    starts = [onset_s for onset_s, _, text in file.annotations if text.startswith("clip/start")]
    marks = [one.time_s for one in recorded(gappy).markers if one.text.startswith("clip/start")]
    assert starts == pytest.approx([time_s - eeg.first_s for time_s in marks if eeg.first_s <= time_s <= eeg.last_s])


GAPS = [(), (1000.0,), (60.0, 60.5, 400.25), (1.0,), (3.0, 0.6, 700.0), (13.0, 14.0)]  # samples that are missing


@pytest.mark.parametrize("rate_hz", [250.0, 257.0, 499.87, 1000.0 / 3.0])
@pytest.mark.parametrize("gaps", GAPS)
def test_gaps_of_any_length_at_any_rate_are_read_back(signals, tmp_path, rate_hz, gaps):
    pytest.importorskip("edfio")
    eeg, begin_s, stretches, rng = signals[Modality.EEG], 5000.123456, [], np.random.default_rng(3)
    for n, missing in zip((701, 3, 130, 64), (*gaps, None, None, None), strict=False):
        times = begin_s + np.arange(n) / rate_hz
        stretches.append(SignalStretch(times, rng.normal(0.0, 40.0, (n, len(eeg.labels))), begin_s, times))
        if missing is None:
            break
        begin_s += (n + missing) / rate_hz
    made = replace(eeg, rate_hz=rate_hz, stretches=tuple(stretches))
    path = tmp_path / "made.edf"
    written_hz = write_edf(
        path, made, datetime(2026, 11, 30, 10, 20, 30, 250_000), [(0.5, 0.25, "hé\nllo")], "Zoë 被 1"
    )
    assert written_hz == pytest.approx(rate_hz, rel=1e-5)
    if not gaps or max(gaps) > 50.0:
        assert path.read_bytes()[192:197] == (b"EDF+D" if gaps else b"EDF+C")
    assert assert_in_place(path, made).annotations == ((pytest.approx(0.5), pytest.approx(0.25), "hé llo"),)
    edfio = pytest.importorskip("edfio")
    assert edfio.read_edf(path).starttime.replace(microsecond=0).isoformat() == "10:20:30"


@pytest.mark.parametrize("rate_hz", [250.0, 257.0, 250.0123, 499.87, 2048.0, 59.94, 1000.0 / 3.0])
def test_a_data_record_has_a_length_that_edf_can_write(rate_hz):
    record_s, n = record_of(rate_hz)
    for gap in (1, 7, 40, 10**6):
        short_s, few = record_of(rate_hz, gap)
        assert few <= max(gap, 0.05 * rate_hz + 1) or (short_s, few) == (record_s, n)
        assert few / short_s == pytest.approx(rate_hz, rel=1e-5)
    assert len(f"{record_s:.6f}".rstrip("0").rstrip(".")) <= 8
    assert n / record_s == pytest.approx(rate_hz, rel=1e-5)


def test_bids_with_edf_gives_the_same_windows_within_its_steps(whole, tmp_path):
    pytest.importorskip("edfio")
    root = tmp_path / "root"
    assert main(["export", str(whole), "--bids", str(root), "--eeg-format", "edf"]) == 0
    built = ["--mapping", str(root / "code" / "rtemo_trials.toml"), "--out", str(tmp_path / "b")]
    assert offline(["--quiet", "build", "bids", "--root", str(root), *built]) == 0
    assert offline(["--quiet", "build", "xdf", "--root", str(whole.parent), "--out", str(tmp_path / "a")]) == 0
    a, b = (next(iter(open_corpus(tmp_path / name))) for name in ("a", "b"))
    assert a.rows["label"].tolist() == b.rows["label"].tolist()  # what fills up the last data record gives no window
    assert np.array_equal(a.eeg_mask, b.eeg_mask)
    assert np.abs(a.eeg.astype(float) - b.eeg.astype(float)).max() < 0.05


def test_csv_files_hold_what_was_recorded(gappy, signals, tmp_path):
    assert main(["export", str(gappy), "--csv", str(tmp_path / "tables")]) == 0
    for modality in signals:
        table = np.genfromtxt(tmp_path / "tables" / f"{modality}.csv", delimiter=",", skip_header=1)
        assert table[:, 0].tolist() == signals[modality].times.tolist()
        np.testing.assert_array_equal(table[:, 1:], signals[modality].values)
    with (tmp_path / "tables" / "events.csv").open() as file:
        events = list(csv.DictReader(file))
    assert {"clip", "marker", "rest"} <= {event["kind"] for event in events}


@pytest.mark.parametrize(("kind", "module", "package"), [("--mne", "mne", "mne"), ("--edf", "edfio", "edfio")])
def test_a_package_that_is_missing_is_named(kind, module, package, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / ("file.fif" if kind == "--mne" else "file.edf")
    assert main(["export", str(whole), kind, str(path)]) == 2
    error = capsys.readouterr().err
    assert f"pip install {package}" in error
    assert "rtemo[export]" in error
    assert not path.exists()


@pytest.mark.parametrize(("subject", "code"), [("P 1", "P_1"), ("Zo\u00eb 被 1", "Zoe_1"), ("被験者", "X"), ("", "X")])
def test_a_name_becomes_one_that_edf_can_hold(subject, code):
    assert patient_code(subject) == code
    assert len(patient_code(70 * "a")) == 60


@pytest.mark.parametrize(("kind", "name"), [("mne", "a_eeg.fif"), ("edf", "a.edf"), ("csv", "tables")])
def test_a_disk_that_fills_leaves_no_half_of_an_export(kind, name, whole, tmp_path, monkeypatch, capsys):
    writer = {"mne": "write_fif", "edf": "write_edf", "csv": "write_csv"}[kind]

    def fill(path, *_):
        (path / "eeg.csv" if kind == "csv" else path).write_text("the first")
        raise OSError(errno.ENOSPC, "No space left on device")  # a write that fails names no file

    monkeypatch.setattr(f"rtemo.commands.data.export.{writer}", fill)
    assert main(["export", str(whole), f"--{kind}", str(tmp_path / name)]) == 2
    assert "a file cannot be written; No space left on device; free some space" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_refused(whole, gaze_only, tmp_path, capsys):
    taken = tmp_path / "taken.edf"
    taken.write_text("x")
    for arguments, reason in (
        ([whole, "--edf", taken], "exists already"),
        ([whole, "--csv", tmp_path], "not empty"),
        ([whole, "--bids", tmp_path], "is no BIDS data set; it has no dataset_description.json, and holds taken.edf"),
        ([whole, "--edf", tmp_path / "a.txt"], "does not end in .edf"),
        ([whole, "--mne", tmp_path / "a.edf"], "does not end in .fif"),
        ([whole, "--edf", taken / "a.edf"], "taken.edf cannot be used; File exists"),
        ([gaze_only, "--edf", tmp_path / "a.edf"], "no EEG"),
        ([whole, gaze_only, "--csv", tmp_path / "b"], "one file holds one recording"),
        ([tmp_path, "--csv", tmp_path / "c"], "no recording"),
        ([whole, "--bids", tmp_path / "d", "--subject", "--"], "subject"),
    ):
        assert main(["export", *map(str, arguments)]) == 2
        assert reason in capsys.readouterr().err
    assert taken.read_text() == "x"
