"""Journal: what was handed to the recorder and is not in its file yet, where a kill of the process does not reach it.

It lies beside the recorder's address, in memory on most systems, and holds a fraction of a second. The recorder that
comes next writes it into the next file, so that a recording lacks nothing that an engine was given. What it keeps true:
every item is counted once, as the file counts only up to the length that it had when an item was last struck off here.
"""

from __future__ import annotations

import json
import logging
import os
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.types import Item
from rtemo.recorder.announced_streams import AnnouncedStreams
from rtemo.recorder.messages import Message, pack, pack_item, unpack
from rtemo.recorder.recorder import Unwritten
from rtemo.sources.private_files import replace_file
from rtemo.sources.xdf.recording_log import LogEntry

_LOG = logging.getLogger("rtemo.recorder")

HEAD_BYTES = 8192
FULL_BYTES = 1 << 20  # a file that is longer is written anew, without what was struck off
MOST_BYTES = 16 << 20  # a disk that hangs for long: then nothing is kept here until it answers
_RECORD = struct.Struct("<dI")  # LSL time for the log, length


class Journal:
    """Of one recording. The recorder calls it under its lock."""

    def __init__(self, path: Path) -> None:
        self._path, self._number = path, -1
        self._announced = AnnouncedStreams()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = self._length = self._n_struck = 0
        self._n_missing = 0  # of the first ones, those up to here may not have been kept

    def append(self, item: Item | LogEntry, time_s: float, packed: bytes | None) -> None:
        """Keep an item. packed: as by pack_item, where that is known."""
        if isinstance(item, LogEntry):
            packed = pack("annotation", text=item.text, participant=item.participant)
        else:
            self._announced.note([item])
            packed = pack_item(item) if packed is None else packed
        record = _RECORD.pack(time_s, len(packed)) + packed
        if self._waiting_bytes + len(record) > MOST_BYTES:
            self._drop()
            self._waiting.append(b"")
            self._n_missing = self._n_struck + len(self._waiting)
            return
        self._waiting.append(record)
        self._waiting_bytes += len(record)
        if self._number >= 0:
            try:
                self._length += os.write(self._number, record)
            except OSError as error:
                _LOG.warning("what is not written yet is not kept: %s", error)
                self._drop()

    def strike_off(self, n: int, path: Path, size: int) -> None:
        """The first n items ever appended are in files, the last of which has this length."""
        while self._n_struck < n and self._waiting:
            self._waiting_bytes -= len(self._waiting.popleft())
            self._n_struck += 1
        try:
            if self._n_struck < self._n_missing:
                return
            if self._number < 0 or self._length > FULL_BYTES:
                self._begin(path, size)
            else:
                os.lseek(self._number, 0, os.SEEK_SET)
                os.write(self._number, self._head(path, size))
                os.lseek(self._number, 0, os.SEEK_END)
        except OSError as error:
            _LOG.warning("what is not written yet is not kept: %s", error)
            self._drop()

    def close(self) -> None:
        """The recording is closed: nothing is missing."""
        self._drop()

    def _begin(self, path: Path, size: int) -> None:
        self._close()
        opening = [pack_item(item) for item in self._announced.opening()]
        self._skipped = self._n_struck
        records = [_RECORD.pack(0.0, len(packed)) + packed for packed in opening]
        self._n_opening = len(records)
        content = b"".join([self._head(path, size), *records, *self._waiting])
        replace_file(self._path, lambda file: file.write(content))
        self._number = os.open(self._path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        os.lseek(self._number, 0, os.SEEK_END)
        self._length = len(content)

    def _head(self, path: Path, size: int) -> bytes:
        """The head: fixed in length, and written at once. skip: how many records behind the opening are struck off."""
        head = {"path": str(path), "size": size, "opening": self._n_opening, "skip": self._n_struck - self._skipped}
        return json.dumps(head).encode().ljust(HEAD_BYTES)

    def _drop(self) -> None:
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)


def read_journal(path: Path) -> Unwritten | None:
    """What a recorder that was killed left; None where it left nothing that can be read."""
    try:
        data = path.read_bytes()
        head: dict[str, Any] = json.loads(data[:HEAD_BYTES])
        n_opening, skip = int(head["opening"]), int(head["skip"])
        entries = list(_entries(memoryview(data)[HEAD_BYTES:]))
        kept = (*entries[:n_opening], *entries[n_opening + skip :])
        return Unwritten(Path(str(head["path"])), int(head["size"]), kept)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RtemoError) as error:
        _LOG.warning("what the recorder before had not written is lost: %s", error)
        return None


def _entries(data: memoryview) -> Iterator[tuple[Item | LogEntry, float]]:
    """All whole records."""
    at = 0
    while at + _RECORD.size <= len(data):
        time_s, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if at + length > len(data):
            return  # it was being written
        for one in unpack(bytes(data[at : at + length])):
            yield _noted(one) if isinstance(one, Message) else one, time_s
        at += length


def _noted(message: Message) -> LogEntry:
    text, participant = (str(message.fields.get(key, "")) for key in ("text", "participant"))
    return LogEntry("annotation", text=text, noted=True, participant=participant)
