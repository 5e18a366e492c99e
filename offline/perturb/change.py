"""What a perturbation does to one stream: its new description, and a function of its chunks with a state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from offline.corpus.build_recording import channel_map_of
from offline.datasets.base import EyeWindows, Stream, Trial
from rtemo.core.channel_map import EegChannelMap
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, StreamInfo


@dataclass(frozen=True, slots=True)
class Change:
    """info: the stream as it describes itself afterwards. apply: must be given the chunks in their order."""

    info: StreamInfo
    apply: Callable[[Chunk], Chunk]


Maker = Callable[[Stream, float, np.random.Generator], Change]
"""(stream, severity, random numbers of this recording and fault) -> the change in its first state."""
WindowChange = Callable[[EyeWindows, Trial, float, Sequence[int | str]], EyeWindows]


def eye_windows_kept(windows: EyeWindows, trial: Trial, severity: float, key: Sequence[int | str]) -> EyeWindows:
    """For faults that do not touch the eyes."""
    del trial, severity, key
    return windows


def eeg_of(stream: Stream) -> EegChannelMap:
    """Which columns are EEG, where they lie and what makes them microvolts, as the pipeline will read them."""
    layout = channel_map_of(stream.info, stream.modality, stream.screen)
    if not isinstance(layout, EegChannelMap):
        raise RtemoError("this perturbation is one of EEG", f"{stream.info.name!r} is {stream.modality}")
    return layout


Samples = NDArray[np.float64]
Edit = Callable[[NDArray[np.float64], Samples], Samples]
"""(stamps (n,), EEG (n, C) in uV) -> EEG (n, C) in uV."""


def edited(stream: Stream, layout: EegChannelMap, edit: Edit) -> Change:
    """Changes the EEG columns in microvolts and leaves the others alone. A column of unknown unit counts as uV."""
    columns = list(layout.columns)
    scale = np.where(np.isfinite(layout.scale), layout.scale, 1.0)

    def apply(chunk: Chunk) -> Chunk:
        values = np.array(chunk.values, dtype=np.float64)
        values[:, columns] = edit(chunk.stamps, values[:, columns] * scale) / scale
        return replace(chunk, values=values.astype(np.float32))

    return Change(replace(stream.info, channel_format="float32"), apply)
