"""Writes the report of a session or a recording: read, lay out, write beside it and move into place."""

from __future__ import annotations

import contextlib
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.report.page import page
from rtemo.report.read_session import ReportInputs, read_session


def write_report(target: Path, out: Path, means: ReportInputs) -> None:
    """The page at `out`, whole or not at all. Raises RtemoError where nothing can be reported or written."""
    text = page(read_session(target, means))
    partial = out.with_name(f".{out.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RtemoError(f"{out} cannot be written", error.strerror or str(error), "name another file") from error
