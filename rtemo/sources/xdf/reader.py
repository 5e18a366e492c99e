"""Reads one stream's samples from an XDF file (the second pass), chunk by chunk in bounded memory.

It reads the spans of the file that the first pass (xdf_scan) found, where chunks are known to follow each other. Stamps
are raw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from rtemo.core.errors import RtemoError
from rtemo.sources.xdf.chunks import RawChunk, Tag, parse_head, read_length
from rtemo.sources.xdf.samples import Samples, decode, read_blocks
from rtemo.sources.xdf.scan import PEEK_BYTES, SPAN_BYTES, XdfStream

ALL = slice(None)


def read_stream(
    file: BinaryIO, stream: XdfStream, on_damage: Callable[[int, int], None], spans: slice = ALL
) -> Iterator[Samples]:
    """The second pass: one stream's samples in file order, in blocks, from all of its spans or some in a row.

    on_damage(byte, n_samples) is called for samples, at least so many, that could not be decoded. Raises RtemoError
    when the file changed.
    """
    previous_s = 0.0
    for start, stop, number in zip(
        stream.span_starts[spans], stream.span_stops[spans], stream.span_samples[spans], strict=True
    ):
        for samples in _read_span(file, (start, stop), number, stream, previous_s, on_damage):
            previous_s = float(samples.stamps[-1])
            yield samples


def _read_span(
    file: BinaryIO,
    span: tuple[int, int],
    number: int,
    stream: XdfStream,
    previous_s: float,
    on_damage: Callable[[int, int], None],
) -> Iterator[Samples]:
    start, stop = span
    if stop - start <= SPAN_BYTES:
        joined = _read_joined(file, start, stop, stream, previous_s)
        if joined is not None:
            yield joined._replace(number=number)
            return

    def peek(at: int) -> bytes:
        file.seek(at)
        return file.read(PEEK_BYTES)

    for chunk, begin, n_samples in _sample_chunks(peek, start, stop, stream.number):
        found, at = 0, begin
        for samples in read_blocks(file, begin, min(chunk.end, stop), stream.layout, n_samples, previous_s):
            previous_s = float(samples.stamps[-1])
            yield samples._replace(number=number + found)
            found += len(samples.stamps)
            at += samples.used
        if at < chunk.end <= stop:  # otherwise all was read, or the file ends here, which the first pass has reported
            on_damage(chunk.start, max(n_samples - found, 1))
        number += n_samples


def _read_joined(file: BinaryIO, start: int, stop: int, stream: XdfStream, previous_s: float) -> Samples | None:
    """All chunks of a short span decoded as one: some recorders write every sample as a chunk. None where damaged."""
    file.seek(start)
    data = file.read(stop - start)
    records: list[bytes] = []
    n_samples = 0
    for chunk, begin, count in _sample_chunks(
        lambda at: data[at - start : at - start + PEEK_BYTES], start, stop, stream.number
    ):
        records.append(data[begin - start : chunk.end - start])
        n_samples += count
    joined = b"".join(records)
    samples = decode(joined, stream.layout, n_samples, previous_s)
    return samples if samples.used == len(joined) and len(samples.stamps) == n_samples else None


def _sample_chunks(
    peek: Callable[[int], bytes], start: int, stop: int, number: int
) -> Iterator[tuple[RawChunk, int, int]]:
    """A stream's chunks between two bytes: each with the byte where its samples begin and their count."""
    while start < stop:
        head = peek(start)
        chunk = parse_head(head, start)
        if chunk is None:
            raise RtemoError("the recording changed while it was read", f"no chunk at byte {start}", "read it again")
        if chunk.stream == number and chunk.tag == Tag.SAMPLES:
            count = read_length(head, chunk.body - start)
            if count is not None and count[0]:
                yield chunk, start + count[1], count[0]
        start = chunk.end
