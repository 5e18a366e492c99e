"""Joins the two eyes of a tracker that sends each as a stream of its own, by time and never by row.

The first stream's samples are kept, and the second eye is where it was at their times: on the straight line between its
two samples around each, or nowhere where these lie too far apart. In holes of the first stream the second one goes on
alone. What comes out depends on the samples' times alone, not on which stream came sooner or how it was cut.

A live session does not wait for an eye whose stream is lost, and finds out a little late that it is back. So that a
replay, which waits, gives the same, an eye counts RETURN_S after its begin and after each longer hole, and where the
session stated that an eye adds nothing up to a time, the other one goes on alone up to there and waits from there on.
An eye that is silent and not lost is waited for, but only until the other one has come WAIT_S further, by the samples'
times. After a hole of about that length, or where it begins so much later than the other one, it counts LATE_RETURN_S
afterwards: until the jitter correction has measured it, a second, the other one goes on alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rtemo.core.channel_map import CANONICAL
from rtemo.core.types import TimeArray

Array = NDArray[np.float64]

LINK = 2.5  # samples of one eye that are so many periods apart have a hole between them
HOLE_S, RETURN_S = 0.25, 0.5  # a hole that may have been a loss; how late its end may be known
WAIT_S = 30.0  # as long as what was decided without a stream is decided again when its samples come late
LATE_RETURN_S = 2.0
LONG_HOLE_S = WAIT_S - LATE_RETURN_S  # so short of it the wait may be over before the end of the hole is known
_TIME, _RATE = len(CANONICAL), len(CANONICAL) + 1  # columns behind the canonical ones
FIRST, SECOND = 0, 1


class GazeRun(NamedTuple):
    """Canonical samples (n, 6) at increasing times (n,) without a hole, and how many a second there are."""

    times: TimeArray
    samples: Array
    rate_hz: float


class _Eye:
    """The samples of one eye that still matter: the last one that came out, if any, and those that wait.

    before: the same eye's, of the stream whose place this one takes.
    """

    def __init__(self, before: _Eye | None = None) -> None:
        self.rows: Array = np.empty((0, len(CANONICAL) + 2))
        self._new: list[Array] = []  # to be put behind them
        self.begin_s = np.inf  # its first sample
        self.reached_s = -np.inf  # its newest one
        self._counts_s = -np.inf  # from here on its samples count, after its last longer hole
        self.nothing_until_s = -np.inf  # up to here nothing of it is still to come
        self.awaited = False
        self.n_done = 0  # rows that have come out: none or one
        if before is not None:
            before.join()
            self.rows, self.n_done = before.rows, before.n_done
            self.nothing_until_s = before.nothing_until_s

    @property
    def known_s(self) -> float:
        """Up to here all of it is known."""
        return max(self.reached_s, self.nothing_until_s)

    def add(self, run: GazeRun, other_begin_s: float) -> None:
        """other_begin_s: where the other eye began, from where this one was awaited."""
        rows = np.empty((len(run.times), self.rows.shape[1]))
        rows[:, :_TIME], rows[:, _TIME], rows[:, _RATE] = run.samples, run.times, run.rate_hz
        holes_s = np.diff(run.times, prepend=self.reached_s)
        if self.begin_s == np.inf:
            self.begin_s = float(run.times[0])
            holes_s[0] = max(self.begin_s - other_begin_s, 2.0 * HOLE_S)
        return_s = np.where(holes_s > LONG_HOLE_S, LATE_RETURN_S, RETURN_S)
        counts_s = np.maximum.accumulate(np.where(holes_s > HOLE_S, run.times + return_s, self._counts_s))
        self._new.append(rows[run.times >= counts_s])
        self.reached_s, self._counts_s = float(run.times[-1]), float(counts_s[-1])

    def join(self) -> None:
        """Put what is new behind the rows: not for every run, as an eye may wait for the other one for long."""
        if self._new:
            new = np.concatenate(self._new)
            if len(self.rows):  # of another stream before, which may have gone on for longer
                new = new[new[:, _TIME].searchsorted(self.rows[-1, _TIME], side="right") :]
            self.rows, self._new = np.concatenate([self.rows, new]), []

    def due(self, until_s: float) -> Array:
        """The rows that come out next."""
        return self.rows[self.n_done : self.rows[:, _TIME].searchsorted(until_s, side="right")]

    def forget(self, n: int) -> None:
        """Let n more rows have come out."""
        if n:
            self.rows, self.n_done = self.rows[self.n_done + n - 1 :], 1


class EyePair:
    """Runs of either eye in, runs of both out. Each eye's own columns are NaN in the other's samples.

    An eye that is awaited holds back the other one until it has come as far, or stays WAIT_S behind: see `expect`.
    """

    def __init__(self) -> None:
        self._eyes = [_Eye(), _Eye()]
        self._joined_until_s = -np.inf  # the time of what came out last
        self._until_s = -np.inf  # up to where all is out

    def begin(self, eye: int) -> None:
        """An eye's stream begins, or another one takes its place; what waits of that one comes out in its turn."""
        self._eyes[eye] = _Eye(self._eyes[eye])

    def expect(self, eye: int, *, awaited: bool) -> None:
        """Whether the other eye waits for this one from now on."""
        self._eyes[eye].awaited = awaited

    def leave_out(self, eye: int, until_s: float) -> None:
        """Nothing that is still to come of an eye lies at or before a time."""
        one = self._eyes[eye]
        one.nothing_until_s = max(one.nothing_until_s, until_s)

    def push(self, eye: int, run: GazeRun) -> None:
        """Take in samples of one eye, later than all of this eye before."""
        self._eyes[eye].add(run, self._other(eye).begin_s)

    @property
    def reached_s(self) -> float:
        """The newest sample of either eye, also where it waits for the other one's."""
        return max(eye.reached_s for eye in self._eyes)

    def given_until_s(self, eye: int, windows_s: float) -> float:
        """Up to where nothing of an eye counts any more that comes only now. windows_s: the end of the last window.

        The other eye may have gone on alone from there. After a longer hole nobody need know, where that is no further
        than the eye does not count anyway.
        """
        is_longer = windows_s - self._eyes[eye].reached_s > HOLE_S
        if is_longer and self._joined_until_s < windows_s + RETURN_S:
            return windows_s
        return max(windows_s, self._joined_until_s)

    def _other(self, eye: int) -> _Eye:
        return self._eyes[SECOND if eye == FIRST else FIRST]

    def _known_s(self, eye: int) -> float:
        """Up to here everything is known of an eye that is awaited, and has not stayed behind for too long."""
        own, other = self._eyes[eye], self._other(eye)
        left_behind = other.reached_s - max(own.known_s, other.begin_s) > WAIT_S
        return own.known_s if own.awaited and not left_behind else np.inf

    def ready(self) -> list[GazeRun]:
        """What is known by now, in order of time."""
        first, second = self._eyes
        until_s = min(self._known_s(FIRST), self._known_s(SECOND))
        if until_s <= self._until_s < np.inf:
            return []
        self._until_s = until_s
        first.join()
        second.join()
        of_first, of_second = first.due(until_s), second.due(until_s)
        n_first, n_second = len(of_first), len(of_second)
        if not (n_first or n_second):
            return []
        alone = _in_holes(of_second, first.rows)
        both = of_first.copy()
        eye = _at(both[:, _TIME], second.rows)
        seen = np.isfinite(eye)
        both[:, :_TIME][seen] = eye[seen]
        rows = np.concatenate([both, alone])
        rows = rows[rows[:, _TIME].argsort(kind="stable")]
        rows = rows[rows[:, _TIME].searchsorted(self._joined_until_s, side="right") :]  # what is late is left out
        first.forget(n_first)
        second.forget(n_second)
        if not len(rows):
            return []
        self._joined_until_s = float(rows[-1, _TIME])
        apart = (rows[1:, _TIME] - rows[:-1, _TIME]) * rows[1:, _RATE] > LINK
        cuts = ((rows[1:, _RATE] != rows[:-1, _RATE]) | apart).nonzero()[0] + 1
        return [GazeRun(part[:, _TIME], part[:, :_TIME], float(part[0, _RATE])) for part in np.split(rows, cuts)]


