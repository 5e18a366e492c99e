"""Arrays with times, and an mne.io.Raw, as a recording: written into an XDF file and read as any other.

So there is one road to a prediction, and these go it too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Channel, Chunk, ClockOffset, Modality, StreamInfo
from rtemo.sources.xdf.writer import XdfWriter

BLOCK = 256  # samples a chunk
_TYPES = {Modality.EEG: "EEG", Modality.GAZE: "Gaze"}
_EYES = {-1.0: "left", 1.0: "right"}
_SKIP = "bad_acq_skip"


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """Samples with times. times (n,): seconds, increasing, on one clock with all other signals. values (n, channels).

    labels: for EEG electrodes, such as Fp1; for gaze columns as devices/README.md names them, such as left_x, left_y,
    right_x, right_y, left_pupil, right_pupil. unit: EEG "microvolts", "volts", ...; gaze "normalized" or "pixels";
    empty where the values shall decide. pupil_unit: such as "mm". rate_hz: as stated by the device; None: unknown.
    """

    times: ArrayLike
    values: ArrayLike
    labels: Sequence[str]
    unit: str = ""
    pupil_unit: str = ""
    rate_hz: float | None = None

    def arrays(self, what: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Times and values. Raises RtemoError where they are no numbers, do not fit, or where time goes back."""
        try:
            times, values = np.asarray(self.times, np.float64), np.asarray(self.values, np.float64)
        except (TypeError, ValueError) as error:
            raise RtemoError(f"the arrays of {what} are no numbers", str(error), "give arrays of numbers") from error
        if not all(isinstance(label, str) for label in self.labels):
            raise RtemoError(f"the labels of {what} are no texts", f"{list(self.labels)[:3]}", 'give names: "Fp1"')
        if times.ndim != 1 or values.shape != (len(times), len(self.labels)) or not len(times):
            raise RtemoError(
                f"the arrays of {what} do not fit each other",
                f"times {times.shape}, values {values.shape}, {len(self.labels)} labels",
                "give times (n,) and values (n, channels), one label a channel",
            )
        if not np.isfinite(times).all() or (np.diff(times) < 0).any():
            wrong = int(np.flatnonzero(~np.isfinite(times) | (np.diff(times, prepend=-np.inf) < 0))[0])
            found = f"time {wrong} is {times[wrong]:.10g}" + (f", after {times[wrong - 1]:.10g}" if wrong else "")
            raise RtemoError(
                f"the times of {what} do not increase", found, "sort the samples, and leave out those without"
            )
        return times, values


Markers = Sequence[tuple[float, str]]


def write_arrays(path: Path, eeg: Signal | None, gaze: Signal | None, markers: Markers = ()) -> None:
    """An XDF file of these signals. markers: (time_s, text). Raises RtemoError where there is no signal."""
    signals = {Modality.EEG: eeg, Modality.GAZE: gaze}
    if eeg is None and gaze is None:
        raise RtemoError("there is neither EEG nor gaze", "", "give one of them")
    chunks: list[tuple[float, Chunk]] = []
    marks = _marks(markers)
    infos = []
    for modality, signal in signals.items():
        if signal is not None:
            if not isinstance(signal, Signal):
                raise RtemoError(f"this is no {modality.value}", f"a {type(signal).__name__}", "give a rtemo.Signal")
            times, values = signal.arrays(modality.value)
            infos.append(_info(modality, signal))
            for k in range(0, len(times), BLOCK):
                part = Chunk(modality.value, times[k : k + BLOCK], values[k : k + BLOCK])
                chunks.append((float(part.stamps[-1]), part))
    if marks:
        infos.append(StreamInfo("markers", "Markers", "Markers", STRING_FORMAT, 0.0, (Channel("marker"),), "arrays"))
        for time_s, text in marks:
            row = np.array([[text]], dtype=object)
            chunks.append((time_s, Chunk("markers", np.array([time_s], np.float64), row)))
    first_s = min(float(chunk.stamps[0]) for _, chunk in chunks)
    with XdfWriter(path) as writer:
        for info in infos:
            writer.add_stream(info)
            writer.write_offset(ClockOffset(info.stream_id, first_s, 0.0))  # they share one clock
        for _, chunk in sorted(chunks, key=lambda one: one[0]):
            writer.write_chunk(chunk)


