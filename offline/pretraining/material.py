"""Which recordings of several corpora are pretrained on, and how much of each corpus a batch holds.

A recording that is in two corpora counts once. People of the corpora that the network is tested on later are kept out:
by name, and where a recording of theirs is there under another name, by its samples. The share of a corpus grows with a
power of its hours, as languages are weighed in multilingual training (Conneau et al. 2020, arXiv:1911.02116, use 0.3);
an hour with EEG and eyes counts as two, for it teaches both and what they have in common.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from offline.corpus.copies import find_copies
from offline.corpus.corpus import Corpus, Shard
from offline.splits import person
from rtemo.core.errors import RtemoError


@dataclass(frozen=True, slots=True)
class Material:
    """shards: by corpus. shares: of a batch, by corpus, together 1. left_out: one line for each recording."""

    shards: tuple[tuple[Shard, ...], ...]
    shares: tuple[float, ...]
    left_out: tuple[str, ...] = ()


def material(
    corpora: Sequence[Corpus], exclude: Collection[str] = (), keep_out: Sequence[Corpus] = (), balance: float = 0.0
) -> Material:
    """exclude: people, as offline.splits.person calls them. keep_out: corpora whose people are excluded.

    balance: the power of the hours; 0: as much of each corpus. RtemoError where nobody has a name that is excluded.
    """
    there = {person(shard.about) for corpus in corpora for shard in corpus}
    if unknown := sorted(set(exclude) - there):
        known = person(corpora[0].shards[0].about)
        raise RtemoError("nobody to exclude has this name", unknown[0], f"they are called like {known}")
    left_out = dict.fromkeys(exclude, "")
    shards = [shard for corpus in corpora for shard in corpus]
    tested = [shard for corpus in keep_out for shard in corpus]
    left_out |= {name: "" for name in map(_name, tested) if name in there}
    copied = _copies(shards, tested, left_out)
    kept = [
        tuple(one for one in corpus if person(one.about) not in left_out and one not in copied) for corpus in corpora
    ]
    lines = [f"left out: {who}{why}" for who, why in left_out.items() if who not in exclude]
    lines += [f"left out: {_name(shard)} session {shard.about.session}: {why}" for shard, why in copied.items()]
    return Material(tuple(kept), _shares(corpora, kept, balance), tuple(lines))


def _name(shard: Shard) -> str:
    return person(shard.about)


def _copies(shards: Sequence[Shard], tested: Sequence[Shard], left_out: dict[str, str]) -> dict[Shard, str]:
    """Recordings that an earlier corpus has too. People of whom a tested recording is there join left_out."""
    copied: dict[Shard, str] = {}
    everything = [*tested, *shards]
    for copy in find_copies(everything):
        first, other = everything[copy.first], everything[copy.other]
        if copy.other < len(tested) or first.folder.resolve() == other.folder.resolve():
            continue
        why = f"{copy.share:.0%} of its {copy.what} is that of {_name(first)} session {first.about.session}"
        if copy.first < len(tested):
            left_out.setdefault(_name(other), f": {why}, who is tested later")
        elif first not in copied:
            copied.setdefault(other, why)
    return copied


def _shares(corpora: Sequence[Corpus], kept: Sequence[Sequence[Shard]], balance: float) -> tuple[float, ...]:
    hours = np.array([_hours(corpus, shards) for corpus, shards in zip(corpora, kept, strict=True)])
    weights = np.where(hours > 0, np.maximum(hours, 1e-9) ** balance, 0.0)
    total = float(weights.sum())
    return tuple((weights / total).tolist()) if total > 0 else (1.0 / len(corpora),) * len(corpora)


def _hours(corpus: Corpus, shards: Sequence[Shard]) -> float:
    """Hours of a modality, those of both counted for each."""
    hop_s = float(corpus.pipeline["window"]["hop_s"])
    windows = sum(float((shard.rows[name] > 0).sum()) for shard in shards for name in ("eeg_coverage", "gaze_coverage"))
    return windows * hop_s / 3600.0
