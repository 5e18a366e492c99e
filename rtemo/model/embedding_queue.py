"""Windows through the network in a thread of its own, while the caller makes the next ones.

For recordings, where nobody waits for the newest prediction. ONNX Runtime holds no Python lock while it computes, so
the network and the pipeline share two cores. Order and bits are those of one window after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from rtemo.core.types import Window
from rtemo.model.embeddings import Embeddings
from rtemo.model.runtime import Runtime

MAX_WAITING = 256  # windows: so much memory, and no more, may lie between the pipeline and the network


class EmbeddingQueue:
    """First in, first out. Owned by one thread."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="network")
        self._waiting: deque[tuple[Sequence[Window], Future[list[Embeddings]]]] = deque()
        self._n_waiting = 0

    def put(self, windows: Sequence[Window]) -> None:
        """Hand over windows of one length."""
        if windows:
            self._waiting.append((windows, self._worker.submit(self._runtime.embed_each, windows)))
            self._n_waiting += len(windows)

    def take(self, *, wait: bool) -> Iterator[tuple[Window, Embeddings]]:
        """What is finished; wait: for all of it. Raises what the network raised."""
        while self._waiting and (wait or self._n_waiting > MAX_WAITING or self._waiting[0][1].done()):
            windows, result = self._waiting.popleft()
            self._n_waiting -= len(windows)
            yield from zip(windows, result.result(), strict=True)
