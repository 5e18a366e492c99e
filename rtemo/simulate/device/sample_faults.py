"""Sample faults of electrodes, amplifier and eye tracker, applied second by second in the order they are listed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.core.types import FloatArray, TimeArray
from rtemo.simulate.device.faults import Fault
from rtemo.simulate.eeg.scalp_eeg import mains
from rtemo.simulate.noise import OverlapAdd, bins_hz, draw, to_time
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.seeds import generator

EMG_BAND_HZ, LOOSE_BAND_HZ, LOOSE_EXPONENT = (20.0, 200.0), (0.5, 40.0), 2.0
LOOSE_HUM_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault with its channels resolved: columns of the values, and the keys of its own random numbers."""

    fault: Fault
    columns: NDArray[np.intp]
    key: tuple[int | str, ...]


def strike(plan: SimulationPlan, stream: str, labels: Sequence[str]) -> list[Struck]:
    """The plan's faults of one stream; RtemoError names channels that the stream does not have."""
    found = []
    for position, fault in enumerate(plan.faults):
        if fault.stream == stream:
            if fault.start_s >= plan.duration_s:
                raise RtemoError(
                    f"a fault of kind {fault.kind} never happens",
                    f"it starts at {fault.start_s:g} s, the session ends at {plan.duration_s:g} s",
                    "start it earlier",
                )
            key = (plan.person_seed, plan.session_seed, "fault", position)
            found.append(Struck(fault, _columns(fault, labels, key), key))
    return found


def _columns(fault: Fault, labels: Sequence[str], key: tuple[int | str, ...]) -> NDArray[np.intp]:
    if fault.n_channels > len(labels):
        found = f"{fault.kind} asks for {fault.n_channels} of {len(labels)}"
        raise RtemoError("a fault asks for more channels than the stream has", found, "ask for fewer")
    if fault.n_channels:
        return np.sort(generator(*key, "channels").permutation(len(labels))[: fault.n_channels]).astype(np.intp)
    places = {label.lower(): column for column, label in enumerate(labels)}
    if unknown := [name for name in fault.channels if name.lower() not in places]:
        found = f"{fault.kind} names {', '.join(unknown)}"
        raise RtemoError("a fault names channels that the stream does not have", found, f"it has {', '.join(labels)}")
    named = [places[name.lower()] for name in fault.channels] or list(range(len(labels)))
    return np.array(named, dtype=np.intp)


class SampleFaults:
    """`apply` changes one second of samples in place. values are (n, C) in the stream's units, before any is lost."""

    def __init__(self, struck: Sequence[Struck], rate_hz: float) -> None:
        self._makers = [(s, _CHANGES[s.fault.kind](s, rate_hz)) for s in struck if s.fault.kind in _CHANGES]

    def apply(self, number: int, times: TimeArray, values: FloatArray) -> None:
        for struck, change in self._makers:
            first, last = np.searchsorted(times, (struck.fault.start_s, struck.fault.stop_s))
            if first < last:
                part = values[first:last, struck.columns]
                values[first:last, struck.columns] = change(number, times, part, slice(first, last))


Change = Callable[[int, TimeArray, FloatArray, slice], NDArray[np.floating]]
"""(second, its times, the fault's samples and channels, which of the second's samples they are) -> new samples."""


def _line_noise(struck: Struck, rate_hz: float) -> Change:
    del rate_hz
    fault, rng = struck.fault, generator(*struck.key)
    spread = 0.2 * rng.standard_normal(len(struck.columns)) + 0.3j * rng.standard_normal(len(struck.columns))
    strength = fault["amplitude_uv"] * np.exp(spread).astype(np.complex128)
    return lambda _n, times, part, which: part + mains(times, strength, fault["frequency_hz"])[which]


def _pop(struck: Struck, rate_hz: float) -> Change:
    del rate_hz
    fault = struck.fault

    def change(_number: int, times: TimeArray, part: FloatArray, which: slice) -> NDArray[np.floating]:
        since = (times[which] - fault.start_s) % fault["every_s"]
        sign = 1.0 - 2.0 * (np.floor((times[which] - fault.start_s) / fault["every_s"]) % 2)
        return part + (fault["amplitude_uv"] * sign * np.exp(-since / fault["decay_s"]))[:, None]

    return change


