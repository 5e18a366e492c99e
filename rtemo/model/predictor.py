"""From items to predictions: the pipeline, the model and the decoder in one. Live and replay run this same object.

A live session cannot wait for a stream that stays away. `force` then decides on what is there, on a copy of the
decoder: when the missing samples do come (or the hole in them is over) the windows are decided again in order,
silently, and everything after them is what a replay of the recording gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from rtemo.core.pipeline import Pipeline
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamNotice, Window
from rtemo.model.bundle import Bundle
from rtemo.model.bundle_schema import BundleSpec
from rtemo.model.decoder import Decoder
from rtemo.model.embedding_queue import EmbeddingQueue
from rtemo.model.embeddings import Embeddings
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.personal.session_notes import (
    NOTICE_S,
    CalibrationBegun,
    CalibrationEnded,
    ChannelMarked,
    LabelGiven,
    LabelWithdrawn,
    Note,
    StreamReturned,
    WindowsSkipped,
)
from rtemo.model.personal.tell_streams import tell_streams
from rtemo.model.prediction import Prediction
from rtemo.model.runtime import Runtime
from rtemo.model.skipped_windows import SkippedWindows
from rtemo.model.uncertainty.adaptive import SelfReport


def new_pipeline(spec: BundleSpec, hop_s: float | None = None) -> Pipeline:
    """A fresh pipeline that makes the windows that a bundle's model takes. hop_s: None: as the bundle says."""
    settings = spec.pipeline if hop_s is None else spec.pipeline.with_hop(hop_s)
    return Pipeline(settings, signal="signal" in spec.model.inputs)


Watch = Callable[[Window, Embeddings], object]

MOST_FORCED = 1000  # ends that are looked at at once, the newest: stamps may leap by any time
MAX_BACKLOG_S = 30.0  # forced windows older than this are final


