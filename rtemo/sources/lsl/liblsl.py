"""Loads liblsl through pylsl, with an error that a user can act on, and wraps the one function that pylsl does not."""

from __future__ import annotations

import ctypes

from rtemo.core.errors import RtemoError
from rtemo.sources.lsl.times.clock_offsets import Measurement

try:
    import pylsl
    from pylsl.lib import lib
except (ImportError, RuntimeError, OSError) as error:
    raise RtemoError(
        "the Lab Streaming Layer library cannot be loaded",
        str(error).partition("\n")[0],
        "install pylsl 1.18.6 or newer, or set PYLSL_LIB to a liblsl for this computer",
    ) from error

__all__ = ["local_clock", "measure_clock", "pylsl"]

lib.lsl_time_correction_ex.restype = ctypes.c_double
_QUICK = ctypes.PyDLL(lib._name)  # for what takes less time than letting other threads run meanwhile
_QUICK.lsl_local_clock.restype = ctypes.c_double


def local_clock() -> float:
    """Now, in LSL time: the seconds of this computer's steady clock."""
    return float(_QUICK.lsl_local_clock())


def measure_clock(inlet: pylsl.StreamInlet) -> Measurement | None:
    """The latest measurement of the sender's clock. Never waits; the first call starts the measuring.

    None while there is none. It measures anew every 2 s, in a thread of its own, as long as the sender answers.
    """
    time_s, uncertainty_s, failed = ctypes.c_double(), ctypes.c_double(), ctypes.c_int()
    offset_s: float = lib.lsl_time_correction_ex(
        inlet.obj, ctypes.byref(time_s), ctypes.byref(uncertainty_s), ctypes.c_double(0.0), ctypes.byref(failed)
    )
    if failed.value:
        return None
    return Measurement(time_s.value, offset_s, uncertainty_s.value)
