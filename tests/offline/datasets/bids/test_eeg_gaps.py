"""Interrupted EEG files: every sample stands at its time, and a label covers its own samples only."""

import edfio
import numpy as np
import pytest
from bids_runs import MAPPING, WORDS, labels_at, reasons
from joblib import Parallel, delayed
from scipy.io import savemat

from offline.datasets.bids import dataset as bids
from offline.datasets.eeg_files import mne_raw
from offline.datasets.eeg_files.eeg_stretches import SampleStretch
from offline.simulated_datasets.bids import write_dataset
from rtemo.core.errors import RtemoError

LABELS = ("Fp1", "Fp2", "Cz", "O1", "O2")
HZ = 100


def samples_of(seconds, rng):
    """Each sample holds its own number in the first channel."""
    values = rng.normal(0, 30, (round(seconds * HZ), len(LABELS)))
    values[:, 0] = np.arange(len(values)) * 0.1
    return values


def write_edf(path, values, record_onsets, kind="EDF+D", notes=()):
    """One record a second that begins at each of these times. notes: (record, onset_s, duration_s, text)."""
    bdf = path.suffix == ".bdf"
    width, top = (3, 2**23 - 1) if bdf else (2, 2**15 - 1)
    names = [*LABELS, "BDF Annotations" if bdf else "EDF Annotations"]
    counts = [HZ] * len(LABELS) + [60]
    n = len(names)

    def fields(size, *cells):
        return b"".join(str(cell).encode().ljust(size) for cell in cells)

    begin = (b"\xffBIOSEMI" if bdf else b"0".ljust(8)) + fields(80, "X X X X", "Startdate 01-JAN-2026 X X X")
    begin += fields(8, "01.01.26", "10.00.00", 256 * (n + 1)) + fields(44, kind)
    begin += fields(8, len(record_onsets), 1) + fields(4, n)
    begin += fields(16, *names) + fields(80, *[""] * n) + fields(8, *["uV"] * (n - 1), "")
    begin += fields(8, *[-3000] * (n - 1), -1) + fields(8, *[3000] * (n - 1), 1)
    begin += fields(8, *[-top - 1] * n) + fields(8, *[top] * n) + fields(80, *[""] * n)
    begin += fields(8, *counts) + fields(32, *[""] * n)
    digital = np.clip(np.round((values + 3000) / 6000 * (2 * top + 1) - top - 1), -top - 1, top).astype("<i4")
    with path.open("wb") as file:
        file.write(begin)
        for record, onset in enumerate(record_onsets):
            block = digital[record * HZ : (record + 1) * HZ].T.reshape(-1)
            file.write(block.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width].tobytes())
            talk = f"+{onset:g}\x14\x14\0"
            talk += "".join(f"+{at:g}\x15{length:g}\x14{text}\x14\0" for r, at, length, text in notes if r == record)
            file.write(talk.encode().ljust(60 * width, b"\0"))
    return path


def write_set(path, values, events=(), **more):
    """EEGLAB: events are (sample, type, samples taken out)."""
    chans = np.zeros((1, len(LABELS)), dtype=[("labels", object), ("type", object)])
    chans["labels"][0], chans["type"][0] = LABELS, [""] * len(LABELS)
    table = np.zeros((1, len(events)), dtype=[("latency", object), ("type", object), ("duration", object)])
    for k, (sample, kind, length) in enumerate(events):
        table[0, k] = (float(sample), kind, float(length))
    empty = np.zeros((0, 0))
    struct = {
        "setname": "a", "nbchan": float(len(LABELS)), "trials": 1.0, "pnts": float(len(values)), "srate": float(HZ),
        "xmin": 0.0, "xmax": (len(values) - 1) / HZ, "data": values.T, "chanlocs": chans,
        "event": table if events else empty, "epoch": empty, "icawinv": empty, "icaweights": empty, "icasphere": empty,
        "icachansind": empty, "ref": "common", **more,
    }  # fmt: skip
    savemat(path, {"EEG": struct}, appendmat=False)
    return path


