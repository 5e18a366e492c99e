"""The ids of a corpus's windows are those of its recordings, in order, and the protocols work on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from offline.corpus.corpus import ROW, ShardMetadata
from offline.splits import check, loso, person, window_ids
from rtemo.core.errors import RtemoError

ABOUT = ShardMetadata("a", "1", "2", "seed-iv", "", (), 0, {"1": "film one", "2": "film two"}, (), "")


def shard(trials, labels, **about):
    rows = np.zeros(len(trials), ROW)
    rows["trial"], rows["label"] = trials, labels
    return SimpleNamespace(about=replace(ABOUT, **about), rows=rows, folder=Path("nowhere"))


def test_ids_follow_the_recordings_and_their_windows_in_order():
    first = shard([-1, 1, 1, 2, 3], [-1, 0, 0, 1, 1])
    second = shard([2], [1], subject="10", session="3", dataset="seed-v", clips={"2": "another"})
    ids = window_ids([first, second])
    assert ids.subject.tolist() == ["seed-iv/1"] * 5 + ["seed-v/10"]
    assert ids.session.tolist() == ["2"] * 5 + ["3"]
    assert ids.trial.tolist() == [-1, 1, 1, 2, 3, 2]
    assert ids.label.tolist() == [-1, 0, 0, 1, 1, 1]
    assert ids.clip.tolist() == ["", "film one", "film one", "film two", "", "another"]
    assert person(second.about) == "seed-v/10"


def test_people_of_two_data_sets_with_one_number_are_two_people():
    ids = window_ids([shard([1], [0]), shard([1], [0], dataset="seed-v")])
    assert len(set(ids.keys["subject"])) == 2


def test_the_protocols_split_what_is_in_a_corpus():
    shards = [shard([1, 1, 2], [0, 0, 1], subject=str(k)) for k in range(5)]
    ids = window_ids(shards)
    splits = list(loso(ids, seed=0))
    for split in splits:
        check(split, ids)
    assert [split.name for split in splits] == [f"seed-iv/{k}" for k in range(5)]


def test_no_recording_is_an_error():
    with pytest.raises(RtemoError, match="nothing to split; no recording"):
        window_ids([])
