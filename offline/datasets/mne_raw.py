"""EEG files of any format that MNE reads, as streams in uV. MNE opens the files; nothing of its processing is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mne
import numpy as np
from numpy.typing import NDArray

from offline.datasets.base import Segment, slices
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo

_READ_AT_ONCE_S = 16.0
_ERRORS = (ImportError, OSError, ValueError, RuntimeError, TypeError, KeyError, IndexError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class RawFile:
    """The header of an EEG file. channels: (name, MNE's channel type), in file order.

    day: YYYYMMDD, "" where it is not known.
    """

    path: Path
    rate_hz: float
    n_samples: int
    channels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[float, float, str], ...]  # onset_s from the first sample, duration_s, text
    day: str = ""

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.rate_hz


def open_raw(path: Path) -> Any:
    """An unread mne.io.Raw. RtemoError where MNE cannot read the file."""
    try:
        return mne.io.read_raw(path, preload=False, verbose="ERROR")
    except _ERRORS as error:
        raise RtemoError(
            f"{path} cannot be read as EEG", f"{type(error).__name__}: {error}", "copy the file again"
        ) from error


def header(path: Path) -> RawFile:
    """Reads the header only."""
    raw = open_raw(path)
    marks = raw.annotations
    onsets = marks.onset - (raw.first_time if marks.orig_time is not None else 0.0)
    texts = zip(onsets.tolist(), marks.duration.tolist(), (str(text) for text in marks.description), strict=True)
    channels = tuple(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    measured = raw.info["meas_date"]
    day = "" if measured is None else f"{measured:%Y%m%d}"
    return RawFile(path, float(raw.info["sfreq"]), int(raw.n_times), channels, tuple(texts), day)


def eeg_info(labels: Sequence[str], rate_hz: float) -> StreamInfo:
    """The stream that `segment` delivers."""
    channels = tuple(Channel(label, "EEG", "microvolts") for label in labels)
    return StreamInfo("eeg", "EEG", "EEG", "float32", rate_hz, channels)


def segment(file: RawFile, names: Sequence[str], start_s: float) -> Segment:
    """The named channels of the whole file, in uV, from start_s on the recording's clock."""
    return Segment(start_s, file.rate_hz, partial(_blocks, file, tuple(names)))


def _blocks(file: RawFile, names: tuple[str, ...], n: int) -> Iterator[NDArray[np.floating]]:
    raw = open_raw(file.path)
    at_once = max(1, round(_READ_AT_ONCE_S * file.rate_hz / n)) * n
    for first in range(0, file.n_samples, at_once):
        last = min(first + at_once, file.n_samples)
        try:
            volts = raw.get_data(picks=list(names), start=first, stop=last, verbose="ERROR")
        except _ERRORS as error:
            raise RtemoError(
                f"{file.path} cannot be read from sample {first} on", f"{type(error).__name__}: {error}"
            ) from error
        yield from slices((volts * 1e6).T, n)
