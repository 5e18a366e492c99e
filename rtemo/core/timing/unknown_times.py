"""Intervals of a stream in which samples came whose times are not known: what a window's faults and state say of them.

Why a time is not known: the stamp is no number, the sender's clock was reset and not measured since, or the stream's
times cannot be believed (rtemo.core.types.StreamNotice). Knows times in the order of the samples and nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rtemo.core.eeg.quality import CLOCK, REASONS, ChannelFault

GAP = REASONS[ChannelFault.GAP]
MAX_SPANS = 64  # intervals that are remembered


@dataclass(frozen=True, slots=True)
class _Span:
    """From the last time that was known to the next one. distrusted: it holds samples that are not believed."""

    begin_s: float
    stop_s: float
    distrusted: bool

    def meets(self, begin_s: float, end_s: float) -> bool:
        return self.begin_s < end_s and begin_s < self.stop_s


class UnknownTimes:
    """Fed with every sample of one stream, in their order."""

    def __init__(self) -> None:
        self._last_known = -np.inf
        self._open: _Span | None = None
        self._spans: deque[_Span] = deque(maxlen=MAX_SPANS)

    def note_known(self, first_s: float, last_s: float) -> None:
        """Take in samples whose times are known: those of the first and the last one."""
        if self._open is not None:
            self._spans.append(_Span(self._open.begin_s, first_s, self._open.distrusted))
            self._open = None
        self._last_known = last_s

    def note_unknown(self, *, distrusted: bool) -> None:
        """Take in samples without a known time. distrusted: whether that is so as they are not believed."""
        since = self._last_known if self._open is None else self._open.begin_s
        was = self._open is not None and self._open.distrusted
        self._open = _Span(since, np.inf, was or distrusted)

    def begins_after(self, time_s: float) -> None:
        """What comes from now on and has no time belongs behind this one."""
        self._last_known = max(self._last_known, time_s)

    def name_faults(self, faults: Mapping[str, str], span: tuple[float, float], *, still: bool) -> dict[str, str]:
        """The faults of a window; a gap in which samples without a known time came is trouble with the sender's clock.

        span: its begin and end. still: whether an interval counts that has not ended.
        """
        if not self.meets(span, still=still):
            return dict(faults)
        return {name: CLOCK if reason == GAP else reason for name, reason in faults.items()}

    def meets(self, span: tuple[float, float], *, still: bool) -> bool:
        """Whether samples without a known time may belong into a window."""
        return any(one.meets(*span) for one in self._known(still))

    def is_distrusted(self, span: tuple[float, float], *, still: bool) -> bool:
        """Whether samples that are not believed belong into a window."""
        return any(one.distrusted and one.meets(*span) for one in self._known(still))

    def _known(self, still: bool) -> list[_Span]:  # noqa: FBT001
        return [*self._spans, *([self._open] if still and self._open is not None else [])]
