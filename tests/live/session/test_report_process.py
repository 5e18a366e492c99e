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


def test_a_report_that_failed_is_an_event_and_tried_again(tmp_path):
    now, said = [0.0], []
    code = "import sys, pathlib; p = pathlib.Path(sys.argv[1], 'tried'); n = len(p.read_text()) if p.exists() else 0\n"
    code += "p.write_text('x' * (n + 1)); (n < 2) and sys.exit(f'error: no room {n}')\n" + WRITES
    found = ReportProcess(
        lambda folder: [sys.executable, "-c", code, str(folder)], lambda *event: said.append(event), lambda: now[0]
    )
    found.begin(tmp_path)
    for now_s in (0.0, 6.0, 67.0):
        now[0] = now_s
        view = settled(found)
        now[0] = now_s + 4.9
        assert found.look() == view
    assert view.state is ReportState.READY
    assert [(kind.value, text) for kind, text in said] == [
        ("failure", "no report was written: error: no room 0; it is tried again in 5 s"),
        ("failure", "no report was written: error: no room 1; it is tried again in 60 s"),
        ("note", f"the report was written: {tmp_path / 'report.html'}"),
    ]


def test_a_report_is_not_tried_for_ever(tmp_path):
    now, said = [0.0], []
    found = ReportProcess(
        lambda folder: [sys.executable, "-c", FAILS], lambda *event: said.append(event[1]), lambda: now[0]
    )
    found.begin(tmp_path)
    for _ in range(5):
        settled(found)
        now[0] += 100.0
    assert len(said) == 3
    assert said[-1].endswith(f"; try `rtemo report {tmp_path}`")
