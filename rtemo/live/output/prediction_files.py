"""Where predictions go besides the network: JSON lines, CSV, a terminal. Each is given every prediction in order."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Protocol

from rtemo.core.errors import RtemoError
from rtemo.live.output.line_file import LineFile, StandardOutput, TextTarget, name_of
from rtemo.model.prediction import Prediction, csv_header
from rtemo.sources.private_files import owner_only


class PredictionSink(Protocol):
    """Takes predictions until it is closed. `discard`: the result is worth nothing, the run failed."""

    def put(self, prediction: Prediction) -> None: ...

    def discard(self) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """One JSON object a line."""

    def __init__(self, file: TextTarget) -> None:
        self._file = file
        self.name = name_of(file)

    def put(self, prediction: Prediction) -> None:
        self._file.write(prediction.to_json_line() + "\n")
        self._file.flush()

    def discard(self) -> None:
        return

    def close(self) -> None:
        self._file.close()


class Csv:
    """One row a prediction; the file has its header."""

    def __init__(self, file: TextTarget) -> None:
        self._file = file
        self.name = name_of(file)
        self._writer = csv.writer(file, lineterminator="\n")

    def put(self, prediction: Prediction) -> None:
        self._writer.writerow(prediction.csv_row())
        self._file.flush()

    def discard(self) -> None:
        return

    def close(self) -> None:
        self._file.close()


class Lines:
    """One readable line a prediction, for a terminal. Times count from the first one."""

    name = StandardOutput.name

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._start_s: float | None = None

    def put(self, prediction: Prediction) -> None:
        if self._start_s is None:
            self._start_s = prediction.time_s
        best = max(prediction.smoothed, key=lambda label: prediction.smoothed[label])
        named = prediction.emotion or f"({best})"
        parts = [
            f"{prediction.time_s - self._start_s:8.2f} s",
            f"{named:<10} {prediction.confidence:4.0%}",
            "{" + ", ".join(prediction.set) + "}",
            f"EEG {prediction.eeg_coverage:4.0%}  gaze {prediction.gaze_coverage:4.0%}",
        ]
        notes = [prediction.abstain or "", "" if prediction.settled else "settling", "waited" * prediction.forced]
        self._write("  ".join([*parts, *(note for note in notes if note)]))

    def discard(self) -> None:
        return

    def close(self) -> None:
        return


class _Replaced:
    """A text file that takes its name when it is closed, so that a failed run leaves no half-written result."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(f".{path.name}.partial")
        with _clear_errors(path):
            self.file: IO[str] = open(  # noqa: SIM115 - it is closed with the sink
                self.partial, "w", encoding="utf-8", newline="", opener=owner_only
            )


def open_output(
    path: Path, labels: Sequence[str], *, replace: bool, goes_on: bool = False, ratings: Sequence[str] = ()
) -> PredictionSink:
    """A sink for a path that ends in .jsonl or .csv. ratings: those that the model was fitted on.

    replace: write beside it and take its place on close (a replay can be done again); otherwise an existing file is
    refused and every line is there at once (a live session cannot be done again). goes_on: the file is there already,
    of the same session; a line that was cut off is taken out of it.
    """
    if path.suffix not in (".jsonl", ".csv"):
        raise RtemoError(
            "the kind of output is not known", f"found {path.name!r}", "name a file that ends in .jsonl or .csv"
        )
    with _clear_errors(path):
        if path.is_dir():
            raise RtemoError("the output is a folder", f"found {path}", "name a file")
    head = _table_head(labels, ratings) if path.suffix == ".csv" else ""
    kind = Csv if path.suffix == ".csv" else JsonLines
    if not replace:
        return kind(LineFile(path, head, goes_on=goes_on))
    target = _Replaced(path)
    target.file.write(head)
    return _Renaming(kind(target.file), target)


class _Renaming:
    """A sink that moves its file into place when it is closed."""

    def __init__(self, sink: PredictionSink, target: _Replaced) -> None:
        self._sink, self._target = sink, target

    def put(self, prediction: Prediction) -> None:
        with _clear_errors(self._target.path):
            self._sink.put(prediction)

    def discard(self) -> None:
        with contextlib.suppress(OSError):  # it is worth nothing anyway
            self._sink.close()
        self._target.partial.unlink(missing_ok=True)

    def close(self) -> None:
        with _clear_errors(self._target.path):
            self._sink.close()
            if self._target.partial.exists():
                self._target.partial.replace(self._target.path)


def _table_head(labels: Sequence[str], ratings: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(csv_header(labels, ratings))
    return line.getvalue()


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name with NUL or half a character
        found = getattr(error, "strerror", None) or str(error)
        raise RtemoError(f"{path!s:.300} cannot be written", found, "name another file") from error
