"""What the LSL tests are made of: senders in processes of their own, and a reader that waits for things to happen."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rtemo.core.types import Chunk, ClockOffset, Item, StreamDown, StreamInfo, StreamUp
from rtemo.sources.lsl.source import LslSource

DEADLINE_S = 20.0
SPEC = {"name": "amp", "type": "EEG", "channels": 4, "nominal_hz": 200.0, "hz": 200.0, "format": "double64",
        "source_id": "amp-1", "labels": ["Fz", "Cz", "Pz", "Oz"], "chunk": 4, "clock": "lsl", "ahead_s": 0.0,
        "paused": False}  # fmt: skip


class Sender:
    """A process with outlets. Every call returns once the process has done it."""

    def __init__(self) -> None:
        script = str(Path(__file__).with_name("outlet_process.py"))
        self.process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def open(self, key: str = "a", **changes) -> str:
        """Makes an outlet that streams. Returns its uid."""
        return self._do("open", key, spec={**SPEC, **changes})["uid"]

    def markers(self, key: str = "m", **changes) -> str:
        spec = {"name": "events", "type": "Markers", "channels": 1, "nominal_hz": 0.0, "hz": 0.0, "format": "string",
                "source_id": "events-1", "labels": ["marker"]}  # fmt: skip
        return self.open(key, **{**spec, **changes})

    def do(self, what: str, key: str = "a", **arguments) -> dict:
        return self._do(what, key, **arguments)

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self._answers.put(line)

    def _do(self, do: str, key: str, **arguments) -> dict:
        self.process.stdin.write(json.dumps({"do": do, "key": key, **arguments}) + "\n")
        self.process.stdin.flush()
        return json.loads(self._answers.get(timeout=DEADLINE_S))


class Heard:
    """Reads a source until something is true of all that it gave."""

    def __init__(self, source: LslSource) -> None:
        self.source = source
        self.items: list[Item] = []

    def until(self, true: Callable[[Heard], object], timeout_s: float = DEADLINE_S) -> None:
        end_s = time.monotonic() + timeout_s
        while not true(self):
            assert time.monotonic() < end_s, f"it did not happen; {self.summary()}"
            self.items += self.source.read(0.05)

    def rest(self) -> None:
        """Everything that is left in a stopped source."""
        while not self.source.exhausted:
            self.items += self.source.read(0.0)

    def chunks(self, stream_id: str = "") -> list[Chunk]:
        return [i for i in self.items if isinstance(i, Chunk) and stream_id in ("", i.stream_id)]

    def n(self, stream_id: str = "") -> int:
        return sum(len(chunk) for chunk in self.chunks(stream_id))

    def indices(self, stream_id: str = "") -> list[int]:
        return [int(k) for chunk in self.chunks(stream_id) for k in chunk.values[:, 0]]

    def stamps(self, stream_id: str = "") -> np.ndarray:
        return np.concatenate([chunk.stamps for chunk in self.chunks(stream_id)])

    def offsets(self, stream_id: str = "") -> list[ClockOffset]:
        return [i for i in self.items if isinstance(i, ClockOffset) and stream_id in ("", i.stream_id)]

    def ups(self) -> list[StreamInfo]:
        return [i.info for i in self.items if isinstance(i, StreamUp)]

    def downs(self) -> list[StreamDown]:
        return [i for i in self.items if isinstance(i, StreamDown)]

    def summary(self) -> str:
        others = [item for item in self.items if not isinstance(item, Chunk)]
        return f"{self.n()} samples, {others}, {self.source.status()}, {self.source.warnings}"
