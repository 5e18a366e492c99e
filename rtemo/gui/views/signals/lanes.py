"""Which EEG channels are in view, and how each is drawn: the same for the live signals and for the past."""

from __future__ import annotations

from dataclasses import dataclass

from rtemo.gui import texts
from rtemo.gui.painting.colours import Theme
from rtemo.gui.window_state import WindowState
from rtemo.live.service.snapshot import ChannelStatus
from rtemo.presentation.numbers import number

ALL, BY_DEFAULT = 0, -1
DEFAULT_ROWS, FEW = 32, 40  # of more than FEW channels, DEFAULT_ROWS are shown at once
FAULTY_REACH, GOOD_REACH = 0.5, 2.5  # lanes that a trace may leave its middle by
FAULTY = 2  # index of the ink of channels that are out of use
PUPIL_MM = (2.0, 7.0)  # the range that the pupil's lane shows


@dataclass(frozen=True, slots=True)
class Lane:
    """One EEG channel in view. column: of the samples."""

    column: int
    label: str
    status: ChannelStatus | None

    @property
    def faulty(self) -> bool:
        return self.status is not None and bool(self.status.fault or self.status.excluded)

    def why(self) -> str:
        """What is wrong with it, in a word."""
        if self.status is None or not self.faulty:
            return ""
        return texts.EXCLUDED.split()[0] if self.status.excluded else self.status.fault.split()[0]


class ChannelsInView:
    """The channels that are shown at once, and the first of them."""

    def __init__(self, state: WindowState) -> None:
        self._state = state
        self.rows, self.first = BY_DEFAULT, 0

    @property
    def n(self) -> int:
        """Channels that there are."""
        return self._state.eeg.n_columns

    @property
    def count(self) -> int:
        """Channels that are shown at once."""
        if self.rows == BY_DEFAULT:
            return self.n if self.n <= FEW else DEFAULT_ROWS
        return min(self.n, self.rows or self.n)

    def scroll_to(self, first: int) -> bool:
        """Show the channels from this one on; returns whether that moved anything."""
        before, self.first = self.first, max(0, min(first, self.n - self.count))
        return self.first != before

    def lanes(self) -> list[Lane]:
        """The channels in view, from above."""
        self.scroll_to(self.first)
        known = self._state.snapshot.channels
        return [
            Lane(k, known[k].label, known[k]) if k < len(known) else Lane(k, str(k + 1), None)
            for k in range(self.first, self.first + self.count)
        ]


def named_rows(shown: list[Lane], step: int) -> set[int]:
    """The rows that are named where only one of `step` can be: faulty ones first, then every step-th that has room."""
    wanted = [row for row, lane in enumerate(shown) if lane.faulty] + list(range(0, len(shown), step))
    named: set[int] = set()
    for row in wanted:
        if named.isdisjoint(range(row - step + 1, row + step)):
            named.add(row)
    return named


def ink_number(row: int, lane: Lane) -> int:
    """Index of a trace's ink: even row, odd row, or out of use."""
    return FAULTY if lane.faulty else row % 2


def inks(theme: Theme) -> tuple[str, str, str]:
    """The inks of the traces, by ink_number."""
    return theme.trace, theme.trace_alternate, theme.faint


def values_text(label: str, microvolts: float) -> str:
    """A channel's value as it is read at the cursor."""
    return f"{label} {number(microvolts, 1, 'µV')}"


def gaze_text(x: float, y: float, left_mm: float, right_mm: float) -> str:
    """The gaze and the pupils as they are read at the cursor."""
    place = texts.GAZE_AT.format(x=number(x, 2), y=number(y, 2))
    return f"{place}   {texts.PUPILS_AT.format(left=number(left_mm, 2), right=number(right_mm, 2))}"
