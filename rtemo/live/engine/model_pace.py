"""Pace of a session: whether windows are decided as fast as they end, reported when that changes."""

from __future__ import annotations

from collections import deque

import numpy as np

WINDOWS = 40  # that the time of one is judged by
FEWEST, LONG_S = 5, 2.0  # or as few as these, where they took so long together: of a very slow model few are ever done
_BACK = 0.8  # of the hop: it keeps up again below this


class ModelPace:
    """Fed with what each final window took, from its samples to its prediction."""

    def __init__(self, hop_s: float) -> None:
        self._hop_s = hop_s
        self._seconds: deque[float] = deque(maxlen=WINDOWS)
        self.too_slow = False

    def took(self, seconds: float, windows: int) -> str | None:
        """What to tell people now, if anything."""
        self._seconds.extend([seconds / windows] * min(windows, WINDOWS))
        typical = float(np.median(self._seconds))
        known = len(self._seconds)
        if known < WINDOWS and (known < FEWEST or sum(self._seconds) < LONG_S):
            return None
        if not self.too_slow and typical > self._hop_s:
            self.too_slow = True
            return (
                f"the model is slower than the hop: a window takes {1e3 * typical:.0f} ms, the hop is "
                f"{1e3 * self._hop_s:.0f} ms; predictions fall behind; take a longer hop (rtemo bench --model)"
            )
        if self.too_slow and typical < _BACK * self._hop_s:
            self.too_slow = False
            return f"the model keeps up again: a window takes {1e3 * typical:.0f} ms"
        return None
