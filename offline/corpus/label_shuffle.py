"""Permuted labels as a control: those of each session, dealt anew over its labelled clips.

A control that any corpus allows. What a method still finds in it is a leak of ours. The other control, people who feel
nothing, is not enough where everybody sees the same films in the same order: their order and lengths alone identify the
film, and so its label.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import UNLABELLED, Corpus, Shard


def shuffled(corpus: Corpus, seed: int) -> Corpus:
    """The corpus with permuted labels. The same seed gives every version of a recording the same labels."""
    shards = tuple(_Shuffled(shard, seed) for shard in corpus)
    return replace(corpus, shards=shards, fingerprint=f"{corpus.fingerprint} shuffled {seed}")


class _Shuffled(Shard):
    def __init__(self, shard: Shard, seed: int) -> None:
        super().__init__(shard.folder, shard.about)
        self._shard, self._seed = shard, seed

    @cached_property
    def rows(self) -> NDArray[Any]:
        rows = np.array(self._shard.rows)
        labelled = rows["label"] != UNLABELLED
        trials, first, of_row = np.unique(rows["trial"][labelled], return_index=True, return_inverse=True)
        who = crc32(f"{self.about.dataset}/{self.about.subject}@{self.about.session}".encode())
        order = np.random.default_rng([self._seed, who]).permutation(len(trials))
        rows["label"][labelled] = rows["label"][labelled][first][order][of_row]
        return rows
