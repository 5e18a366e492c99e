"""`rtemo bench`: what a session costs on this computer, measured on real LSL streams of a simulated person."""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from rtemo.commands.console import say, stop_on_signal
from rtemo.commands.demo import simulated
from rtemo.core.types import Chunk, Item, Modality, StreamInfo
from rtemo.live.outputs import PredictionSink
from rtemo.live.settings import SessionSettings
from rtemo.model.prediction import Prediction
from rtemo.sources.base import Source
from rtemo.sources.lsl_config import configure
from rtemo.sources.select import StreamQuery

WARM_UP_S = 5.0
MARGIN_S = 60.0


class Stage:
    """How long the calls of one function took, and how many there were."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds.append(time.perf_counter() - begin)

        return timed


class Arrivals:
    """A source that notes when each stream's newest sample was handed over."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._offsets: dict[str, float] = {}
        self.passed: list[tuple[str, float, float]] = []  # stream, newest LSL time, when

    def start(self) -> tuple[StreamInfo, ...]:
        return self._source.start()

    def read(self, timeout_s: float) -> list[Item]:
        items = self._source.read(timeout_s)
        now = time.perf_counter()
        for item in items:
            if isinstance(item, Chunk) and len(item):
                self.passed.append((item.stream_id, float(item.stamps[-1]), now))
        return items

    @property
    def exhausted(self) -> bool:
        return self._source.exhausted

    def stop(self) -> None:
        self._source.stop()

    def complete(self, end_s: float, streams: set[str]) -> float:
        """When the last of these streams had handed over a sample at or after a time."""
        first = {}
        for stream, newest_s, when in self.passed:
            if stream in streams and newest_s >= end_s:
                first.setdefault(stream, when)
        return max(first.values(), default=float("nan"))
