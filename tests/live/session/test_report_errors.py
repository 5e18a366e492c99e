"""Why a report could not be written is said in one line."""

from __future__ import annotations

import sys

import pytest
from hand_fed import wait_for

from rtemo.live.service.snapshot import ReportState
from rtemo.live.session.report_process import ReportProcess


def test_a_program_that_is_not_there_is_said_to_be_missing(tmp_path):
    found = ReportProcess(lambda folder: [str(tmp_path / "nothing")])
    found.begin(tmp_path)
    assert found.look().error == "No such file or directory"
    assert found.look().path == str(tmp_path / "report.html")


@pytest.mark.parametrize(("code", "said"), [
    ("import sys; sys.exit(3)", "exit code 3"),
    ("import sys; print('one\\ntwo\\n', file=sys.stderr); sys.exit(1)", "two"),
    ("pass", "exit code 0"),  # and no page
])  # fmt: skip
def test_the_last_line_or_the_exit_status_is_said(tmp_path, code, said):
    found = ReportProcess(lambda folder: [sys.executable, "-c", code])
    found.begin(tmp_path)
    assert found.look().state in (ReportState.WRITING, ReportState.FAILED)
    wait_for(lambda: found.look().state is ReportState.FAILED)
    assert found.look().error == said
    assert found.look() is found.look()