def _marks(markers: Markers) -> list[tuple[float, str]]:
    try:
        found = [(float(time_s), str(text)) for time_s, text in markers]
    except (TypeError, ValueError) as error:
        raise RtemoError("the markers are no times with texts", str(error), "give a list of (time_s, text)") from error
    if wrong := [text for time_s, text in found if not math.isfinite(time_s)]:
        raise RtemoError("a marker has no time", f"{wrong[0]!r}", "give a list of (time_s, text)")
    return found


def _info(modality: Modality, signal: Signal) -> StreamInfo:
    channels = tuple(_channel(modality, label, signal) for label in signal.labels)
    name = _TYPES[modality]
    return StreamInfo(modality.value, name, name, "double64", signal.rate_hz or 0.0, channels, "arrays")


def _channel(modality: Modality, label: str, signal: Signal) -> Channel:
    if modality is Modality.EEG:
        return Channel(label, "EEG", signal.unit)
    pupil = "pupil" in label.casefold()
    return Channel(label, "", signal.pupil_unit if pupil else signal.unit)


def signals_of_raw(raw: Any) -> tuple[Signal | None, Signal | None, list[tuple[float, str]]]:
    """EEG, gaze and markers of an mne.io.Raw: its channels of type eeg, eyegaze and pupil, and its annotations.

    Annotated as BAD_ACQ_SKIP: a gap. Times are those of the file, raw.first_time included.
    """
    times = np.asarray(raw.times, np.float64) + float(raw.first_time)
    kept = np.ones(len(times), bool)
    markers = []
    zero_s = float(raw.first_time) if raw.annotations.orig_time is None else 0.0
    for onset, duration, text in zip(
        raw.annotations.onset, raw.annotations.duration, raw.annotations.description, strict=True
    ):
        begin_s = zero_s + float(onset)
        if str(text).casefold() == _SKIP:
            kept &= (times < begin_s - 1e-9) | (times >= begin_s + float(duration) - 1e-9)
        else:
            markers.append((begin_s, str(text)))
    kinds = raw.get_channel_types()
    rate_hz = float(raw.info["sfreq"])
    eeg = [name for name, kind in zip(raw.ch_names, kinds, strict=True) if kind == "eeg"]
    eyes = [name for name, kind in zip(raw.ch_names, kinds, strict=True) if kind in ("eyegaze", "pupil")]
    signals: list[Signal | None] = []
    if eeg:
        microvolts = 1e6 * raw.get_data(picks=eeg).T[kept]
        signals.append(Signal(times[kept], microvolts, eeg, "microvolts", rate_hz=rate_hz))
    else:
        signals.append(None)
    signals.append(_eyes(raw, eyes, times[kept], kept, rate_hz) if eyes else None)
    return signals[0], signals[1], sorted(markers)


def _eyes(raw: Any, names: list[str], times: NDArray[np.float64], kept: NDArray[np.bool_], rate_hz: float) -> Signal:
    """Gaze and pupils. MNE keeps which eye and axis a channel is in its `loc`, and its unit."""
    labels = []
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    for name in names:
        place = raw.info["chs"][raw.ch_names.index(name)]["loc"]
        eye = _EYES.get(float(place[3]), "both")
        axis = "pupil" if kinds[name] == "pupil" else ("x" if float(place[4]) < 0 else "y")
        labels.append(f"{eye}_{axis}" if axis != "pupil" else f"{eye}_pupil")
    values = raw.get_data(picks=names).T[kept]
    return Signal(times, values, labels, rate_hz=rate_hz)
