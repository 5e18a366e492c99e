"""Columns renamed by the session's settings: [eeg.map] and [gaze.map].

A key is a label of the stream or, where labels are missing or not unique, a column number counted from 1.
"""

from __future__ import annotations

from collections.abc import Mapping

from rtemo.core.errors import RtemoError
from rtemo.core.types import StreamInfo


def renamed_columns(info: StreamInfo, rename: Mapping[str, str], table: str) -> dict[int, str]:
    """Column (from 0) -> name given; an empty name means to leave the column out.

    Raises RtemoError for a key that is no column of this stream, means several, or means one that has a name already.
    """
    named: dict[int, str] = {}
    for key, name in rename.items():
        column = _column(info, key, table)
        if column in named:
            raise RtemoError(
                f"[{table}.map] names column {column + 1} of {info.name!r} twice",
                f"{named[column]!r} and {name!r}",
                "keep one of them",
            )
        named[column] = name.strip()
    return named


def _column(info: StreamInfo, key: str, table: str) -> int:
    wanted = key.strip().casefold()
    fitting = [i for i, label in enumerate(info.labels) if label.strip().casefold() == wanted and wanted]
    if not fitting and wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= info.n_channels:
        return int(wanted) - 1
    if len(fitting) == 1:
        return fitting[0]
    what = f"columns {', '.join(str(i + 1) for i in fitting)} have that label" if fitting else _columns(info)
    raise RtemoError(
        f"[{table}.map] names {key!r}, which is not one column of {info.name!r}", what, "use a label or a column number"
    )


def _columns(info: StreamInfo) -> str:
    labels = [label.strip() for label in info.labels]
    if any(labels):
        return f"its columns are {', '.join(label or str(i + 1) for i, label in enumerate(labels))}"
    return f"it has {info.n_channels} columns without labels"
