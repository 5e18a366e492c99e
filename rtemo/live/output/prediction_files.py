"""Where predictions go besides the network: JSON lines, CSV, a terminal. Each is given every prediction in order."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Protocol

from rtemo.core.errors import RtemoError
from rtemo.model.prediction import Prediction, csv_header

MAX_LINE = 1 << 16


class PredictionSink(Protocol):
    """Takes predictions until it is closed. `discard`: the result is worth nothing, the run failed."""

    def put(self, prediction: Prediction) -> None: ...

    def discard(self) -> None: ...

    def close(self) -> None: ...


class JsonLines:
    """One JSON object a line."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def put(self, prediction: Prediction) -> None:
        self._file.write(prediction.to_json_line() + "\n")
        self._file.flush()

    def discard(self) -> None:
        return

    def close(self) -> None:
        if self._file is not sys.stdout:
            self._file.close()


class Csv:
    """A header and one row a prediction."""

    def __init__(self, file: IO[str], labels: Sequence[str], *, header: bool = True) -> None:
        self._file = file
        self._writer = csv.writer(file, lineterminator="\n")
        if header:
            self._writer.writerow(csv_header(labels))

    def put(self, prediction: Prediction) -> None:
        self._writer.writerow(prediction.csv_row())
        self._file.flush()

    def discard(self) -> None:
        return

    def close(self) -> None:
        self._file.close()


class Lines:
    """One readable line a prediction, for a terminal. Times count from the first one."""

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
        self.file = _open(self.partial, "w")


def open_output(path: Path, labels: Sequence[str], *, replace: bool, goes_on: bool = False) -> PredictionSink:
    """A sink for a path that ends in .jsonl or .csv.

    replace: write beside it and take its place on close (a replay can be done again); otherwise an existing file is
    refused and every line is there at once (a live session cannot be done again). goes_on: the file is there already,
    of the same session; a line that was cut off is taken out of it.
    """
    if path.suffix not in (".jsonl", ".csv"):
        raise RtemoError(
            "the kind of output is not known", f"found {path.name!r}", "name a file that ends in .jsonl or .csv"
        )
    if path.is_dir():
        raise RtemoError("the output is a folder", f"found {path}", "name a file")
    target = _Replaced(path) if replace else None
    has_lines = goes_on and _drop_cut_line(path)
    file = target.file if target else _open(path, "a" if goes_on else "x")
    sink: PredictionSink = Csv(file, labels, header=not has_lines) if path.suffix == ".csv" else JsonLines(file)
    return _Renaming(sink, target) if target else sink


class _Renaming:
    """A sink that moves its file into place when it is closed."""

    def __init__(self, sink: PredictionSink, target: _Replaced) -> None:
        self._sink, self._target = sink, target

    def put(self, prediction: Prediction) -> None:
        self._sink.put(prediction)

    def discard(self) -> None:
        self._sink.close()
        self._target.partial.unlink(missing_ok=True)

    def close(self) -> None:
        self._sink.close()
        if self._target.partial.exists():
            self._target.partial.replace(self._target.path)


def _drop_cut_line(path: Path) -> bool:
    """Shorten a file to its last whole line. Returns whether it has one."""
    try:
        with path.open("r+b") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MAX_LINE))
            end = file.read().rfind(b"\n") + 1 + max(0, size - MAX_LINE)
            file.truncate(end)
            return end > 0
    except OSError:
        return False


def _open(path: Path, mode: str) -> IO[str]:
    try:
        return path.open(mode, encoding="utf-8", newline="")
    except FileExistsError as error:
        raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file") from error
    except OSError as error:
        raise RtemoError(f"{path} cannot be written", error.strerror or str(error), "name another file") from error
