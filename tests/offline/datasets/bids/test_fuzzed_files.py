"""Files of every reader with bytes changed, cut or repeated: a recording or one clear error, in time and memory."""

import gzip
import json
import os
import resource
import struct
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from bids_runs import MAPPING, Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat
from test_eeg_gaps import LABELS, onsets_with, samples_of, write_edf, write_set, write_vhdr

from offline.datasets import mat5
from offline.datasets.bids import dataset as bids
from offline.datasets.eeg_files import mne_raw
from offline.datasets.eegeyenet import synchronised
from offline.datasets.seed.safe_pickle import load_trials
from offline.datasets.seed.tobii_tsv import gaze_stream, open_tobii
from offline.simulated_datasets import eegeyenet
from offline.simulated_datasets.cnt import write_cnt
from offline.simulated_datasets.seed_v import write_eye_features
from rtemo.core.errors import RtemoError

EXAMPLES = int(os.environ.get("RTEMO_FUZZ", "25"))  # of each kind
LONGEST_S = 20.0
MOST_BYTES = 8 << 30
NUMBERS = (0, 1, 2, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1)


@pytest.fixture(autouse=True, scope="module")
def memory():
    """No damaged header makes a reader ask for more memory than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@st.composite
def spoilt(draw, whole):
    """The bytes with one to three changes, half of them in the first kilobyte, where headers are."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1) | st.integers(0, min(len(data), 1024) - 1))
        kind = draw(st.sampled_from(["flip", "number", "cut", "zero", "repeat", "text"]))
        if kind == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "number":
            data[at : at + 4] = struct.pack("<I", draw(st.sampled_from(NUMBERS)))
        elif kind == "cut":
            del data[at:]
        elif kind == "zero":
            n = draw(st.integers(1, 64))
            data[at : at + n] = bytes(len(data[at : at + n]))
        elif kind == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        else:
            data[at : at + 3] = draw(
                st.sampled_from([b"n/a", b"NaN", b"-99", b"\t\t\t", b"\n\n\n", b"999", b'{"a', b"1e9"])
            )
    return bytes(data)


def fuzzed(test):
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=checks)(test)


def survives(read):
    begun, said = perf_counter(), "."
    try:
        read()
    except RtemoError as error:
        said = str(error)
    assert said
    assert "\n" not in said
    assert perf_counter() - begun < LONGEST_S


def read_eeg(path):
    file = mne_raw.header(path)
    for segment in mne_raw.segments(file, [name for name, _ in file.channels][:3], 0.0):
        for block in segment.blocks(500):
            assert block.ndim == 2


@pytest.fixture(scope="module")
def eeg_files(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("eeg"), np.random.default_rng(3)
    files = {
        "edf": write_edf(root / "a.edf", samples_of(6, rng), onsets_with(((3, 2.0),), 6), notes=[(1, 1.0, 2.0, "sad")]),
        "bdf": write_edf(root / "a.bdf", samples_of(6, rng), range(6), "BDF+C"),
        "set": write_set(root / "a.set", samples_of(6, rng), [(201, "boundary", 100), (301, "sad", 0)]),
        "vhdr": write_vhdr(root / "a.vhdr", samples_of(6, rng), [(1, "20260101000000000000"), (301, "0" * 20)]),
        "cnt": root / "a.cnt",
    }
    write_cnt(files["cnt"], list(LABELS), 100, [samples_of(6, rng)], ((100, 1), (400, 2)))
    return files


@pytest.mark.parametrize("kind", ["edf", "bdf", "set", "vhdr", "cnt"])
@fuzzed
@given(data=st.data())
def test_eeg_files(eeg_files, tmp_path_factory, kind, data):
    source = eeg_files[kind]
    path = tmp_path_factory.mktemp("spoilt") / source.name
    for part in source.parent.glob("a.eeg" if kind == "vhdr" else "nothing"):
        path.with_name(part.name).write_bytes(part.read_bytes())
    for part in source.parent.glob("a.vmrk" if kind == "vhdr" else "nothing"):
        path.with_name(part.name).write_bytes(data.draw(spoilt(part.read_bytes())))
    path.write_bytes(data.draw(spoilt(source.read_bytes())))
    survives(lambda: read_eeg(path))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("bids"), eyes=("left", "right"))
    run.file("channels", ".tsv").exists()
    return run


SIDE_CARS = [
    "events.tsv",
    "events.json",
    "channels.tsv",
    "eye1_physio.json",
    "eye1_physio.tsv.gz",
    "eeg.json",
    "eeg.vhdr",
]


@pytest.mark.parametrize(
    ("suffix", "packed"), [(suffix, False) for suffix in SIDE_CARS] + [("eye1_physio.tsv.gz", True)]
)
@fuzzed
@given(data=st.data())
def test_files_of_a_bids_folder(run, suffix, packed, data):
    (path,) = run.folder.glob(f"*{suffix}")
    whole = path.read_bytes()
    inside = packed and suffix.endswith(".gz")
    try:
        text = gzip.decompress(whole)[:3000] if inside else whole
        made = data.draw(spoilt(text))
        path.write_bytes(gzip.compress(made) if inside else made)
        (run.root / "mapping.toml").write_text(MAPPING)
        survives(
            lambda: [
                list(s.chunks(5.0)) for s in bids.load(run.root, run.root / "mapping.toml").entries[0].load().streams
            ]
        )
    finally:
        path.write_bytes(whole)