def _at(times: TimeArray, rows: Array) -> Array:
    """An eye's samples (n, 6) at times (n,), from its rows; NaN where none are near enough on both sides."""
    found = np.full((len(times), len(CANONICAL)), np.nan)
    if not len(rows):
        return found
    after = rows[:, _TIME].searchsorted(times)
    inside = (after > 0) & (after < len(rows))
    late, early = rows[after[inside]], rows[after[inside] - 1]
    width = late[:, _TIME] - early[:, _TIME]
    share = (times[inside] - early[:, _TIME]) / width
    between = early[:, :_TIME] + share[:, None] * (late[:, :_TIME] - early[:, :_TIME])
    between[width * early[:, _RATE] > LINK] = np.nan
    found[inside] = between
    same = (after < len(rows)) & (rows[np.minimum(after, len(rows) - 1), _TIME] == times)
    found[same] = rows[after[same], :_TIME]
    return found


def _in_holes(rows: Array, leading: Array) -> Array:
    """Those of an eye's rows that lie in holes of the leading one's, before its first or behind its last one.

    They count at the leading eye's rate, where that is known: a hiccup of its stream makes no other tracker.
    """
    edges = np.concatenate([[-np.inf], leading[:, _TIME], [np.inf]])
    rates = np.concatenate([[np.inf], leading[:, _RATE]])  # of the row before each hole; the begin is sharp
    times = rows[:, _TIME]
    after = leading[:, _TIME].searchsorted(times) + 1
    before_s, after_s, rate_hz = edges[after - 1], edges[after], rates[after - 1]
    found = (after_s - before_s > LINK / rate_hz) & (times > before_s + 1.0 / rate_hz) & (times < after_s)
    alone: Array = rows[found]
    alone[:, _RATE] = np.where(np.isfinite(rate_hz[found]), rate_hz[found], alone[:, _RATE])
    return alone
