"""A process of its own for what may take its process with it: damaged files crash some readers in native code."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from joblib.externals.loky import ProcessPoolExecutor

T = TypeVar("T")
_IDLE_S = 60.0  # after which the child ends; the next call starts another one
_WHY = 200  # letters of what is known of its end


class ProcessDied(Exception):
    """The child process died: it crashed, or somebody killed it, such as a system without memory."""


class ChildProcess:
    """Runs one call after the other in a child, which is started when it is needed and replaced when it has died."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None

    def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """What the function returns or raises; ProcessDied where its process died."""
        if self._executor is None:
            self._executor = ProcessPoolExecutor(max_workers=1, timeout=_IDLE_S)
        try:
            found: T = self._executor.submit(function, *arguments).result()
        except BrokenProcessPool as error:
            self._executor = None
            raise ProcessDied(" ".join(str(error).split())[:_WHY]) from error
        return found


CHILD = ChildProcess()
