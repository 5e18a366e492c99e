"""Find the same recording twice: under two names, in two sessions, in two data sets; whole, cut or exported anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from offline.corpus.sample_prints import Prints
from offline.corpus.shards import Shard

PRINTS = {"EEG": "eeg_prints", "gaze": "gaze_prints"}  # arrays of a shard
_SHARE = 0.1  # of the prints of the shorter recording; different recordings share less than a thousandth
_LEAST = 20  # prints that two recordings must have before their share says anything
_MOST_HOLDERS = 20  # a print that more recordings have shows a device's artefact, not of a copy


@dataclass(frozen=True, slots=True)
class Copy:
    """Recording `other` holds samples of recording `first`, both by their place in the list. share: of the shorter."""

    first: int
    other: int
    what: str
    share: float


def find_copies(shards: Sequence[Shard]) -> list[Copy]:
    """Every pair of recordings of which one holds samples of the other, in order."""
    found = {(copy.first, copy.other): copy for copy in _same_content(shards)}
    for what, name in PRINTS.items():
        prints = [_prints(shard, name) for shard in shards]
        for (first, other), n in _shared(prints).items():
            least = min(len(prints[first]), len(prints[other]))
            if least >= _LEAST and n >= _SHARE * least:
                found.setdefault((first, other), Copy(first, other, what, n / least))
    return [found[pair] for pair in sorted(found)]


def copy_groups(shards: Sequence[Shard]) -> list[int]:
    """For each recording the number of the group of copies that it belongs to; -1 where it has no copy."""
    group = list(range(len(shards)))
    for copy in find_copies(shards):
        one, other = group[copy.first], group[copy.other]
        group = [one if own == other else own for own in group]
    sizes = Counter(group)
    return [own if sizes[own] > 1 else -1 for own in group]


def _same_content(shards: Sequence[Shard]) -> list[Copy]:
    """Recordings whose arrays are the same to the bit, as released features are where there are no samples."""
    holders: dict[str, list[int]] = {}
    for k, shard in enumerate(shards):
        if shard.about.content:
            holders.setdefault(shard.about.content, []).append(k)
    return [Copy(*pair, "content", 1.0) for own in holders.values() for pair in combinations(own, 2)]


def _prints(shard: Shard, name: str) -> Prints:
    """Each print once; none where the corpus was built before there were prints."""
    if not (shard.folder / f"{name}.npy").is_file():
        return np.zeros(0, np.uint64)
    return np.unique(np.asarray(shard.array(name), np.uint64))


def _shared(prints: Sequence[Prints]) -> Counter[tuple[int, int]]:
    """How many prints each pair of recordings has in common, where it has any."""
    if not prints:
        return Counter()
    values = np.concatenate(list(prints))
    holder = np.repeat(np.arange(len(prints)), [len(own) for own in prints])
    order = np.argsort(values, kind="stable")
    values, holder = values[order], holder[order]
    bounds = np.flatnonzero(np.r_[True, values[1:] != values[:-1], True])
    shared: Counter[tuple[int, int]] = Counter()
    for k in np.flatnonzero(np.diff(bounds) > 1).tolist():
        holders = holder[bounds[k] : bounds[k + 1]].tolist()
        if len(holders) <= _MOST_HOLDERS:
            shared.update(combinations(holders, 2))
    return shared
