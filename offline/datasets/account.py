"""Account of a recording while it is read: what was left out, what was noted, and how many rows were read and used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from offline.datasets.base import Omission, RowCount
from rtemo.core.errors import RtemoError


@dataclass(slots=True)
class Account:
    """Filled by a loader's parts, read when the recording is put together."""

    omissions: list[Omission] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: dict[str, RowCount] = field(default_factory=dict)

    def omit(self, kind: str, where: object, why: object) -> None:
        """List something that is not used; the same thing once."""
        one = Omission(kind, str(where), str(why))
        if one not in self.omissions:
            self.omissions.append(one)

    def note(self, text: str) -> None:
        """Remember what a user should know about how something was read; the same text once."""
        if text not in self.notes:
            self.notes.append(text)

    def count(self, kind: str, read: int, used: int, left_out: int) -> None:
        """Add rows of a kind."""
        self.rows[kind] = self.rows.get(kind, RowCount()) + RowCount(read, used, left_out)

    @contextmanager
    def omitting(self, kind: str, where: object) -> Iterator[None]:
        """List an RtemoError as an omission, and go on."""
        try:
            yield
        except RtemoError as error:
            self.omit(kind, where, error)

    def extend(self, omissions: Iterable[Omission]) -> None:
        """List these too."""
        for one in omissions:
            self.omit(one.kind, one.where, one.why)
