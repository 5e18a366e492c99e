"""Gaze event detection: fixations, saccades and blinks from runs of still, moving and lost samples.

Runs are first tidied: holes are bridged, twitches dropped, glissades joined to their saccade, islands between two
losses given up. A run is settled once what follows it is certain to be something else. What is open is given by
`open_events`, which works as if the stream ended now and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from rtemo.core.gaze.labelled_runs import LabelledRun, MovementLabel, Pair
from rtemo.core.gaze.settings import GazeSettings


class GazeEventKind(StrEnum):
    """What the eyes did. A loss is no blink: it lasted too long, or no samples came."""

    FIXATION = "fixation"
    SACCADE = "saccade"
    BLINK = "blink"
    LOSS = "loss"


@dataclass(frozen=True, slots=True)
class GazeEvent:
    """One event. Times are LSL seconds.

    x, y: canonical position of a fixation, or where a saccade landed; NaN otherwise. amplitude_deg: distance from start
    to landing of a saccade. dispersion_deg: (max - min) in x and y of a fixation. peak_deg_s: of a saccade, smoothed.
    """

    kind: GazeEventKind
    start_s: float
    end_s: float
    x: float = math.nan
    y: float = math.nan
    amplitude_deg: float = math.nan
    dispersion_deg: Pair = (math.nan, math.nan)
    peak_deg_s: float = math.nan

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


class GazeEventBuilder:
    """Runs in, events out. `events` holds those that have ended, until the owner takes them."""

    def __init__(self, settings: GazeSettings, edge_n: int) -> None:
        self.events: list[GazeEvent] = []
        self._settings = settings
        self._edge_n = edge_n
        self._runs: list[LabelledRun] = []  # not settled yet: at most a few
        self._fixation: LabelledRun | None = None
        self._after_loss = True  # the fixation began when the eyes came back
        self._shift: LabelledRun | None = None  # moving samples behind the fixation
        self._landing: GazeEvent | None = None  # a saccade whose landing has not lasted long enough yet

    def add(self, run: LabelledRun) -> None:
        """Take in the next run that has ended."""
        self._append(run)
        while len(self._runs) > 2 and not any(self._is_hole(r) for r in self._runs):
            self._settle(self._runs.pop(0))
        self.look_at(None)

    def look_at(self, run: LabelledRun | None) -> None:
        """Settle what the run that goes on leaves no doubt about. This changes when events come out, not which."""
        runs = self._runs if run is None else [*self._runs, run]
        while len(runs) > 1 and self._is_sure(runs[1]):
            self._settle(self._runs.pop(0))
            runs = runs[1:]

    def open_events(self, run: LabelledRun | None) -> list[GazeEvent]:
        """What would be added if the stream ended with this open run."""
        end = GazeEventBuilder(self._settings, self._edge_n)
        end._runs, end._fixation, end._after_loss = list(self._runs), self._fixation, self._after_loss
        end._shift, end._landing = self._shift, self._landing
        if run is not None:
            end._append(run)
        end._finish()
        return end.events

    def _append(self, run: LabelledRun) -> None:
        """Add a run and tidy those that have neighbours on both sides."""
        runs = self._runs
        if runs and runs[-1].label == run.label and runs[-1].end_s == run.start_s:
            runs[-1] = runs[-1].then(run, self._edge_n)
        else:
            runs.append(run)
        at = 1
        while at < len(runs) - 1:
            label = self._label_between(*runs[at - 1 : at + 2])
            if label == runs[at].label:
                at += 1
            else:
                self._relabel(at, label)
                at = 1

    def _relabel(self, at: int, label: MovementLabel) -> None:
        """Give a run another label and join it with neighbours that have the same."""
        before, run, after = self._runs[at - 1 : at + 2]
        parts = [before, run._replace(label=label), after]
        if after.label == label:
            parts[1:] = [parts[1].then(after, self._edge_n)]
        if before.label == label:
            parts[:2] = [before.then(parts[1], self._edge_n)]
        self._runs[at - 1 : at + 2] = parts

    def _label_between(self, before: LabelledRun, run: LabelledRun, after: LabelledRun) -> MovementLabel:
        """The label of a run between its neighbours: another one where it is too short to be what it looks like."""
        s, length_s = self._settings, run.length_s
        beside = (before.label, after.label)
        if run.label == MovementLabel.LOST:
            if not self._is_hole(run):
                return MovementLabel.LOST
            if beside == (MovementLabel.MOVING, MovementLabel.MOVING):
                return MovementLabel.MOVING
            far = _distance(before.tail, after.head) >= s.min_amplitude_deg * max(before.scale, after.scale)
            return MovementLabel.MOVING if far else MovementLabel.STILL
        if self._is_hole(before) or self._is_hole(after):
            return run.label  # until the hole is bridged
        if beside == (MovementLabel.LOST, MovementLabel.LOST) and length_s < s.glissade_s:
            return MovementLabel.LOST
        if run.label == MovementLabel.MOVING and length_s < s.min_saccade_s:
            return MovementLabel.STILL
        if beside == (MovementLabel.MOVING, MovementLabel.MOVING) and length_s < s.glissade_s:
            return MovementLabel.MOVING
        return run.label

    def _is_sure(self, run: LabelledRun) -> bool:
        """Whether it is too long for any other label."""
        return run.length_s >= (
            self._settings.min_blink_s if run.label == MovementLabel.LOST else self._settings.glissade_s
        )

    def _is_hole(self, run: LabelledRun) -> bool:
        return run.label == MovementLabel.LOST and run.length_s < self._settings.min_blink_s

    def _finish(self) -> None:
        """Settle everything as if nothing came any more."""
        if self._runs:
            last = self._runs[-1]
            if last.label == MovementLabel.MOVING and last.length_s < self._settings.min_saccade_s:
                self._append(self._runs.pop()._replace(label=MovementLabel.STILL))
            elif last.label == MovementLabel.LOST and last.length_s < self._settings.min_blink_s:
                self._runs.pop()
        for run in self._runs:
            self._settle(run, open_end=run is self._runs[-1])
        self._close_fixation()

    def _settle(self, run: LabelledRun, *, open_end: bool = False) -> None:
        if run.label == MovementLabel.LOST:
            self._lose(run, open_end=open_end)
        elif run.label == MovementLabel.MOVING:
            self._shift = run if self._fixation is not None else None
        else:
            self._hold_still(run)

    def _lose(self, run: LabelledRun, *, open_end: bool) -> None:
        """The eyes are gone. A saccade right before that is the lid's doing."""
        s = self._settings
        if self._fixation is not None and self._fixation.length_s < s.min_fixation_s:
            self._landing = None
        self._close_fixation()
        self._fixation, self._shift, self._after_loss = None, None, True
        blink = run.length_s <= s.max_blink_s and run.absent_s < s.min_blink_s and not open_end
        self.events.append(GazeEvent(GazeEventKind.BLINK if blink else GazeEventKind.LOSS, run.start_s, run.end_s))

    def _hold_still(self, run: LabelledRun) -> None:
        """Still samples: the same fixation, or the landing of a saccade."""
        before, shift = self._fixation, self._shift
        self._shift = None
        if before is None:
            self._fixation = run
            return
        s = self._settings
        distance = _distance(before.tail, run.head)
        least = s.min_amplitude_deg * max(before.scale, run.scale)
        start_s, end_s = before.end_s, run.start_s
        if distance < least and end_s - start_s <= s.merge_gap_s:
            self._fixation = before.then(run, self._edge_n)
            return
        from_lid = self._after_loss and before.length_s < s.min_fixation_s
        self._close_fixation()
        self._fixation, self._after_loss = run, False
        if distance >= least and s.min_saccade_s <= end_s - start_s <= s.max_saccade_s and not from_lid:
            x, y = (total / max(run.n, 1) for total in run.place_sum)
            peak = shift.peak if shift is not None else math.nan
            self._landing = GazeEvent(
                GazeEventKind.SACCADE, start_s, end_s, x, y, amplitude_deg=distance, peak_deg_s=peak
            )

    def _close_fixation(self) -> None:
        """Emit the saccade that led to the fixation, and the fixation if it lasted long enough."""
        if self._landing is not None:
            self.events.append(self._landing)
            self._landing = None
        if self._fixation is not None and self._fixation.length_s >= self._settings.min_fixation_s:
            self.events.append(_fixation(self._fixation))


def _fixation(run: LabelledRun) -> GazeEvent:
    x, y = (total / max(run.n, 1) for total in run.place_sum)
    spread = (run.high[0] - run.low[0], run.high[1] - run.low[1])
    return GazeEvent(GazeEventKind.FIXATION, run.start_s, run.end_s, x, y, dispersion_deg=spread)


def _distance(a: Pair, b: Pair) -> float:
    x, y = b[0] - a[0], b[1] - a[1]
    return math.sqrt(x * x + y * y)
