"""Units of EEG and gaze values: what a stream says, and whether its amplitudes can be true.

Streams state units in any spelling, wrongly, or not at all. Everything here is a pure function of the values given:
the same block gives the same answer, and no state is kept. Who decides, and on which block, is the pipeline's matter.
"""

from __future__ import annotations

import re
import unicodedata

import numpy as np
from numpy.typing import ArrayLike, NDArray

UNKNOWN = float("nan")

_PREFIXES = {"": 1e6, "m": 1e3, "u": 1.0, "n": 1e-3, "p": 1e-6}
_WORDS = {"volt": "v", "volts": "v", "milli": "m", "micro": "u", "nano": "n", "pico": "p"}
_UNIT = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)?(milli|micro|nano|pico|[munp])?(volts|volt|v)(?:_?rms)?")

# MICRO SIGN and GREEK MU; their UTF-8 bytes read as latin-1, once and twice; what a strict reader puts for the bare
# latin-1 byte; the byte escaped; HTML.
_MICRO = (
    "\u00c3\u201a\u00c2\u00b5",
    "\u00c2\u00b5",
    "\u00ce\u00bc",
    "\u00b5",
    "\u03bc",
    "\ufffd",
    "\\xb5",
    "&#181;",
    "&micro;",
)

_TYPICAL_UV = 10.0  # spread of EEG within one second; half of a thousand-fold step either side is 0.3 to 300
_LOUDEST_UV = 2000.0  # stated microvolts are believed up to here: open electrodes do reach millivolts
_QUIETEST_UV = 0.02  # and down to here: a shorted input gives tenths of a microvolt
_STEPS = (1e-9, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e9)
_MIN_SAMPLES = 16
_RAILED_SHARE = 0.5


def microvolts_per(unit: str) -> float:
    """Factor from the unit to microvolts, for any spelling met in the wild; NaN where it is none or counts.

    "microvolts", "uV", "µV" in both code points and read as latin-1 or UTF-8 wrongly, "V", "mV", "nanovolt", "0.1uV".
    """
    match = _UNIT.fullmatch(_plain(unit))
    if match is None:
        return UNKNOWN
    number, prefix, _ = match.groups()
    prefix = _WORDS.get(prefix or "", prefix or "")
    return float(number or 1.0) * _PREFIXES[prefix]


def _plain(unit: str) -> str:
    """Lower case ASCII without blanks or brackets; every micro sign, also a wrongly decoded one, becomes u."""
    text = unit.strip()
    if text in ("M", "MV"):  # not milli
        return ""
    for sign in _MICRO:
        text = text.replace(sign, "u")
    text = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s\-()\[\]]+", "", text)


def spread(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Size of the fluctuation of each column of (n, C): median |x - line|, NaN where a column tells nothing.

    The line is fitted robustly, so an offset of millivolts, drift, or a few spikes do not count. A column tells nothing
    when it is flat, stuck at one value or at a rail for half of the time, or has fewer than 16 finite values.
    """
    block = np.asarray(values, np.float64)
    return np.array([_spread(column) for column in block.T], np.float64)


def _spread(column: NDArray[np.float64]) -> float:
    given = column[np.isfinite(column)]
    if len(given) < _MIN_SAMPLES:
        return UNKNOWN
    low, high = given.min(), given.max()
    if low == high or max(np.mean(given == low), np.mean(given == high)) >= _RAILED_SHARE:
        return UNKNOWN
    half = len(given) // 2
    slope = np.median(given[half : 2 * half] - given[:half]) / half
    level = given - slope * np.arange(len(given))
    found = float(np.median(np.abs(level - np.median(level))))
    return found if found > 0 else UNKNOWN


def plausible_scale(values: NDArray[np.generic], declared: ArrayLike) -> tuple[NDArray[np.float64], str | None]:
    """Factor to microvolts per column of a block (n, C) of one second or a few, and why it is not as declared.

    declared: factor to microvolts, one or (C,); NaN where the stream states no unit. One amplifier has one unit, so all
    channels are corrected by one power of a thousand: where a unit is stated, only if the amplitudes cannot be EEG
    (below 0.02 uV in the median channel, or above 2000 uV even in the quietest quarter); where none is, to the power
    that comes nearest to 10 uV. A column without information decides nothing. If none has any, the declared factors
    come back (NaN stays NaN: ask again with later values).
    """
    factors = np.broadcast_to(np.asarray(declared, np.float64), (np.asarray(values).shape[1],)).copy()
    sizes = spread(values)
    stated = sizes * factors
    if np.isfinite(stated).any():
        step = _correction(stated[np.isfinite(stated)])
        factors *= step
    else:
        step = 1.0
    missing = np.isnan(factors)
    if missing.any() and np.isfinite(sizes[missing]).any():
        guess = _nearest_step(float(np.nanmedian(sizes[missing])))
        factors[missing] = guess
        return factors, f"no unit stated; the amplitudes are taken as {_unit_of(guess)}"
    if step != 1.0:
        found = float(np.nanmedian(stated))
        taken = _unit_of(float(factors[0]))
        return factors, f"the stated unit gives {found:.2g} uV, which is no EEG; the values are taken as {taken}"
    return factors, None


def _correction(sizes_uv: NDArray[np.float64]) -> float:
    """The power of a thousand that makes stated amplitudes plausible; 1 where they are."""
    if np.median(sizes_uv) < _QUIETEST_UV:
        return _nearest_step(float(np.median(sizes_uv)))
    if np.quantile(sizes_uv, 0.25) > _LOUDEST_UV:
        return _nearest_step(float(np.quantile(sizes_uv, 0.25)))
    return 1.0


def _nearest_step(size: float) -> float:
    return min(_STEPS, key=lambda step: abs(np.log10(size * step / _TYPICAL_UV)))


def _unit_of(factor: float) -> str:
    named = {1.0: "uV", 1e3: "mV", 1e6: "V", 1e-3: "nV", 1e-6: "pV", 1e-9: "fV", 1e9: "kV"}
    near = [unit for value, unit in named.items() if np.isclose(factor, value)]
    return near[0] if near else f"multiples of {factor:.3g} uV"