def write_vhdr(path, values, marks):
    """marks: (sample from 1, stamp) of each segment's begin."""
    np.ascontiguousarray(values, "<f4").tofile(path.with_suffix(".eeg"))
    head = ["Brain Vision Data Exchange Header File Version 1.0", "[Common Infos]", "Codepage=UTF-8"]
    head += [f"DataFile={path.stem}.eeg", f"MarkerFile={path.stem}.vmrk", "DataFormat=BINARY"]
    head += ["DataOrientation=MULTIPLEXED", f"NumberOfChannels={len(LABELS)}", f"SamplingInterval={1e6 / HZ:g}"]
    head += ["[Binary Infos]", "BinaryFormat=IEEE_FLOAT_32", "[Channel Infos]"]
    head += [f"Ch{n}={label},,1,\u00b5V" for n, label in enumerate(LABELS, start=1)]
    path.write_text("\n".join(head) + "\n", encoding="utf-8")
    lines = [
        "Brain Vision Data Exchange Marker File, Version 1.0",
        "[Common Infos]",
        "Codepage=UTF-8",
        "[Marker Infos]",
    ]
    lines += [f"Mk{n}=New Segment,,{at},1,0,{stamp}" for n, (at, stamp) in enumerate(marks, start=1)]
    path.with_suffix(".vmrk").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def chunks_of(path):
    """Stamps from the first sample, and what the first channel says is the sample's number."""
    file = mne_raw.header(path)
    stamps, numbers = [], []
    for segment in mne_raw.segments(file, LABELS, 0.0):
        block = np.concatenate(list(segment.blocks(37)))
        stamps.append(segment.start_s + np.arange(len(block)) / segment.rate_hz)
        numbers.append(np.round(block[:, 0] * 10))
    return np.concatenate(stamps), np.concatenate(numbers)


PAUSES = [((15, 10.0),), ((1, 0.5),), ((39, 3.0),), ((10, 1.0), (11, 2.5), (30, 100.0))]  # before which record, seconds


def onsets_with(pauses, n=40):
    return [k + sum(length for at, length in pauses if k >= at) for k in range(n)]


