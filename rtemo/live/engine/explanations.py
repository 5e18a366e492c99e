"""Explanations beside the predictions: at most one a second, in a thread of their own, never waited for.

Which windows are explained depends on their ends alone: the first one in each second. A session that cannot keep up
leaves some out; those that it gives are the ones that a replay gives.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from typing import Any

from rtemo.core.types import Window
from rtemo.live.output.line_file import TextTarget
from rtemo.live.output.output_queue import OutputQueue
from rtemo.model.bundle import Bundle
from rtemo.model.embeddings import Embeddings
from rtemo.model.explain import Explainer, Explanation
from rtemo.model.prediction import Prediction
from rtemo.model.predictor import Predictor

_DIGITS = 4

ModelAt = Callable[[float], Bundle]


class Due:
    """Says which windows are to be explained."""

    def __init__(self, after_s: float = -1.0) -> None:
        """after_s: LSL time; the second that it lies in is left out, as its first window may not be known here."""
        self._second = int(after_s)

    def __call__(self, window: Window) -> bool:
        due = int(window.end_s) > self._second
        self._second = max(self._second, int(window.end_s))
        return due


class Explaining:
    """Explains in a thread. Everything but `_work` is the engine's thread's."""

    def __init__(self, bundle: Bundle) -> None:
        self._explainer = Explainer(bundle)
        self._model_at: ModelAt | None = None
        self._due = Due()
        self._next: tuple[Window, Bundle] | None = None
        self._waiting: queue.SimpleQueue[tuple[Window, Bundle] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Explanation] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def follow(self, predictor: Predictor, after_s: float = -1.0) -> None:
        """Explain this predictor's windows from now on. after_s: of a session that is taken up, see Due."""
        self._model_at, self._due, self._next = predictor.model_at, Due(after_s), None
        predictor.watches.append(self.take)

    def take(self, window: Window, embeddings: Embeddings) -> None:  # noqa: ARG002 - a watch is given them
        """Note a window that is due."""
        if self._model_at is not None and self._due(window):
            self._next = window, self._model_at(window.end_s)

    def begin(self) -> None:
        """Have the noted window explained, unless the one before still waits. Called once its prediction is out."""
        if self._next is not None:
            self.ask(*self._next)
            self._next = None

    def ask(self, window: Window, model: Bundle) -> bool:
        """Have a window explained, unless the one before still waits."""
        if free := self._waiting.empty():
            self._start()
            self._waiting.put((window, model))
        return free

    def newest(self) -> list[Explanation]:
        """Those that have become ready since the last call."""
        found = []
        while not self._done.empty():
            found.append(self._done.get())
        return found

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="explaining", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread; what is asked starts it again."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            if (explanation := self._explainer.explain(*waiting)) is not None:
                self._done.put(explanation)


class ExplanationFile:
    """Writes explanations as JSON lines in the thread of the engine: every one, so that two replays are identical."""

    def __init__(self, file: TextTarget, bundle: Bundle, predictor: Predictor, participant: str = "") -> None:
        """file: it is not closed here. participant: whose explanations they are, of several."""
        self._explainer, self._model_at, self._due = Explainer(bundle), predictor.model_at, Due()
        self._file, self._participant = file, participant
        predictor.watches.append(self.take)

    def take(self, window: Window, embeddings: Embeddings) -> None:  # noqa: ARG002 - a watch is given them
        if self._due(window):
            explanation = self._explainer.explain(window, self._model_at(window.end_s))
            if explanation is not None:
                self._file.write(as_json(explanation, self._participant) + "\n")


class ExplanationSink:
    """Writes what the thread has explained whenever a prediction comes. A PredictionSink for live sessions."""

    def __init__(
        self,
        lines: OutputQueue[str],
        bundle: Bundle,
        predictor: Predictor,
        participant: str = "",
        after_s: float = -1.0,
    ) -> None:
        """lines: of the file; it is not closed here. participant: whose explanations they are, of several. after_s: of
        a session that is taken up, see Due.
        """
        self._lines, self._participant = lines, participant
        self._explaining = Explaining(bundle)
        self._explaining.follow(predictor, after_s)

    def put(self, prediction: Prediction) -> None:  # noqa: ARG002 - its window was noted before
        self._explaining.begin()
        for explanation in self._explaining.newest():
            self._lines.put(as_json(explanation, self._participant) + "\n")

    def discard(self) -> None:
        """What was written cannot be taken back."""

    def close(self) -> None:
        self._explaining.close()


def as_json(explanation: Explanation, participant: str = "") -> str:
    """One object: time_s, label, shares, with a fixed number of digits; participant, where several are told apart."""
    record: dict[str, Any] = {
        "time_s": round(explanation.time_s, 6),
        "label": explanation.label,
        "shares": rounded(explanation),
    }
    if participant:
        record["participant"] = participant
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def rounded(explanation: Explanation) -> dict[str, float]:
    """Its shares with a fixed number of digits; never -0."""
    return {part: round(share, _DIGITS) + 0.0 for part, share in explanation.shares.items()}
