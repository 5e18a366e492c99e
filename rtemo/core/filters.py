"""Digital filters: Butterworth and notch as second-order sections, and causal filtering with a state.

The designs are the textbook ones (Butterworth poles, bilinear transform with a pre-warped edge; the notch of Orfanidis,
Introduction to Signal Processing, 1996, ch. 11.3). They do the same operations in the same order as scipy.signal's, so
that coefficients and samples are the same to the last bit. scipy.signal itself would take longer to import than all the
rest together, for the statistics, optimisation and interpolation that come with it: of it only the two compiled loops
are loaded, and the whole of it where a version of SciPy keeps these elsewhere.
"""

from __future__ import annotations

import importlib
import math
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def butterworth(order: int, edge: float, kind: Literal["lowpass", "highpass"]) -> Array:
    """Sections (order / 2, 6) of an even order. edge: of the Nyquist frequency, where the gain is -3 dB."""
    wide = 4.0 * np.tan(np.pi * edge / 2.0)  # the edge of the analogue filter, at a rate of 2
    poles = -np.exp(1j * np.pi * np.arange(-order + 1, order, 2) / (2 * order))
    zero, gain = -1.0, 1.0
    if kind == "lowpass":
        poles, gain = wide * poles, float(wide**order)
    else:
        gain = float(np.real(1.0 / np.prod(-poles)))
        poles, zero = wide / poles, 1.0
    numerator = 1.0 if kind == "lowpass" else np.prod(4.0 - np.zeros(order))
    gain *= float(np.real(numerator / np.prod(4.0 - poles)))
    poles = (4.0 + poles) / (4.0 - poles)
    upper = poles[poles.imag > 0]
    lower = np.conj(poles[poles.imag < 0])
    pairs = sorted(_paired(upper, lower), key=lambda pole: abs(1.0 - abs(pole)), reverse=True)  # the sharpest one last
    sections = np.array([[*np.poly([zero, zero]), *np.poly([pole, np.conj(pole)])] for pole in pairs])
    sections[0, :3] *= gain
    return sections


def _paired(upper: NDArray[np.complex128], lower: NDArray[np.complex128]) -> list[complex]:
    """The mean of each pole above the real axis with the mirrored one below it, which rounding keeps apart."""
    up, low = (half[np.lexsort((half.imag, half.real))] for half in (upper, lower))
    return [complex(pole) for pole in (up + low) / 2.0]


def notch(frequency: float, quality: float) -> Array:
    """One section (1, 6) that takes out a frequency, as a share of the Nyquist frequency."""
    width, centre = np.pi * (frequency / quality), np.pi * frequency
    gain = 1.0 / (1.0 + math.tan(width / 2.0))  # the bandwidth is between the points of -3 dB
    zeros = np.roots([gain * value / gain for value in (1.0, -2.0 * math.cos(centre), 1.0)])
    poles = np.roots([1.0, -2.0 * gain * math.cos(centre), 2.0 * gain - 1.0])
    return np.array([[*(gain * np.poly(zeros)), *np.poly(poles)]])


def steady_state(sections: Array) -> Array:
    """States (n, 2) of the sections after a constant input of 1."""
    states = np.empty((len(sections), 2))
    level = 1.0
    for state, section in zip(states, sections, strict=True):
        b, a = section[:3], section[3:]
        state[:] = level * np.linalg.solve([[1.0 + a[1], -1.0], [a[2], 1.0]], b[1:] - a[1:] * b[0])
        level *= b.sum() / a.sum()
    return states


def group_delay_s(sections: Array, frequency_hz: float, rate_hz: float) -> float:
    """Seconds by which the envelope of a wave of this frequency comes out later; 0 without sections."""
    step = 1e-4 * frequency_hz
    turn = np.exp(-2j * np.pi * np.array([frequency_hz - step, frequency_hz + step]) / rate_hz)
    response = np.ones(2, dtype=np.complex128)
    for section in sections:
        response *= np.polyval(section[2::-1], turn) / np.polyval(section[:2:-1], turn)
    return float(-np.angle(response[1] / response[0]) / (2.0 * np.pi * 2.0 * step))


def filter_sections(sections: Array, values: Array, states: Array) -> Array:
    """Filtered values (n, C). states (C, sections, 2) go on in place."""
    filtered = np.array(values.T, order="C")
    _SECTIONS._sosfilt(sections, filtered, states)
    return filtered.T


def filter_one(b: Array, a: Array, values: Array, state: Array) -> tuple[Array, Array]:
    """Filtered values (n,) by the ratio of two polynomials, and the new state."""
    if not len(values):
        return values, state  # SciPy's loop would give memory that nobody has written as the state
    filtered, new = _RATIO._linear_filter(b, a, values, -1, state)
    return filtered, new


def _compiled(name: str) -> ModuleType:
    """A compiled module of scipy.signal, without the package around it."""
    package = find_spec("scipy")
    assert package is not None
    assert package.origin is not None
    spec = PathFinder.find_spec(name, [str(Path(package.origin).parent / "signal")])
    if spec is None or spec.loader is None:
        return importlib.import_module(f"scipy.signal.{name}")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_SECTIONS, _RATIO = _compiled("_sosfilt"), _compiled("_sigtools")
