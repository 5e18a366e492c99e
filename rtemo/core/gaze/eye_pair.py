"""Joins the two eyes of a tracker that sends each as a stream of its own, by time and never by row.

The first stream's samples are kept, and the second eye is where it was at their times: on the straight line between its
two samples around each, or nowhere where these lie too far apart. In holes of the first stream the second one goes on
alone. What comes out depends on the samples' times alone, not on which stream came sooner or how it was cut.

A live session does not wait for an eye whose stream is lost, and finds out a little late that it is back. So that a
replay, which waits, gives the same, an eye counts RETURN_S after its begin and after each longer hole. An eye that is
silent and not lost is waited for, but only until the other one has come WAIT_S further, by the samples' times.
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
_TIME, _RATE = len(CANONICAL), len(CANONICAL) + 1  # columns behind the canonical ones
FIRST, SECOND = 0, 1


class GazeRun(NamedTuple):
    """Canonical samples (n, 6) at increasing times (n,) without a hole, and how many a second there are."""

    times: TimeArray
    samples: Array
    rate_hz: float


class _Eye:
    """The samples of one eye that still matter: the last one that came out, if any, and those that wait."""

    def __init__(self) -> None:
        self.rows: Array = np.empty((0, len(CANONICAL) + 2))
        self._new: list[Array] = []  # to be put behind them
        self.begin_s = np.inf  # its first sample
        self.reached_s = -np.inf  # its newest one
        self._back_s = -np.inf  # the end of its last longer hole
        self.awaited = False
        self.n_done = 0  # rows that have come out: none or one

    def add(self, run: GazeRun) -> None:
        rows = np.empty((len(run.times), self.rows.shape[1]))
        rows[:, :_TIME], rows[:, _TIME], rows[:, _RATE] = run.samples, run.times, run.rate_hz
        self.begin_s = min(self.begin_s, float(run.times[0]))
        before = np.concatenate([[self.reached_s], run.times[:-1]])
        ends = np.where(run.times - before > HOLE_S, run.times, self._back_s)
        back_s = np.maximum.accumulate(ends)
        self._new.append(rows[run.times - back_s >= RETURN_S])
        self.reached_s, self._back_s = float(run.times[-1]), float(back_s[-1])

    def join(self) -> None:
        """Put what is new behind the rows: not for every run, as an eye may wait for the other one for long."""
        if self._new:
            self.rows, self._new = np.concatenate([self.rows, *self._new]), []

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
        self.joined_until_s = -np.inf  # the time of what came out last
        self._until_s = -np.inf  # up to where all is out

    def begin(self, eye: int) -> None:
        """An eye's stream begins, or another one takes its place."""
        self._eyes[eye] = _Eye()

    def expect(self, eye: int, *, awaited: bool) -> None:
        """Whether the other eye waits for this one from now on."""
        self._eyes[eye].awaited = awaited

    def push(self, eye: int, run: GazeRun) -> None:
        """Take in samples of one eye, later than all of this eye before."""
        self._eyes[eye].add(run)

    @property
    def reached_s(self) -> float:
        """The newest sample of either eye, also where it waits for the other one's."""
        return max(eye.reached_s for eye in self._eyes)

    def _known_s(self, eye: int) -> float:
        """Up to here everything is known of an eye that is awaited, and has not stayed behind for too long."""
        own, other = self._eyes[eye], self._eyes[SECOND if eye == FIRST else FIRST]
        left_behind = other.reached_s - max(own.reached_s, other.begin_s) > WAIT_S
        return own.reached_s if own.awaited and not left_behind else np.inf

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
        rows = rows[rows[:, _TIME].searchsorted(self.joined_until_s, side="right") :]  # what comes too late is left out
        first.forget(n_first)
        second.forget(n_second)
        if not len(rows):
            return []
        self.joined_until_s = float(rows[-1, _TIME])
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