@pytest.mark.parametrize("ending", [".edf", ".bdf"])
@pytest.mark.parametrize("kind", ["EDF+D", "EDF+C", ""])
@pytest.mark.parametrize("pauses", PAUSES)
def test_records_of_edf_and_bdf_stand_at_their_times(tmp_path, rng, ending, kind, pauses):
    onsets = onsets_with(pauses)
    path = write_edf(tmp_path / f"a{ending}", samples_of(40, rng), onsets, kind.replace("E", "B", ending == ".bdf"))
    stamps, numbers = chunks_of(path)
    expected = np.array(onsets)[np.arange(4000) // HZ] + np.arange(4000) % HZ / HZ
    assert np.allclose(stamps, expected, atol=1e-9)
    assert np.abs(numbers - np.arange(4000)).max() <= 1  # 16 bit over 6 mV
    file = mne_raw.header(path)
    assert len(file.stretches) == len(pauses) + 1
    assert file.duration_s == pytest.approx(onsets[-1] + 1)


def test_a_first_record_that_begins_later_is_the_begin(tmp_path, rng):
    path = write_edf(tmp_path / "a.edf", samples_of(10, rng), [0.37 + k + 5 * (k >= 4) for k in range(10)])
    assert mne_raw.header(path).stretches == (SampleStretch(0, 400, 0.0), SampleStretch(400, 600, pytest.approx(9.0)))


def test_annotations_of_an_interrupted_file_keep_their_times(tmp_path, rng):
    notes = [(0, 3.0, 2.0, "sad"), (20, 47.5, 1.0, "fear"), (39, 49.25, 0.5, "gl\u00fccklich")]
    path = write_edf(tmp_path / "a.edf", samples_of(40, rng), onsets_with(((15, 10.0),)), notes=notes)
    assert mne_raw.header(path).annotations == tuple(note[1:] for note in notes)


def test_samples_that_are_marked_as_skipped_were_not_recorded(tmp_path, rng):
    """Whatever the clock that a format's annotations count by: EDF+D's pauses too, BrainVision's samples only."""
    notes = [(2, 2.5, 1.5, "BAD_ACQ_SKIP"), (7, 17.25, 0.75, "bad_acq_skip"), (9, 19.9, 5.0, "BAD_ACQ_SKIP")]
    edf = write_edf(tmp_path / "a.edf", samples_of(10, rng), onsets_with(((5, 10.0),), 10), notes=notes)
    assert mne_raw.header(edf).annotations == ()
    marks = [(1, "20260101100000000000"), (501, "20260101100015000000")]
    vhdr = write_vhdr(tmp_path / "a.vhdr", samples_of(10, rng), marks)
    with vhdr.with_suffix(".vmrk").open("a") as file:
        for n, (begin, length) in enumerate(((250, 150), (725, 75), (990, 500)), 3):
            file.write(f"Mk{n}=Comment,BAD_ACQ_SKIP,{begin + 1},{length},0\n")
    expected = [(0, 250, 0.0), (400, 100, 4.0), (500, 225, 15.0), (800, 190, 18.0)]
    for path in (edf, vhdr):
        parts = mne_raw.header(path).stretches
        assert parts == tuple(SampleStretch(first, n, pytest.approx(start_s)) for first, n, start_s in expected)
        assert chunks_of(path)[1].tolist() == pytest.approx(np.r_[0:250, 400:725, 800:990], abs=1)


@pytest.mark.parametrize("onsets", [[0, 1, 2, 1.5, 4], [0, 1, 0.2, 3, 4]])
def test_records_that_overlap_are_an_error(tmp_path, rng, onsets):
    path = write_edf(tmp_path / "a.edf", samples_of(5, rng), onsets)
    with pytest.raises(RtemoError, match="records that overlap"):
        mne_raw.header(path)


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        (0.4, [SampleStretch(0, 300, 0.0)]),
        (-0.4, [SampleStretch(0, 300, 0.0)]),
        (0.6, [SampleStretch(0, 200, 0.0), SampleStretch(200, 100, pytest.approx(2.006))]),
        (-0.6, None),
    ],
)
def test_records_less_than_half_a_sample_apart_follow_each_other(tmp_path, rng, apart, expected):
    """apart: samples that the third record begins after the end of the second one, or before it."""
    path = write_edf(tmp_path / "a.edf", samples_of(3, rng), [0, 1, 2 + apart / HZ])
    if expected is None:
        with pytest.raises(RtemoError, match=r"record 3 begins at 1\.994 s"):
            mne_raw.header(path)
    else:
        assert list(mne_raw.header(path).stretches) == expected


@pytest.mark.parametrize("n", [1, 2])
def test_a_file_of_very_few_samples_is_read_like_any_other(tmp_path, n):
    path = write_vhdr(tmp_path / "a.vhdr", np.arange(5.0 * n).reshape(n, 5), [(1, "0" * 20)])
    file = mne_raw.header(path)
    assert (file.n_samples, file.rate_hz, file.duration_s) == (n, 100.0, n / 100)
    assert np.concatenate(list(mne_raw.segments(file, LABELS, 0.0)[0].blocks(7))) == pytest.approx(
        np.arange(5.0 * n).reshape(n, 5), abs=1e-4
    )


@pytest.mark.parametrize("ending", [".set", ".SET", ".edf", ".bdf", ".vhdr", ".cnt"])
def test_a_file_that_is_not_there_is_named_as_eeg_whatever_its_format(tmp_path, ending):
    with pytest.raises(RtemoError) as caught:
        mne_raw.header(tmp_path / f"a{ending}")
    assert str(caught.value).startswith(f"{tmp_path / f'a{ending}'} cannot be read as EEG; FileNotFoundError")