class Predictor:
    """One prediction for each window's end, in order."""

    def __init__(self, pipeline: Pipeline, runtime: Runtime, decoder: Decoder) -> None:
        self.pipeline = pipeline
        self.n_forced = 0
        self.n_skipped = 0  # windows that a model slower than the hop left out
        self.skipped = SkippedWindows()
        self.working: Callable[[], object] = lambda: None  # called after each window: slow is not hanging
        self.decided: Callable[[float], object] = lambda _: (
            None
        )  # given each window's end once the model is done with it
        self.watches: list[Watch] = []  # each is given every final window, in order, with its embeddings
        self._runtime = runtime
        self._decoder = decoder
        self._ahead: Decoder | None = None  # the decoder of the forced windows, while the real ones are awaited
        self._published_s = float("-inf")
        self._queue: EmbeddingQueue | None = None

    def work_ahead(self) -> None:
        """Let the network run behind the pipeline, in a thread of its own: predictions come some pushes later, the same
        ones in the same order. `settle` waits for all. For recordings; nothing may be forced.
        """
        self._queue = EmbeddingQueue(self._runtime)

    def settle(self) -> list[Prediction]:
        """The predictions that are still under way."""
        return [] if self._queue is None else self._decided(self._queue.take(wait=True))

    @property
    def runtime(self) -> Runtime:
        """What runs the network."""
        return self._runtime

    @property
    def eye_unused(self) -> str:
        """Why eye movements do not count; "" where they do."""
        return self._decoder.eye_unused

    def push(self, item: Chunk | ClockOffset | StreamNotice) -> list[Prediction]:
        """The predictions that this completes; see Pipeline.push."""
        return self._decide(self.pipeline.push(item))

    def expect(self, modality: Modality, *, expected: bool) -> list[Prediction]:
        """Whether windows wait for a modality; see Pipeline.expect."""
        return self._decide(self.pipeline.expect(modality, expected))

    def drop(self, stream_id: str) -> list[Prediction]:
        """See Pipeline.drop_stream."""
        return self._decide(self.pipeline.drop_stream(stream_id))

    def flush(self) -> list[Prediction]:
        """The predictions up to the newest sample of any stream."""
        return [*self._decide(self.pipeline.flush()), *self.settle()]

    def force(self, until_s: float) -> list[Prediction]:
        """Predictions for the ends up to a time that some stream has not reached, from what is there."""
        start_s = self.pipeline.next_end_s
        if start_s is None:
            return []
        hop_s = self.pipeline.settings.window.hop_s
        grid = self.pipeline.grid
        first = max(start_s, self._published_s + hop_s)
        predictions = []
        begin, stop = grid.at_or_after(first - 0.5 * hop_s, grid.hop), grid.at_or_before(until_s) + 1
        for end in range(max(begin, stop - MOST_FORCED * grid.hop), stop, grid.hop):
            end_s = grid.seconds(end)
            window = None if self.skipped.skips(end_s) else self.pipeline.peek(end_s)
            if window is not None:
                predictions.append(self._decide_ahead(window))
        if self._published_s - start_s > MAX_BACKLOG_S:
            self._settle()
        return predictions

    def adopt(self, person: PersonalCalibration | None, from_s: float) -> None:
        """Decide windows that end after from_s with a personal calibration; None: with the trained heads."""
        for decoder in self._decoders():
            decoder.adopt(person, from_s)

    def note(self, note: Note, time_s: float) -> None:
        """Take in what was noted of the person at a time; it counts NOTICE_S later. Unknown labels do not count."""
        tell_streams(self.pipeline, note)
        if isinstance(note, WindowsSkipped) and self._is_ours(note):
            self.skipped.add(note)
        for decoder in self._decoders():
            match note:
                case LabelGiven():
                    decoder.report(self._report(note, time_s + NOTICE_S))
                case LabelWithdrawn():
                    decoder.take_back(note.number, time_s + NOTICE_S)
                case CalibrationEnded():
                    decoder.adopt(None, note.from_s)
                case CalibrationBegun() | ChannelMarked() | WindowsSkipped() | StreamReturned():
                    pass  # whoever has the calibration's file adopts it

    def _is_ours(self, note: WindowsSkipped) -> bool:
        """Whether it was stated of this model at this hop: another one may keep up."""
        grid = self.pipeline.grid
        return note.model == self.model_at(note.from_s).fingerprint and note.hop_s == grid.seconds(grid.hop)

    def model_at(self, end_s: float) -> Bundle:
        """The bundle that decides windows which end then."""
        return self._decoder.model_at(end_s)

    def _report(self, note: LabelGiven, holds_s: float) -> SelfReport:
        labels = self._decoder.model_at(holds_s).labels
        known = note.label in labels
        label = labels.index(note.label) if known else -1
        return SelfReport(label, note.begin_s, note.end_s, holds_s if known else float("inf"))

    def _decoders(self) -> list[Decoder]:
        return [self._decoder] if self._ahead is None else [self._decoder, self._ahead]

    def _decide(self, windows: Sequence[Window]) -> list[Prediction]:
        wanted = self._wanted(windows)
        if self._queue is None:
            return self._decided((window, self._runtime.embed(window)) for window in wanted)
        self._queue.put(list(wanted))
        return self._decided(self._queue.take(wait=False))

    def _wanted(self, windows: Sequence[Window]) -> Iterator[Window]:
        """Those that are not skipped, as it stands when each one's turn comes."""
        for window in windows:
            if self.skipped.skips(window.end_s):
                self.n_skipped += 1
            else:
                yield window

    def _decided(self, embedded: Iterable[tuple[Window, Embeddings]]) -> list[Prediction]:
        predictions = []
        for window, embeddings in embedded:
            prediction = self._decoder.step(window, embeddings)
            self.working()
            for watch in self.watches:
                watch(window, embeddings)
            self.decided(window.end_s)
            if window.end_s > self._published_s:
                self._published_s = window.end_s
                self._ahead = None
                predictions.append(prediction)
        return predictions

    def _decide_ahead(self, window: Window) -> Prediction:
        if self._ahead is None:
            self._ahead = self._decoder.fork()
        self._published_s = window.end_s
        self.n_forced += 1
        prediction = self._ahead.step(window, self._runtime.embed(window))
        self.working()
        self.decided(window.end_s)
        return prediction

    def _settle(self) -> None:
        """Make the forced windows final: the stream has been away for too long to decide them all again."""
        if self._ahead is not None:
            self._decoder, self._ahead = self._ahead, None
        self.pipeline.skip_to(self._published_s + 0.5 * self.pipeline.settings.window.hop_s)