@pytest.fixture(scope="module")
def gazepoint(tmp_path_factory):
    """A run with Gazepoint's own fields beside it, in two files."""
    run = Run(tmp_path_factory.mktemp("gazepoint"), eyes=())
    folder = run.folder.parent / "beh"
    folder.mkdir()
    fields = {
        "gaze": (60, ["onset", "LPOGX", "LPOGY", "LPOGV", "RPOGX", "RPOGY", "RPOGV"]),
        "pupil": (150, ["onset", "LPUPILD", "LPUPILV", "RPUPILD", "RPUPILV"]),
    }
    for part, (rate, columns) in fields.items():
        rows = ["\t".join([f"{k / rate:.4f}", *["0.5"] * (len(columns) - 2), "1"]) for k in range(int(59 * rate))]
        stem = folder / run.name.file("physio", "", recording=part)
        stem.with_suffix(".tsv.gz").write_bytes(gzip.compress("\n".join([*rows, ""]).encode()))
        stem.with_suffix(".json").write_text(json.dumps({"SamplingFrequency": rate, "Columns": columns}))
    return run


@pytest.mark.parametrize("name", ["gaze_physio.tsv.gz", "pupil_physio.tsv.gz", "gaze_physio.json", "pupil_physio.json"])
@fuzzed
@given(data=st.data())
def test_gazepoint_files(gazepoint, name, data):
    (path,) = (gazepoint.folder.parent / "beh").glob(f"*{name}")
    whole = path.read_bytes()
    packed = name.endswith(".gz")
    try:
        made = data.draw(spoilt(gzip.decompress(whole)[:3000] if packed else whole))
        path.write_bytes(gzip.compress(made) if packed else made)
        recording = bids.load(gazepoint.root, gazepoint.root / "mapping.toml").entries[0].load()
        assert recording.streams[0].modality == "eeg"
        assert len(recording.trials) == 4
        for stream in recording.streams:
            for chunk in stream.chunks(5.0):
                assert np.all(np.diff(chunk.stamps) > 0)
    finally:
        path.write_bytes(whole)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from(["n/a", "", "left", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Units", "ScreenSize"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize("suffix", ["events.json", "eye1_physio.json", "eeg.json"])
@fuzzed
@given(data=st.data())
def test_values_of_side_cars(run, suffix, data):
    """Any JSON value in the place of any other."""
    (path,) = run.folder.glob(f"*{suffix}")
    whole = path.read_text()
    about = json.loads(whole)
    inner = about.get("StimulusPresentation", {})
    key = data.draw(st.sampled_from([*about, *inner, "onset", "duration", "trial_type"]))
    (inner if key in inner else about)[key] = data.draw(VALUES)
    try:
        path.write_text(json.dumps(about))
        (run.root / "mapping.toml").write_text(MAPPING)
        entry = bids.load(run.root, run.root / "mapping.toml").entries[0]
        recording = entry.load()
        assert recording.streams[0].modality == "eeg"
        assert len(recording.trials) == 4 or "events" in suffix
        for stream in recording.streams:
            list(stream.chunks(5.0))
    finally:
        path.write_text(whole)


@fuzzed
@given(data=st.data())
def test_matlab_files(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("mat") / "a.mat"
    savemat(path, {"x_eeg1": np.arange(60.0).reshape(6, 10), "label": np.array([["a", 1.0]], dtype=object)})
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    survives(lambda: [mat5.variable(path, name) for name in mat5.index(path).shapes])


@pytest.mark.parametrize("write", [eegeyenet.write_v5, eegeyenet.write_hdf5])
@fuzzed
@given(data=st.data())
def test_eegeyenet_files(tmp_path_factory, write, data):
    path = write(tmp_path_factory.mktemp("mat"), "dots", "EP10", 1, np.ones((40, 133)))
    path.write_bytes(data.draw(spoilt(path.read_bytes())))

    def read():
        file = synchronised.index(path)
        for block in synchronised._read(file, file.eeg[:3], 20):
            assert block.shape[1] == min(3, len(file.eeg))

    survives(read)


@fuzzed
@given(data=st.data())
def test_pickled_features(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("npz")
    write_eye_features(root, 1, [np.ones((3, 33))] * 45)
    (path,) = Path(root).rglob("*.npz")
    path.write_bytes(data.draw(spoilt(path.read_bytes())))
    survives(lambda: load_trials(path, "data"))


TOBII = (
    "Recording start time\tRecording timestamp\tGaze point X\tGaze point Y\tPupil diameter left\tPupil diameter right\n"
    + "".join(f"10:00:00.000\t{1000 * k}\t{k}\t{k}\t3,5\t3.5\n" for k in range(50))
)


@fuzzed
@given(data=st.data())
def test_tobii_exports(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("tsv") / "a.tsv"
    path.write_bytes(data.draw(spoilt(TOBII.encode())))
    survives(lambda: list(gaze_stream(open_tobii(path), 0.0).chunks(1.0)))