def test_a_plain_edf_file_has_one_stretch(tmp_path, rng):
    signals = [
        edfio.EdfSignal(c, HZ, label=n, physical_range=(-3000, 3000))
        for n, c in zip(LABELS, rng.normal(0, 9, (5, 900)), strict=True)
    ]
    edfio.Edf(signals).write(tmp_path / "a.edf")
    assert mne_raw.header(tmp_path / "a.edf").stretches == (SampleStretch(0, 900, 0.0),)


@pytest.mark.parametrize("word", ["boundary", "Boundary", "EDGE boundary", "-99"])
def test_eeglab_boundaries_with_a_length_are_gaps(tmp_path, rng, word):
    path = write_set(tmp_path / "a.set", samples_of(30, rng), [(1, word, 500), (1001, word, 250), (1501, "sad", 0)])
    file = mne_raw.header(path)
    assert file.stretches == (SampleStretch(0, 1000, 0.0), SampleStretch(1000, 2000, pytest.approx(12.5)))
    assert [note[2] for note in file.annotations] == ["sad"]
    assert file.real_s(15.0) == pytest.approx(17.5)
    assert not file.interruptions.guessed


def test_eeglab_boundaries_without_a_length_are_gaps_of_unknown_length(tmp_path, rng):
    path = write_set(tmp_path / "a.set", samples_of(30, rng), [(1001, "boundary", np.nan)])
    file = mne_raw.header(path)
    assert file.stretches == (SampleStretch(0, 1000, 0.0), SampleStretch(1000, 2000, pytest.approx(30.0)))
    assert file.interruptions.guessed


@pytest.mark.parametrize(
    ("stamp", "start_s", "guessed"),
    [("20260101000013500000", 13.5, False), ("0" * 20, 30.0, True), ("20250101000000000000", 30.0, True)],
)
def test_brainvision_segments_begin_at_their_stamps(tmp_path, rng, stamp, start_s, guessed):
    marks = [(1, "20260101000000000000"), (1001, stamp)]
    file = mne_raw.header(write_vhdr(tmp_path / "a.vhdr", samples_of(30, rng), marks))
    assert file.stretches == (SampleStretch(0, 1000, 0.0), SampleStretch(1000, 2000, pytest.approx(start_s)))
    assert file.interruptions.guessed is guessed
    assert file.annotations == ()


def folder_with(tmp_path, ending):
    write_dataset(tmp_path, "A test", ["01"])
    folder = tmp_path / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    (tmp_path / "mapping.toml").write_text(MAPPING)
    return folder / f"sub-01_task-film_eeg{ending}"


def load(tmp_path):
    return bids.load(tmp_path, tmp_path / "mapping.toml").entries[0].load()


