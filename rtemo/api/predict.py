"""Predictions from a recording, an mne.io.Raw or arrays with times."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

from rtemo.api.arrays import Signal, signals_of_raw, write_arrays
from rtemo.api.model import LoadedModel, PathLike, as_model
from rtemo.api.prediction_table import PredictionTable
from rtemo.api.recording import RecordingFile, open_recording
from rtemo.core.errors import RtemoError
from rtemo.sources.session_settings import SessionSettings


def predict(
    what: PathLike | RecordingFile | Any = None,
    *,
    model: LoadedModel | PathLike | None = None,
    eeg: str | Signal | None = None,
    gaze: str | Signal | None = None,
    markers: Sequence[tuple[float, str]] = (),
    settings: PathLike | SessionSettings | None = None,
    baseline: PathLike | None = None,
    start: float | None = None,
    stop: float | None = None,
    participant: str = "",
) -> PredictionTable:
    """Predict emotions from an XDF file, an mne.io.Raw, or arrays: rtemo.predict(eeg=Signal(...), gaze=Signal(...)).

    What comes back is a PredictionTable with the records of `rtemo replay`: `.table()` gives a pandas.DataFrame.
    model: from `load`, or a bundle's folder; None: the demonstration model. eeg, gaze: of a file which streams to take;
    else the samples. markers: (time_s, text), beside arrays. The other options are those of `open_recording`.
    Raises RtemoError where there is no signal that can be used.
    """
    used = as_model(model)
    opened = {"settings": settings, "baseline": baseline, "start": start, "stop": stop, "participant": participant}
    if isinstance(what, RecordingFile):
        _refuse("the recording was opened already", {"eeg": eeg, "gaze": gaze, "markers": markers, **opened})
        return what.predict(used)
    if isinstance(what, Path | str):
        if isinstance(eeg, Signal) or isinstance(gaze, Signal):
            raise RtemoError("there are two sources of samples", f"{what} and arrays", "give one of them")
        _refuse("a file has markers of its own", {"markers": markers})
        recording = open_recording(
            what,
            eeg=eeg,
            gaze=gaze,
            settings=settings,
            baseline=baseline,
            start=start,
            stop=stop,
            participant=participant,
        )
        return recording.predict(used)
    if what is not None:
        if not hasattr(what, "get_channel_types") or not hasattr(what, "first_time"):
            todo = "give the path of an XDF file, an mne.io.Raw, or eeg=Signal(...) and gaze=Signal(...)"
            raise RtemoError("this is nothing to predict from", f"it is a {type(what).__name__}", todo)
        _refuse("an mne.io.Raw has signals and annotations of its own", {"eeg": eeg, "gaze": gaze, "markers": markers})
        eeg, gaze, markers = signals_of_raw(what)
    _refuse("nobody is told apart in arrays", {"participant": participant})
    if isinstance(eeg, str) or isinstance(gaze, str):
        raise RtemoError("there is no file whose streams could be chosen", "", "give the path of an XDF file first")
    with tempfile.TemporaryDirectory(prefix="rtemo-") as folder:
        path = Path(folder) / "arrays.xdf"
        write_arrays(path, eeg, gaze, markers)
        recording = open_recording(path, settings=settings, baseline=baseline, start=start, stop=stop)
        return recording.predict(used)


def _refuse(why: str, options: Mapping[str, object]) -> None:
    """Refuse options that would be passed over."""
    empty = [name for name, value in options.items() if value is None or (isinstance(value, Sized) and not len(value))]
    given = [name for name in options if name not in empty]
    if given:
        raise RtemoError(why, f"{', '.join(given)} would be passed over", "leave it out, or see rtemo.open_recording")
