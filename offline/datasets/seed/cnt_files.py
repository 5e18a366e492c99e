"""Raw EEG of SEED-V and SEED-VII: one continuous Neuroscan CNT file a session, its 62 channels as one stream."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from pathlib import Path

from offline.datasets.base import Omission, Stream, segment_chunks
from offline.datasets.eeg_files import mne_raw
from offline.datasets.seed.published import CHANNELS
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality

Key = tuple[int, int]  # subject, session


def by_session(folder: Path, name: re.Pattern[str], form: str) -> tuple[dict[Key, list[Path]], list[Omission]]:
    """The folder's CNT files by subject and session, which are groups of the name, and those with other names."""
    found: dict[Key, list[Path]] = {}
    omissions = []
    for path in sorted(folder.glob("*.cnt")):
        if match := name.fullmatch(path.stem):
            found.setdefault((int(match["subject"]), int(match["session"])), []).append(path)
        else:
            omissions.append(Omission("file", str(path), f"its name is not {form}"))
    return found, omissions


def twice(paths: list[Path]) -> Omission:
    """For a session that has several files: which of them is right is not known."""
    return Omission("recording", ", ".join(map(str, paths)), "more than one file for one session")


def missing_sessions(dataset: str, found: Collection[Key], sessions: Collection[int]) -> list[Omission]:
    """One omission for every session without a file of a person who has another."""
    missing = [(s, n) for s in sorted({s for s, _ in found}) for n in sessions if (s, n) not in found]
    return [Omission("recording", f"{dataset} subject {s} session {n}", "no EEG file for it") for s, n in missing]


def eeg_stream(file: mne_raw.RawFile, title: str) -> Stream:
    """The 62 EEG channels of the whole file. RtemoError where one is missing. title: the data set's."""
    names = {name.upper(): name for name, _ in file.channels}
    if absent := [label for label in CHANNELS if label not in names]:
        raise RtemoError(f"{file.path} lacks channels of {title}", f"{', '.join(absent)} missing of {list(names)}")
    segments = mne_raw.segments(file, [names[label] for label in CHANNELS], 0.0)
    info = mne_raw.eeg_info(CHANNELS, file.rate_hz)
    return Stream(info, Modality.EEG, partial(segment_chunks, info.stream_id, segments))
