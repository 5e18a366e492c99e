"""The report of a session that is over: written beside the engine, and harmless when it fails."""

from __future__ import annotations

import sys

from hand_fed import wait_for

from rtemo.live.service.snapshot import ReportState
from rtemo.live.session.report_process import ReportProcess

WRITES = "import sys, pathlib; pathlib.Path(sys.argv[1], 'report.html').write_text('x')"
FAILS = "import sys; print('error: no; <b>ink</b>', file=sys.stderr); sys.exit(2)"


def reporting(code):
    return ReportProcess(lambda folder: [sys.executable, "-c", code, str(folder)])


def settled(found):
    return wait_for(lambda: (view := found.look()) and view.state is not ReportState.WRITING and view)


def test_a_report_is_ready_once_its_page_is_there(tmp_path):
    found = reporting(WRITES)
    assert found.look() is None
    found.begin(tmp_path)
    assert found.look().path == str(tmp_path / "report.html")
    assert settled(found).state is ReportState.READY
    assert found.look().state is ReportState.READY


def test_what_fails_is_said_in_its_last_line(tmp_path):
    found = reporting(FAILS)
    found.begin(tmp_path)
    view = settled(found)
    assert (view.state, view.error) == (ReportState.FAILED, "error: no; <b>ink</b>")


def test_a_writer_that_says_all_is_well_and_writes_nothing_has_failed(tmp_path):
    found = reporting("pass")
    found.begin(tmp_path)
    assert settled(found).state is ReportState.FAILED


def test_a_program_that_is_not_there_does_no_harm(tmp_path):
    found = ReportProcess(lambda folder: [str(tmp_path / "nothing")])
    found.begin(tmp_path)
    assert found.look().state is ReportState.FAILED
    nobody = ReportProcess(None)
    nobody.begin(tmp_path)
    assert nobody.look() is None
