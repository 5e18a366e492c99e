"""Every rule of the `filename` command: what a template makes of its fields, and each refusal in its exact words."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from rtemo.core.errors import RtemoError
from rtemo.live.remote import file_name
from rtemo.live.remote.file_name import FileName

ROOT = Path("somewhere")


def test_a_command_changes_the_fields_that_it_names_and_no_other():
    before = FileName(root="/data", participant="P01", run="2")
    assert before.with_fields("{participant: P02 } {task:}") == FileName(root="/data", participant="P02", run="2")
    assert before.with_fields("{run:3}{run:4}").run == "4"
    assert before == FileName(root="/data", participant="P01", run="2")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("P01", "filename takes fields; found 'P01'; for example {participant:P01}"),
        ("  ", "filename takes fields; found ''; for example {participant:P01}"),
        ("{run:1} two", "filename takes fields; found '{run:1} two'; for example {participant:P01}"),
        ("{rum:1}", "there is no field 'rum'; the fields are acquisition, modality, participant, root, run, session, "
         "study, task, template"),
    ],
)  # fmt: skip
def test_what_are_no_fields_is_refused(text, error):
    with pytest.raises(RtemoError) as refused:
        FileName().with_fields(text)
    assert str(refused.value) == error


ALL = {"participant": "P", "session": "S", "task": "T", "acquisition": "A", "modality": "M", "run": "7", "study": "X"}


@pytest.mark.parametrize(
    ("template", "given", "expected"),
    [
        ("%p-%s-%b-%r-%n-%a-%m", ALL, "P-S-T-7-7-A-M.xdf"),
        ("%m", {}, "eeg.xdf"),
        ("sub-%p_x", {}, "sub-_x.xdf"),
        ("x.edf", {}, "x.edf.xdf"),
        ("x.Xdf", {}, "x.Xdf"),
        ("%p", {"participant": "two words"}, "two-words.xdf"),
        ("x[_%p]", {}, "x.xdf"),
        ("x[_%p_%s]", {"participant": "P"}, "x.xdf"),  # left out where any of them is empty
        ("x[_%p_%s]", {"participant": "P", "session": "S"}, "x_P_S.xdf"),
        ("x[_a][_%p]_%s", {"session": "S"}, "x_a_S.xdf"),
        ("x[_%m]", {}, "x_eeg.xdf"),
        ("a/b\\c", {}, "a/b/c.xdf"),
        ("x_%r", {}, "x_1.xdf"),
        ("x_%n", {}, "x_1.xdf"),
        ("x[_run-%r]", {}, "x_run-1.xdf"),
        ("x_%r", {"modality": "eeg"}, "x_01.xdf"),  # as BIDS writes runs
        ("x_%r", {"modality": "eeg", "run": "3"}, "x_3.xdf"),  # as it was given
    ],
)
def test_a_template_is_filled(template, given, expected):
    assert FileName(template=template, **given).recording(ROOT) == ROOT / expected


def test_a_template_may_name_the_computer():
    name = FileName(template="on_%h", participant="P").recording(ROOT).name
    assert name == f"on_{file_name.safe_name(socket.gethostname())}.xdf"


@pytest.mark.parametrize("template", ["../x", "a/../x", "a\\..\\x", "/x", "\\x", "C:x", "C:\\x", "", "[%p]", "."])
def test_a_template_stays_below_its_root_and_names_a_file(template):
    if not template:
        assert FileName(template=template).recording(ROOT) is None
        return
    with pytest.raises(RtemoError, match=r"the template leaves its root; it gives .*; put what is above into {root:…}"):
        FileName(template=template).recording(ROOT)


def test_a_wildcard_that_means_nothing_is_named_with_those_that_do():
    with pytest.raises(RtemoError) as refused:
        FileName(template="%p_%q").recording(ROOT)
    known = "%p, %s, %b, %r, %n, %a, %m, %h"
    assert str(refused.value) == f"the template has %q, which means nothing; found %p_%q; use {known}"


def test_a_folder_that_not_every_system_takes_is_refused():
    with pytest.raises(RtemoError) as refused:
        FileName(template="aux/x").recording(ROOT)
    assert str(refused.value) == "the template gives a name that not every system takes; found 'aux'; use another name"


def test_runs_end_with_the_last_one_that_is_allowed(tmp_path, monkeypatch):
    monkeypatch.setattr(file_name, "MAX_RUN", 2)
    file = FileName(template="x_%r")
    (tmp_path / "x_1.xdf").touch()
    assert file.recording(tmp_path) == tmp_path / "x_2.xdf"
    (tmp_path / "x_2.xdf").touch()
    with pytest.raises(RtemoError) as refused:
        file.recording(tmp_path)
    assert str(refused.value) == f"there is no free run in {tmp_path}; up to 2; give a run, or another template"


def test_a_file_that_is_there_is_refused_by_its_path(tmp_path):
    (tmp_path / "x_5.xdf").touch()
    with pytest.raises(RtemoError) as refused:
        FileName(template="x_%r", run="5").recording(tmp_path)
    path = tmp_path / "x_5.xdf"
    assert str(refused.value) == f"{path} exists already; nothing is overwritten; give another run, or none"


def test_up_to_ten_thousand_runs_are_looked_for():
    assert file_name.MAX_RUN == 10_000
