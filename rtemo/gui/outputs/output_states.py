"""The states of outputs as rows of text: those that are open, and those that are wanted and not open. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rtemo.gui.outputs import words
from rtemo.live.service.snapshot import OutputView
from rtemo.sources.output_settings import OutputSettings

GOOD_STATES = ("working",)


@dataclass(frozen=True, slots=True)
class OutputRow:
    """One output. good: whether nothing is wrong with it."""

    name: str
    state: str
    given: str
    error: str
    good: bool


def output_rows(outputs: Iterable[OutputView], wanted: OutputSettings, *, in_session: bool) -> list[OutputRow]:
    """A row for each output, and for each that the settings ask for and that is not there."""
    found = list(outputs)
    return [*map(_row, found), *_missing({one.name for one in found}, wanted, in_session=in_session)]


def summary(rows: Iterable[OutputRow]) -> str:
    """The outputs in a few words, what is wrong first; empty without any."""
    kept = list(rows)
    wrong = [f"{row.name} {row.state}" for row in kept if not row.good]
    if wrong:
        return words.SUMMARY_WRONG.format(wrong=", ".join(wrong))
    return words.SUMMARY.format(n=len(kept)) if kept else ""


def _row(output: OutputView) -> OutputRow:
    given = words.GIVEN.format(n=output.n_written)
    if output.n_dropped:
        given += words.DROPPED.format(n=output.n_dropped)
    good = output.state in GOOD_STATES
    return OutputRow(output.name, words.STATES.get(output.state, output.state), given, output.error, good)


def _missing(open_names: set[str], wanted: OutputSettings, *, in_session: bool) -> Iterator[OutputRow]:
    """What is wanted and has no state: it could not be opened, or belongs to sessions only."""
    for name, address in (("OSC", wanted.osc), ("WebSocket", wanted.websocket), ("remote control", wanted.remote)):
        if address is not None and f"{name} {address}" not in open_names:
            yield OutputRow(f"{name} {address}", words.NOT_OPEN, "", words.NOT_OPEN_WHY, good=False)
    if wanted.script and not in_session:
        yield OutputRow(words.SCRIPT_ROW.format(file=wanted.script), words.IN_SESSIONS, "", "", good=True)
