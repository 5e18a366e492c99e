"""Writes BrainVision files (.vhdr, .vmrk, .eeg), version 1.0: multiplexed IEEE_FLOAT_32 in microvolts.

A gap begins a new segment, whose stamp says when it began; so readers that look at the stamps put every sample at its
time. Float32 is what amplifiers send, so nothing is lost. The format is open: Brain Products, BrainVision Core Data
Format 1.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from rtemo.export.signals import RecordedSignal

_HEADER = """\
Brain Vision Data Exchange Header File Version 1.0
; written by rtemo

[Common Infos]
Codepage=UTF-8
DataFile={data}
MarkerFile={markers}
DataFormat=BINARY
; Data orientation: MULTIPLEXED=ch1,pt1, ch2,pt1 ...
DataOrientation=MULTIPLEXED
NumberOfChannels={n_channels}
; Sampling interval in microseconds
SamplingInterval={interval}

[Binary Infos]
BinaryFormat=IEEE_FLOAT_32

[Channel Infos]
; Each entry: Ch<Channel number>=<Name>,<Reference channel name>,<Resolution in "Unit">,<Unit>
{channels}
"""
_MARKERS = """\
Brain Vision Data Exchange Marker File, Version 1.0
; written by rtemo

[Common Infos]
Codepage=UTF-8
DataFile={data}

[Marker Infos]
; Each entry: Mk<number>=<type>,<description>,<position in data points>,<size in data points>,<channel>,<date>
{markers}
"""


@dataclass(frozen=True, slots=True)
class PointMarker:
    """Something that happened at a sample, counted from 0 over all segments."""

    sample: int
    text: str


def write_brainvision(
    header: Path, eeg: RecordedSignal, began: datetime | None, markers: Sequence[PointMarker] = ()
) -> None:
    """Write header, markers and data beside each other. began: the first sample's date; None: one that means nothing.

    Where the date is not known, segments are stamped from 2000-01-01 on: what counts is the time between them.
    """
    data, marks = header.with_suffix(".eeg"), header.with_suffix(".vmrk")
    values = eeg.values.astype("<f4")
    data.write_bytes(np.ascontiguousarray(values).tobytes())
    channels = "\n".join(f"Ch{n}={_escaped(label)},,1,µV" for n, label in enumerate(eeg.labels, start=1))
    text = _HEADER.format(
        data=data.name,
        markers=marks.name,
        n_channels=len(eeg.labels),
        interval=repr(1e6 / eeg.rate_hz) if eeg.rate_hz != 1e6 else "1",
        channels=channels,
    )
    header.write_text(text, encoding="utf-8", newline="\n")
    zero = began or datetime(2000, 1, 1)
    rows = [(sample, f"New Segment,,{sample + 1},1,0,{_stamp(zero, since_s)}") for sample, since_s in _segments(eeg)]
    rows += [(one.sample, f"Comment,{_escaped(one.text)},{one.sample + 1},1,0") for one in markers]
    listed = "\n".join(f"Mk{n}={row}" for n, (_, row) in enumerate(sorted(rows, key=lambda one: one[0]), start=1))
    marks.write_text(_MARKERS.format(data=data.name, markers=listed), encoding="utf-8", newline="\n")


def _segments(eeg: RecordedSignal) -> list[tuple[int, float]]:
    """The first sample of each segment, and seconds since the file's first sample."""
    found, sample = [], 0
    for stretch in eeg.stretches:
        found.append((sample, stretch.begin_s - eeg.first_s))
        sample += len(stretch.times)
    return found


def _stamp(zero: datetime, since_s: float) -> str:
    return f"{zero + timedelta(microseconds=round(1e6 * since_s)):%Y%m%d%H%M%S%f}"


def _escaped(text: str) -> str:
    r"""Commas separate fields, so the format writes them as \1."""
    return " ".join(text.split()).replace(",", r"\1")
