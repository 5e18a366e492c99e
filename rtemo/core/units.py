"""Units of EEG values: their many spellings, and whether the amplitudes are plausible in them.

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
_LINE_SHARE = 0.6  # of the power in one spectral line: an open electrode that picks up the mains


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
    """Size of the fluctuation of each column of (n, C): median |x - line|, NaN where a column has no information.

    The line is fitted robustly, so an offset of millivolts, drift, or a few spikes do not count. A column has none
    when it has one value for half of the time (flat, railed), or fewer than 16 finite values.
    """
    block = np.asarray(values, np.float64)
    return np.array([_spread(column) for column in block.T], np.float64)


def _spread(column: NDArray[np.float64]) -> float:
    given = column[np.isfinite(column)]
    if len(given) < _MIN_SAMPLES:
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
    that comes nearest to 10 uV. Open electrodes are loud too, but what they pick up is the mains: loud channels that
    hold little but one spectral line are left as declared. A column without information decides nothing; if none has
    any, the declared factors come back (NaN stays NaN: these values decide nothing).
    """
    block = np.asarray(values, np.float64)
    factors = np.broadcast_to(np.asarray(declared, np.float64), (block.shape[1],)).copy()
    sizes = spread(block)
    stated = sizes * factors
    known, unknown = np.isfinite(stated), np.isnan(factors) & np.isfinite(sizes)
    if known.any():
        step = _correction(stated[known], block[:, known])
        if step != 1.0:
            factors *= step
            taken = _unit_of(float(factors[known][0]))
            found = float(np.median(stated[known]))
            reason = f"the stated unit gives {found:.2g} uV, which is no EEG; the values are taken as {taken}"
            return factors, reason
    if unknown.any():
        guess = _nearest_step(float(np.median(sizes[unknown])))
        if guess < 1.0 and _mostly_lines(block[:, unknown]):
            guess = 1.0
        factors[np.isnan(factors)] = guess
        return factors, f"no unit stated; the amplitudes are taken as {_unit_of(guess)}"
    return factors, None


def _correction(sizes_uv: NDArray[np.float64], block: NDArray[np.float64]) -> float:
    """The power of a thousand that makes stated amplitudes (C,) of a block (n, C) plausible; 1 where they are."""
    if np.median(sizes_uv) < _QUIETEST_UV:
        return _nearest_step(float(np.median(sizes_uv)))
    quiet = float(np.quantile(sizes_uv, 0.25))
    return _nearest_step(quiet) if quiet > _LOUDEST_UV and not _mostly_lines(block) else 1.0


def _nearest_step(size: float) -> float:
    return min(_STEPS, key=lambda step: abs(np.log10(size * step / _TYPICAL_UV)))


def _mostly_lines(block: NDArray[np.float64]) -> bool:
    return float(np.median([_line_share(column) for column in block.T])) >= _LINE_SHARE


def _line_share(column: NDArray[np.float64]) -> float:
    """Share of the power in the strongest line of a column's spectrum (a Hann window spreads it over three bins)."""
    given = column[np.isfinite(column)]
    drift = np.polynomial.polynomial.polyfit(np.arange(len(given)), given, 1)
    level = given - np.polynomial.polynomial.polyval(np.arange(len(given)), drift)
    power = np.abs(np.fft.rfft(level * np.hanning(len(level)))) ** 2
    peak = int(power.argmax())
    return float(power[max(peak - 1, 0) : peak + 2].sum() / power.sum())


def _unit_of(factor: float) -> str:
    named = {1.0: "uV", 1e3: "mV", 1e6: "V", 1e-3: "nV", 1e-6: "pV", 1e-9: "fV", 1e9: "kV"}
    near = [unit for value, unit in named.items() if np.isclose(factor, value)]
    return near[0] if near else f"multiples of {factor:.3g} uV"