def _drift(struck: Struck, rate_hz: float) -> Change:
    del rate_hz
    fault = struck.fault
    return lambda _n, times, part, which: part + fault["slope_uv_s"] * (times[which] - fault.start_s)[:, None]


def _flat(struck: Struck, rate_hz: float) -> Change:
    del rate_hz
    level = struck.fault["level_uv"]
    return lambda _n, _times, part, _which: np.full_like(part, level)


def _railed(struck: Struck, rate_hz: float) -> Change:
    del rate_hz
    sides = struck.fault["rail_uv"] * generator(*struck.key).choice([-1.0, 1.0], len(struck.columns))
    return lambda _n, _times, part, _which: np.broadcast_to(sides, part.shape)


def _bridged(struck: Struck, rate_hz: float) -> Change:
    del struck, rate_hz
    return lambda _n, _times, part, _which: np.broadcast_to(part.mean(axis=1, keepdims=True), part.shape)


def _swapped(struck: Struck, rate_hz: float) -> Change:
    del struck, rate_hz
    return lambda _n, _times, part, _which: part[:, ::-1]


def _wrong_unit(struck: Struck, rate_hz: float) -> Change:
    del rate_hz
    factor = struck.fault["factor"]
    return lambda _n, _times, part, _which: part * factor


def _nan(struck: Struck, rate_hz: float) -> Change:
    del rate_hz

    def change(number: int, times: TimeArray, part: FloatArray, which: slice) -> NDArray[np.floating]:
        lost = generator(*struck.key, number).random(len(times))[which] < struck.fault["share"]
        return np.where(lost[:, None], np.float32(np.nan), part)

    return change


def _tracking_lost(struck: Struck, rate_hz: float) -> Change:
    del struck, rate_hz
    return lambda _n, _times, part, _which: np.full_like(part, np.nan)


def _emg(struck: Struck, rate_hz: float) -> Change:
    noise = _noise(struck, rate_hz, EMG_BAND_HZ, 0.0)
    return lambda number, _times, part, which: part + noise.second(number)[which]


def _loose(struck: Struck, rate_hz: float) -> Change:
    """The contact's own noise instead of most of the signal, and the mains that a high impedance picks up."""
    noise = _noise(struck, rate_hz, LOOSE_BAND_HZ, LOOSE_EXPONENT)
    hum = np.full(len(struck.columns), LOOSE_HUM_SHARE * struck.fault["rms_uv"], dtype=np.complex128)
    return lambda number, times, part, which: 0.3 * part + noise.second(number)[which] + mains(times, hum, 50.0)[which]


def _noise(struck: Struck, rate_hz: float, band_hz: tuple[float, float], exponent: float) -> OverlapAdd:
    """Noise of 1/f**exponent in a band, `rms_uv` strong, another one in each channel."""
    rate = int(rate_hz)
    bins = bins_hz(band_hz[1], rate)
    density = np.where(bins < band_hz[0], 0.0, bins ** (-exponent / 2))
    density = (struck.fault["rms_uv"] * density / np.sqrt((density**2).sum() * 0.5)).astype(np.float32)

    def frame(number: int) -> FloatArray:
        spectra = draw(generator(*struck.key, number), len(bins), len(struck.columns))
        spectra *= density[:, None, None]
        return to_time(spectra, rate)

    return OverlapAdd(rate, frame)


_CHANGES: dict[str, Callable[[Struck, float], Change]] = {
    "line_noise": _line_noise,
    "pop": _pop,
    "drift": _drift,
    "flat": _flat,
    "bridged": _bridged,
    "loose": _loose,
    "swapped": _swapped,
    "railed": _railed,
    "emg": _emg,
    "wrong_unit": _wrong_unit,
    "nan": _nan,
    "tracking_lost": _tracking_lost,
}
SAMPLE_KINDS = frozenset(_CHANGES)  # the other kinds are done in `transport`