def write_events(path, rows):
    lines = ["onset\tduration\ttrial_type", *("\t".join(map(str, row)) for row in rows)]
    path.with_name("sub-01_task-film_events.tsv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("pauses", [((15, 10.0),), ((5, 2.0), (25, 8.0))])
def test_labels_of_an_interrupted_edf_file_cover_their_own_samples(tmp_path, rng, pauses):
    path = folder_with(tmp_path, ".edf")
    write_edf(path, samples_of(40, rng), onsets_with(pauses))
    rows = [(10 * k, 8, word) for k, word in enumerate(WORDS, start=1)]
    write_events(path, rows)
    recording = load(tmp_path)
    assert labels_at(recording) == [(float(row[0]), row[2]) for row in rows]
    assert reasons(recording, "trial") == []
    assert any(f"was interrupted {len(pauses)} times" in note for note in recording.notes)
    assert recording.trials[-1].stop_s == 20 + 48


def test_labels_of_a_cut_eeglab_file_count_its_samples(tmp_path, rng):
    """Onsets of such a file count its samples; the trial behind the cut begins later by what was taken out."""
    path = folder_with(tmp_path, ".set")
    write_set(path, samples_of(30, rng), [(1001, "boundary", 700)])
    write_events(path, [(2, 5, "sad"), (12, 5, "fear"), (8, 4, "happy")])
    recording = load(tmp_path)
    assert labels_at(recording) == [(2.0, "sad"), (8.0, "happy"), (19.0, "fear")]
    assert [round(trial.stop_s - trial.start_s, 6) for trial in recording.trials] == [5.0, 11.0, 5.0]


@pytest.mark.parametrize("word", ["epoched", "Epoched"])
def test_epochs_are_left_out_aloud(tmp_path, rng, word):
    path = folder_with(tmp_path, ".set")
    write_set(path, samples_of(30, rng))
    path.with_suffix(".json").write_text(f'{{"RecordingType": "{word}"}}')
    with pytest.raises(RtemoError, match="holds epochs"):
        load(tmp_path)
    path.with_suffix(".json").write_text('{"RecordingType": "discontinuous"}')
    with pytest.raises(RtemoError, match="has gaps at unknown places"):
        load(tmp_path)


def test_an_epoched_eeglab_file_is_left_out_aloud(tmp_path, rng):
    path = folder_with(tmp_path, ".set")
    data = samples_of(30, rng).reshape(10, 300, 5).transpose(2, 1, 0)
    write_set(path, samples_of(30, rng), trials=10.0, pnts=300.0, data=data)
    with pytest.raises(RtemoError, match="cannot be read as EEG"):
        load(tmp_path)


def test_annotations_inside_the_file_are_events_where_there_are_no_others(tmp_path, rng):
    path = folder_with(tmp_path, ".edf")
    notes = [(0, 5.0, 8.0, "sad"), (20, 20.0, 8.0, "fear"), (30, 30.0, 0.0, "button")]
    write_edf(path, samples_of(40, rng), range(40), "EDF+C", notes)
    recording = load(tmp_path)
    assert labels_at(recording) == [(5.0, "sad"), (20.0, "fear")]
    assert any("its own annotations" in note for note in recording.notes)
    write_events(path, [(10, 8, "happy")])
    assert labels_at(load(tmp_path)) == [(10.0, "happy")]
    write_events(path, [(10, 8, "something else")])
    assert labels_at(load(tmp_path)) == [(5.0, "sad"), (20.0, "fear")]


def test_a_file_that_is_shorter_than_its_side_car_states_is_listed_and_used(tmp_path, rng):
    path = folder_with(tmp_path, ".edf")
    write_edf(path, samples_of(40, rng), range(40), "EDF+C")
    path.with_suffix(".json").write_text('{"RecordingDuration": 90}')
    write_events(path, [(10, 8, "happy")])
    recording = load(tmp_path)
    assert labels_at(recording) == [(10.0, "happy")]
    assert any("ends after 40 of the 90 s" in why for why in reasons(recording, "eeg"))


def test_one_recording_in_two_formats_is_used_once(tmp_path, rng):
    path = folder_with(tmp_path, ".edf")
    write_edf(path, samples_of(40, rng), range(40), "EDF+C")
    write_set(path.with_suffix(".set"), samples_of(40, rng))
    write_events(path, [(10, 8, "happy")])
    recording = load(tmp_path)
    assert len(recording.trials) == 1
    assert any("in another format" in why for why in reasons(recording, "file"))


def test_headers_read_in_a_child_process_leave_joblibs_own_workers_alone(tmp_path, rng):
    path = write_set(tmp_path / "a.set", samples_of(5, rng))
    assert mne_raw.header(path).n_samples == 500
    assert Parallel(n_jobs=2)(delayed(abs)(k) for k in (-1, -2)) == [1, 2]
    assert mne_raw.header(path).n_samples == 500
