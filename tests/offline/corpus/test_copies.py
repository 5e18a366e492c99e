"""The same recording under two names is found: whole, cut, rounded, in part; different recordings never are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import about
from scipy.signal import butter, sosfilt

from offline.__main__ import main
from offline.corpus.copies import PRINTS, copy_groups, find_copies
from offline.corpus.corpus import open_corpus
from offline.corpus.sample_prints import SamplePrinter, _largest_around
from offline.corpus.shards import Shard
from offline.simulated_datasets.bids import Eye, RunName, write_dataset, write_run
from offline.splits import Split, check, window_ids
from rtemo.core.channel_map import Screen
from rtemo.core.errors import RtemoError

LABELS = ("Fp1", "Fp2", "Cz", "O1", "O2", "Fz", "Pz", "Oz")
HZ = 128.0
WORDS = ("sad", "fear", "happy", "neutral")
MAPPING = "[trials]\nstart = '(?P<label>sad|fear|happy|neutral)'\n[labels]\n" + "".join(f"{w} = '{w}'\n" for w in WORDS)


def noise(seed, seconds=60, hz=HZ, channels=8):
    """Noise with the spectrum of EEG, in uV."""
    values = np.random.default_rng(seed).normal(0, 60, (int(seconds * hz), channels))
    return sosfilt(butter(2, (1, 40), "bandpass", fs=hz, output="sos"), values, axis=0)


def prints(values, hz=HZ, block=100):
    printer = SamplePrinter(hz)
    return np.concatenate([printer.add(values[k : k + block]) for k in range(0, len(values), block)])


def shard(folder, name, **arrays):
    folder = folder / name
    folder.mkdir()
    for kind, values in arrays.items():
        np.save(folder / f"{PRINTS[kind]}.npy", values)
    return Shard(folder, replace(about(0), id=name, content=name))


@given(st.integers(1, 2000), st.integers(0, 9))
@settings(max_examples=20)
def test_prints_do_not_depend_on_how_the_samples_were_cut(block, seed):
    values = noise(seed, 10)
    assert sorted(prints(values, block=block)) == sorted(prints(values, block=10_000))


@pytest.mark.parametrize("hz", [100.0, 250.0, 1000.0])
@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: x * 1e-6,
        lambda x: x[777:],
        lambda x: x[: len(x) // 2],
        lambda x: np.concatenate([noise(99), x, noise(98)]),
        lambda x: np.round(x, 1),
        lambda x: np.round(x * 2) / 2,
        lambda x: np.float32(x),
        lambda x: np.where(np.arange(len(x))[:, None] % 400 == 7, 0.0, x),
        lambda x: np.column_stack([x[:, :1], noise(97, len(x) / HZ)[: len(x), 1:]]),
    ],
)
def test_a_copy_is_found_and_another_recording_is_not(tmp_path, hz, change):
    first = noise(1, 60, hz)
    shards = [
        shard(tmp_path, "a", EEG=prints(first, hz)),
        shard(tmp_path, "b", EEG=prints(noise(2, 60, hz), hz)),
        shard(tmp_path, "c", EEG=prints(change(first), hz)),
    ]
    assert [(copy.first, copy.other, copy.what) for copy in find_copies(shards)] == [(0, 2, "EEG")]
    assert copy_groups(shards) == [0, -1, 0]


def test_unlike_recordings_share_nothing(tmp_path):
    shards = [
        shard(tmp_path, str(k), EEG=prints(noise(k, 20)), gaze=prints(noise(100 + k, 20)[:, :2])) for k in range(40)
    ]
    assert find_copies(shards) == []


def test_flat_signals_and_short_ones_say_nothing(tmp_path):
    flat = np.zeros((5000, 8))
    shards = [shard(tmp_path, str(k), EEG=prints(flat), gaze=prints(flat + np.nan)) for k in range(3)]
    shards += [shard(tmp_path, f"short{k}", EEG=prints(noise(5, 1))) for k in range(2)]
    assert find_copies(shards) == []
    assert not prints(noise(1)[:10]).size


def person(root, subject, samples, seen=None, session=""):
    times = np.arange(int(len(samples) / HZ * 60)) / 60
    seen = np.random.default_rng(int(subject)).uniform(9, 700, (len(times), 3)) if seen is None else seen
    rows = [{"onset": 10 * k, "duration": 8, "trial_type": word} for k, word in enumerate(WORDS, start=1)]
    eyes = [Eye("left", 60.0, times, seen)]
    screen = Screen(1024, 768, 386.0, 290.0, 600.0)
    write_run(root, RunName(subject, "film", session), samples, LABELS, HZ, rows, eyes, screen)
    return seen


def build(root, out, capsys, *more):
    (root.parent / "map.toml").write_text(MAPPING)
    command = ["--quiet", "build", "bids", "--root", root, "--out", out, "--mapping", root.parent / "map.toml", *more]
    code = main(list(map(str, command)))
    captured = capsys.readouterr()
    return code, captured.out.strip().splitlines(), captured.err.splitlines()


@pytest.fixture
def root(tmp_path):
    write_dataset(tmp_path / "root", "A test", ["01"])
    return tmp_path / "root"


def test_a_build_lists_the_second_name_of_a_recording_and_keeps_the_first(root, tmp_path, capsys):
    person(root, "01", noise(1))
    person(root, "02", noise(2))
    person(root, "03", noise(1)[300:])
    person(root, "04", noise(4), session="a")
    person(root, "04", noise(4), session="b")
    code, shown, listed = build(root, tmp_path / "corpus", capsys)
    assert code == 0
    assert [shard.about.id for shard in open_corpus(tmp_path / "corpus")] == ["01@1", "02@1", "04@a"]
    copies = [line for line in listed if "the same recording under two names" in line]
    assert len(copies) == 2
    assert "subject 03 session 1" in copies[0]
    assert "subject 01 session 1" in copies[0]
    assert "left out: 2 recording" in shown[-1]


def test_gaze_of_another_person_is_found_too(root, tmp_path, capsys):
    seen = person(root, "01", noise(1))
    person(root, "02", noise(2), seen)
    _, _, listed = build(root, tmp_path / "corpus", capsys)
    assert any("of its gaze is that of subject 01" in line for line in listed)


def test_no_split_has_the_same_samples_on_two_sides(root, tmp_path, capsys):
    """Two corpora that each hold the person once, under different names: their chain is refused where it leaks."""
    for subject, seed in (("01", 1), ("02", 2), ("03", 3)):
        person(root, subject, noise(seed))
    other = tmp_path / "other"
    write_dataset(other, "Another test", ["01"])
    person(other, "07", noise(1), np.random.default_rng(7).uniform(9, 700, (3600, 3)))
    build(root, tmp_path / "one", capsys)
    build(other, tmp_path / "two", capsys)
    ids = window_ids([*open_corpus(tmp_path / "one"), *open_corpus(tmp_path / "two")])
    sides = [np.flatnonzero((ids.subject == f"bids/{who}") & (ids.label >= 0)) for who in ("01", "02", "03", "07")]
    check(Split("people", "all", sides[0], sides[1], sides[2], ("subject",), ()), ids)
    check(Split("people", "all", np.r_[sides[0], sides[3]], sides[1], sides[2], ("subject",), ()), ids)
    for split in ((0, 1, 3), (1, 0, 3), (0, 3, 1)):
        with pytest.raises(RtemoError, match="the same samples lie in both"):
            check(Split("people", "all", *(sides[k] for k in split), ("subject",), ()), ids)


def test_the_largest_around_each_value_is_the_maximum_of_its_surroundings():
    values = np.round(np.random.default_rng(3).normal(size=60), 1)
    values[7] = -np.inf
    for reach in (2, 3, 4, 7, 8, 29, 40):
        found = _largest_around(values, reach)
        for i in range(len(values)):
            whole = reach <= i < len(values) - reach
            assert found[i] == (values[i - reach : i + reach + 1].max() if whole else np.inf)
