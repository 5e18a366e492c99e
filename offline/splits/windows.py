"""What the windows of a corpus belong to: from recordings to the ids that the protocols split by."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from offline.corpus.corpus import Shard, ShardMetadata
from offline.splits.leaks import WindowIds
from rtemo.core.errors import RtemoError


def person(about: ShardMetadata) -> str:
    """The subject's name over all data sets: `<data set>/<subject>`. Pretraining names people like this too."""
    return f"{about.dataset}/{about.subject}"


def window_ids(recordings: Iterable[Shard]) -> WindowIds:
    """The ids of every window: recording after recording as given, each in order of time, unlabelled ones included.

    A corpus is such an iterable; several are chained. A trial whose stimulus is unknown has the clip "".
    Raises RtemoError where there is no recording.
    """
    shards = list(recordings)
    if not shards:
        raise RtemoError("there is nothing to split", "no recording", "name a corpus with recordings")
    sizes = [len(shard.rows) for shard in shards]
    return WindowIds(
        subject=np.repeat([person(shard.about) for shard in shards], sizes),
        session=np.repeat([shard.about.session for shard in shards], sizes),
        trial=np.concatenate([shard.rows["trial"] for shard in shards]).astype(np.int64),
        clip=np.concatenate([_clips(shard) for shard in shards]),
        label=np.concatenate([shard.rows["label"] for shard in shards]).astype(np.int64),
    )


def _clips(shard: Shard) -> NDArray[np.str_]:
    trials, of_row = np.unique(shard.rows["trial"], return_inverse=True)
    names = np.array([shard.about.clips.get(str(trial), "") for trial in trials.tolist()], dtype=np.str_)
    return names[of_row]
