"""Which data sets a comparison is made on, and what is refused before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from offline.datasets.presets import preset
from offline.reproduce.scale import SCALES, scale_of
from offline.reproduce.sources import STAND_INS, ComparedDataset, read_roots, stand_ins
from rtemo.core.errors import RtemoError

PEOPLE = (6, 5, 4)
GOOD = """
[downstream]
dataset = "seed-iv"
root = "iv"

[[unlabelled]]
name = "gaze estimation"
dataset = "eegeyenet"
root = "eye"

[[unlabelled]]
dataset = "bids"
root = "att"
mapping = "map.toml"
"""


def write(folder: Path, text: str) -> Path:
    for name in ("iv", "eye", "att"):
        (folder / name).mkdir(exist_ok=True)
    path = folder / "roots.toml"
    path.write_text(text)
    return path


def test_roots_are_read_relative_to_their_file(tmp_path: Path):
    sources = read_roots(write(tmp_path, GOOD), PEOPLE)
    assert sources.downstream.dataset == "seed-iv"
    assert sources.downstream.root == tmp_path / "iv"
    assert not sources.downstream.simulated
    assert [s.name for s in sources.unlabelled] == ["gaze estimation", "bids"]
    assert sources.unlabelled[1].mapping == tmp_path / "map.toml"
    assert [s.people for s in sources] == [6, 5, 4]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("[downstream]", "[upstream]"), "another form"),
        (("[[unlabelled]]", "[[labelled]]"), "another form"),
        (('dataset = "seed-iv"', 'dataset = "seed-ivv"'), "no known data set"),
        (('root = "eye"', 'root = "nowhere"'), "the root is no folder"),
        (('root = "eye"', "root = 3"), "is no text"),
        (('root = "eye"\n', ""), "unknown or missing keys; root"),
        (('mapping = "map.toml"', 'maping = "map.toml"'), "unknown or missing keys; maping"),
        (('dataset = "bids"', 'name = "gaze estimation"\ndataset = "bids"'), "the same name"),
        (("[downstream]", "[downstream"), "cannot be read"),
    ],
)
def test_wrong_roots_are_refused_in_one_line(tmp_path: Path, change: tuple[str, str], says: str):
    assert change[0] in GOOD
    with pytest.raises(RtemoError, match=says) as raised:
        read_roots(write(tmp_path, GOOD.replace(*change)), PEOPLE)
    assert len(str(raised.value).split("; ")) >= 3


def test_a_missing_file_of_roots_is_refused(tmp_path: Path):
    with pytest.raises(RtemoError, match=r"the file of roots .* cannot be read"):
        read_roots(tmp_path / "none.toml", PEOPLE)


def test_simulated_people_are_in_one_data_set_only_and_the_tested_ones_come_from_another_family(tmp_path: Path):
    sources = stand_ins(tmp_path, SCALES["full"].people)
    assert len({source.seed for source in sources}) == 4
    assert sources.downstream.family == "held-out"
    assert {source.family for source in sources.unlabelled} == {"default"}
    assert [source.people for source in sources] == [published for _, _, published in STAND_INS] == [15, 117, 47, 16]


def test_an_unknown_scale_is_refused():
    with pytest.raises(RtemoError, match="small or full"):
        scale_of("tiny")


def test_a_preset_stands_for_its_mapping_and_fits_its_loader_only(tmp_path: Path):
    named = GOOD.replace('mapping = "map.toml"', 'preset = "faced"')
    assert read_roots(write(tmp_path, named), PEOPLE).unlabelled[1].mapping == preset("faced", "bids")
    for wrong in ('preset = "nothing"', 'preset = "eeg-et"', 'preset = "faced"\nmapping = "map.toml"'):
        with pytest.raises(RtemoError, match="preset"):
            read_roots(write(tmp_path, GOOD.replace('mapping = "map.toml"', wrong)), PEOPLE)


def test_people_of_two_labs_folders_have_different_names(tmp_path: Path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "P001.xdf").write_bytes(b"")
    first = ComparedDataset("one task", "xdf", tmp_path / "one", None)
    assert first.load().card.name == "one-task"
    assert ComparedDataset("other", "xdf", tmp_path / "one", None).load().card.name == "other"
