"""A stream's first and last stamp where wrong ones stand at an end: a recording's extent must not hang on them.

An end's stamp is judged by the next ones: it counts where it lies near their median, else the nearest one that does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import BinaryIO

import numpy as np

from rtemo.core.types import TimeArray
from rtemo.sources.xdf.reader import read_stream
from rtemo.sources.xdf.scan import XdfStream

LOOKED_AT = 16  # samples at either end
NEAR_S, NEAR_STEPS = 5.0, 16.0  # from their median


def mend_edges(file: BinaryIO, stream: XdfStream) -> None:
    """Correct first_s and last_s of a stream of regular samples."""
    if stream.n_samples < LOOKED_AT or not stream.layout.interval_s:
        return
    first = _joined(islice(_stamps(file, stream, slice(0, 1)), LOOKED_AT))[:LOOKED_AT]
    last = _joined(deque(_stamps(file, stream, slice(-1, None)), LOOKED_AT))[-LOOKED_AT:][::-1]
    stream.first_s = _edge(first, stream.first_s, stream.layout.interval_s)
    stream.last_s = _edge(last, stream.last_s, stream.layout.interval_s)


def _stamps(file: BinaryIO, stream: XdfStream, spans: slice) -> Iterator[TimeArray]:
    """Of each block of these spans, which holds a sample at least. A recording may be one chunk of many blocks."""
    for samples in read_stream(file, stream, lambda _byte, _n: None, spans):
        yield samples.stamps


def _joined(parts: Iterable[TimeArray]) -> TimeArray:
    return np.concatenate([np.empty(0), *parts])


def _edge(stamps: TimeArray, found_s: float, interval_s: float) -> float:
    """stamps: from the end inwards."""
    known = stamps[np.isfinite(stamps)]
    if len(known) < 3:
        return found_s
    usual = float(np.median(known))
    near = np.abs(known - usual) <= max(NEAR_S, NEAR_STEPS * interval_s)
    return float(known[int(np.argmax(near))]) if near.any() else found_s
