"""What several corpora are pretrained on: nobody twice, nobody who is tested later, each by its hours."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from invented import invented_corpus

from offline.corpus.copies import PRINTS
from offline.corpus.corpus import open_corpus
from offline.pretraining.contexts_and_targets import Masking, Sampler
from offline.pretraining.material import material
from rtemo.core.errors import RtemoError


def renamed(corpus, **names):
    """The corpus with other names for its people, as another lab would have given them."""
    manifest = json.loads((corpus.path / "manifest.json").read_text())
    for number, one in enumerate(manifest["recordings"]):
        one |= {name: value.format(n=number) for name, value in names.items()}
    (corpus.path / "manifest.json").write_text(json.dumps(manifest))
    return open_corpus(corpus.path)


def printed(corpus, seed):
    """With prints, of which each recording has its own."""
    for number, shard in enumerate(corpus):
        values = np.random.default_rng([seed, number]).integers(1, 2**62, 400, dtype=np.uint64)
        np.save(shard.folder / f"{PRINTS['EEG']}.npy", values)
    return corpus


def people(found):
    return [sorted({shard.about.subject for shard in shards}) for shards in found.shards]


@pytest.fixture
def two(tmp_path):
    """Two corpora of other people, in the second of which the first three are there again under other names."""
    first = printed(invented_corpus(tmp_path / "a", 4, n_trials=2), 1)
    second = printed(renamed(invented_corpus(tmp_path / "b", 6, first=50, n_trials=2), dataset="other"), 2)
    for one, other in zip(first.shards[:3], second.shards[:3], strict=True):
        whole = np.load(one.folder / f"{PRINTS['EEG']}.npy")
        np.save(other.folder / f"{PRINTS['EEG']}.npy", whole[100:300])
    return first, second


def test_a_recording_that_two_corpora_have_counts_once(two):
    found = material(two)
    assert people(found) == [["p000", "p001", "p002", "p003"], ["p053", "p054", "p055"]]
    assert len(found.left_out) == 3
    assert "100% of its EEG is that of invented/p000" in found.left_out[0]
    assert people(material(two[::-1])) == [[f"p05{n}" for n in range(6)], ["p003"]]


def test_people_who_are_tested_later_are_kept_out_under_any_name(two):
    first, second = two
    found = material([second], keep_out=[first])
    assert people(found) == [["p053", "p054", "p055"]]
    assert all("tested later" in line for line in found.left_out)
    by_name = material([first], keep_out=[replace(first, shards=first.shards[:2])])
    assert people(by_name) == [["p002", "p003"]]


def test_all_of_a_person_is_kept_out_where_one_recording_is_tested(two):
    first, second = two
    second = renamed(second, subject="same")
    assert people(material([second], keep_out=[first])) == [[]]
    assert [len(shards) for shards in material([first, second]).shards] == [4, 3]


def test_the_same_corpus_named_twice_is_no_copy_of_itself(two):
    assert [len(shards) for shards in material([two[0], two[0]]).shards] == [4, 4]


def test_shares_grow_with_a_power_of_the_hours_of_each_modality(tmp_path):
    long = invented_corpus(tmp_path / "long", 8, n_trials=4)
    short = invented_corpus(tmp_path / "short", 2, first=20, n_trials=4)
    blind = invented_corpus(tmp_path / "blind", 8, first=40, n_trials=4, with_eyes=False)
    corpora = [long, short, blind]
    assert material(corpora).shares == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert material(corpora, balance=1.0).shares == pytest.approx(np.array([16, 4, 8]) / 28)
    assert material(corpora, balance=0.5).shares == pytest.approx(np.sqrt([16, 4, 8]) / np.sqrt([16, 4, 8]).sum())


def test_rows_are_drawn_by_the_shares_and_follow_from_seed_step_and_row(two):
    shards = [list(corpus) for corpus in two]
    sampler = Sampler(shards, Masking(group=1), 3, (), (0.8, 0.2))
    drawn = [sampler._corpus(step, group) for step in range(100) for group in range(8)]
    assert np.mean(drawn) == pytest.approx(0.2, abs=0.04)
    again = Sampler(shards, Masking(group=1), 3, (), (0.8, 0.2))
    assert [again._corpus(step, group) for step in range(100) for group in range(8)] == drawn
    equal = Sampler(shards, Masking(group=1), 3, (), (0.5, 0.5))
    assert [equal._corpus(7, group) for group in range(4)] == [0, 1, 0, 1]


def test_an_unknown_name_to_exclude_is_refused(two):
    with pytest.raises(RtemoError, match="nobody to exclude has this name"):
        material(two, exclude=["invented/nobody"])
