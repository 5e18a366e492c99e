"""Writing the report of a session or a recording."""

from __future__ import annotations

from pathlib import Path

from rtemo.presentation.page import write_page
from rtemo.report.page import report_page
from rtemo.report.read_session import ReportInputs, read_session


def write_report(target: Path, out: Path, means: ReportInputs) -> None:
    """Write the report at `out`. Raises RtemoError where nothing can be reported or written."""
    write_page(out, report_page(read_session(target, means)))
