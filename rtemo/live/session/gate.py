"""Where predictions pass on their way out of the application's engine: shown, kept and sent, or held back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtemo.live.output.prediction_files import PredictionSink
from rtemo.model.prediction import Prediction


class PredictionGate:
    """A PredictionSink that shows predictions and passes them on, or is shut."""

    def __init__(self, show: Callable[[Prediction], None]) -> None:
        self._show = show
        self._sinks: Sequence[PredictionSink] = ()
        self._open = True

    def open_for(self, sinks: Sequence[PredictionSink]) -> None:
        self._sinks, self._open = sinks, True

    def shut(self) -> None:
        self._open = False

    def put(self, prediction: Prediction) -> None:
        if self._open:
            for sink in self._sinks:
                sink.put(prediction)
            self._show(prediction)

    def discard(self) -> None:
        """What was passed on cannot be taken back."""

    def close(self) -> None:
        """The sinks are closed by whoever opened them."""
