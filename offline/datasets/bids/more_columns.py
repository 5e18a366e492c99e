"""Columns of trials from other tables of a BIDS folder: beh, participants, phenotype; every row is used or listed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from offline.datasets.account import Account
from offline.datasets.bids.names import entities_of
from offline.datasets.bids.side_cars import Row, Table, read_table
from offline.datasets.cells import cell, number
from offline.datasets.mapping import TableLookup, TrialMap
from offline.datasets.trial_finding import RecordedEvent


def table_files(root: Path, eeg: Path, wanted: TableLookup | None) -> list[Path]:
    """Where the table of the mapping file lies for this recording, if it is there."""
    if wanted is None:
        return []
    if wanted.of_people:
        return [path for path in (root / f"{wanted.file}.tsv",) if path.is_file()]
    ours = {key: value.casefold() for key, value in entities_of(eeg).items()}
    folder = eeg.parent.parent
    found = [*folder.glob(f"*_{wanted.file}.tsv"), *folder.glob(f"*/*_{wanted.file}.tsv")]
    return [path for path in sorted(found) if {k: v.casefold() for k, v in entities_of(path).items()} == ours]


def with_more_columns(
    root: Path, eeg: Path, events: Sequence[RecordedEvent], rules: TrialMap, account: Account
) -> list[RecordedEvent]:
    """The events with the columns of their rows in the table of the mapping file, where it names one."""
    wanted = rules.table
    if wanted is None:
        return list(events)
    paths = table_files(root, eeg, wanted)
    if len(paths) != 1:
        found = ", ".join(path.name for path in paths) or "none"
        account.omit("side-car", eeg.name, f"it has not one table {wanted.file} with its entities: {found}")
        return list(events)
    with account.omitting("side-car", paths[0].name):
        table = read_table(paths[0], account)
        if wanted.of_people:
            return _of_person(table, events, entities_of(eeg).get("sub", ""), account)
        return _in_order(table, events, rules, account) if wanted.order else _by_key(table, events, rules, account)
    return list(events)


def _of_person(table: Table, events: Sequence[RecordedEvent], subject: str, account: Account) -> list[RecordedEvent]:
    rows = [row for row in table if row.get("participant_id").removeprefix("sub-") == subject]
    if len(rows) != 1:
        assert table.path is not None
        account.omit("side-car", table.path.name, f"it has {len(rows)} rows with participant_id sub-{subject}")
        return list(events)
    return [_with(event, rows[0]) for event in events]


def _in_order(table: Table, events: Sequence[RecordedEvent], rules: TrialMap, account: Account) -> list[RecordedEvent]:
    """The n-th row belongs to the n-th start of a trial: only where there are as many of both."""
    starts = [event for event in events if rules.begins(event)]
    if len(starts) != len(table.rows):
        assert table.path is not None
        why = f"it has {len(table.rows)} rows for {len(starts)} trials: which belongs to which cannot be told"
        account.omit("side-car", table.path.name, why)
        return list(events)
    if any(event.problem for event in starts):
        return list(events)  # without its time, a start's place in the order is not known
    rows = dict(zip(sorted(range(len(starts)), key=lambda k: starts[k].time_s), table.rows, strict=True))
    numbers = iter(range(len(starts)))
    return [_with(event, rows[next(numbers)]) if rules.begins(event) else event for event in events]


def _by_key(table: Table, events: Sequence[RecordedEvent], rules: TrialMap, account: Account) -> list[RecordedEvent]:
    assert rules.table is not None
    assert table.path is not None
    key = rules.table.key or ""
    if not table.has(key):
        account.omit("side-car", table.path.name, f"it has no column {key!r}, but {', '.join(table.columns)}")
        return list(events)
    values = [_value(row.get(key), rules.table.key_pattern) for row in table]
    times = Counter(values)
    rows = {value: row for value, row in zip(values, table, strict=True) if times[value] == 1}
    for value in (value for value, n in times.items() if n > 1):
        account.omit("side-car", table.path.name, f"{times[value]} rows have {key} {value!r}: none of them is used")
    used = set()
    joined = []
    for event in events:
        value = _value(cell(event.columns, rules.table.event_key or key) or "", rules.table.event_key_pattern)
        if rules.begins(event) and value in rows:
            used.add(value)
            event = _with(event, rows[value])
        joined.append(event)
    for value in rows.keys() - used:
        account.omit("side-car", f"{table.path.name} row {rows[value].line}", f"no trial has {key} {value!r}")
    return joined


def _value(text: str, pattern: re.Pattern[str] | None) -> str:
    """What of a cell is compared. The same for 3, 03 and 3.0."""
    match = pattern.fullmatch(text.strip()) if pattern is not None else None
    text = text if match is None else match[1] or ""
    value = number(text)
    return text.strip() if value is None else f"{value:.15g}"


def _with(event: RecordedEvent, row: Row) -> RecordedEvent:
    """The event's own columns come first: where both have one, it is the event's."""
    return replace(event, columns={**row.cells, **event.columns})
