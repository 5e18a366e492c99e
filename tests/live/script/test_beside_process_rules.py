"""What is stated of a process beside a session, and when; and the limits of what a script gives out."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo, StreamUp
from rtemo.live.output.outlet import OutletIdentity
from rtemo.live.output.output_queue import OutputState
from rtemo.live.script import beside_process
from rtemo.live.script.beside_process import BesideProcess
from rtemo.live.script.script_outlets import ScriptOutlets
from rtemo.live.script.script_process import ScriptPlace, screen_process, script_process


class Beside:
    """A process whose end, output and time are those that a test wants."""

    def __init__(self, monkeypatch, folder, hangs_s=5.0, name="script own.py", printed=b""):
        self.code, self.now_s, self.notes, self.ended, self.deaf = None, 100.0, [], [], False
        beside = self

        class Process:
            def __init__(self, command, stdout, **files):
                beside.command, beside.files, beside.output = command, files, stdout.name
                stdout.write(printed)

            def poll(self):
                return beside.code

            def terminate(self):
                beside.ended.append("terminate")

            def wait(self, *seconds):
                beside.ended.append(seconds)
                if beside.deaf and seconds:
                    raise subprocess.TimeoutExpired("x", *seconds)

            def kill(self):
                beside.ended.append("kill")

        monkeypatch.setattr(beside_process.subprocess, "Popen", Process)
        monkeypatch.setattr(beside_process, "log_folder", lambda: folder / "logs")
        monkeypatch.setattr(beside_process.time, "monotonic", lambda: self.now_s)
        self.process = BesideProcess(name, ["x"], lambda kind, text: self.notes.append((kind.value, text)), hangs_s)

    def look(self, after_s=0.0):
        self.now_s += after_s
        self.process.look()
        status = self.process.status()
        return status.state, status.error


@pytest.mark.parametrize(
    ("code", "printed", "kind", "said", "state", "error"),
    [
        (0, b"done\n", "note", "exit code 0", OutputState.CLOSED, ""),
        (1, b"", "failure", "exit code 1", OutputState.FAILED, "exit code 1"),
        (1, b"a\n  b \n\n \n", "failure", "exit code 1; b", OutputState.FAILED, "exit code 1; b"),
        (-9, b"", "failure", "killed by signal 9", OutputState.FAILED, "killed by signal 9"),
        (2, b"x" * 5000, "failure", "exit code 2; " + "x" * 4000, OutputState.FAILED, "exit code 2; " + "x" * 4000),
    ],
)
def test_an_end_is_stated_once(monkeypatch, tmp_path, code, printed, kind, said, state, error):
    beside = Beside(monkeypatch, tmp_path, printed=printed)
    assert beside.look() == (OutputState.WORKING, "")
    beside.code = code
    for after_s in (0.0, 50.0):
        assert beside.look(after_s) == (state, error)
    assert beside.notes[1:] == [(kind, f"script own.py ended: {said}; the session goes on without it")]


def test_a_log_that_is_gone_costs_only_the_last_line(monkeypatch, tmp_path):
    beside = Beside(monkeypatch, tmp_path, printed=b"a\n")
    (log,) = (tmp_path / "logs").iterdir()
    log.unlink()
    beside.code = 3
    assert beside.look() == (OutputState.FAILED, "exit code 3")


@pytest.mark.parametrize(
    ("name", "file"),
    [("script own.py", "script-own"), ("screen recording", "screen-recording"), ("s" * 60, "s" * 50)],
)
def test_what_it_prints_is_in_a_log_of_its_name(monkeypatch, tmp_path, name, file):
    beside = Beside(monkeypatch, tmp_path, name=name)
    log = tmp_path / "logs" / f"{file}-{os.getpid()}.log"
    assert beside.notes == [("note", f"{name} is started; what it prints is in {log}")]
    assert log.is_file()


def test_it_hangs_after_more_than_its_time_and_goes_on_at_the_next_sign(monkeypatch, tmp_path):
    beside = Beside(monkeypatch, tmp_path)
    assert beside.look(5.0) == (OutputState.WORKING, "")
    hangs = (OutputState.BEHIND, "it has taken nothing for 5 s")
    assert beside.look(0.5) == beside.look(60.0) == hangs
    beside.process.given()
    assert beside.process.status().n_written == 1
    assert beside.look() == (OutputState.WORKING, "")
    assert beside.look(5.5) == hangs
    beside.code = 1
    assert beside.look() == (OutputState.FAILED, "exit code 1")
    failure = ("failure", "script own.py hangs: it has taken nothing for 5 s; the session goes on")
    ended = ("failure", "script own.py ended: exit code 1; the session goes on without it")
    assert beside.notes[1:] == [failure, ("note", "script own.py goes on"), failure, ended]


def test_one_that_never_shows_that_it_is_alive_never_hangs(monkeypatch, tmp_path):
    assert Beside(monkeypatch, tmp_path, hangs_s=None).look(1e6) == (OutputState.WORKING, "")


def test_only_what_runs_is_ended(monkeypatch, tmp_path):
    beside = Beside(monkeypatch, tmp_path)
    beside.process.close()
    assert beside.ended == ["terminate", (2.0,)]
    beside.code = 0
    beside.process.close()
    assert beside.ended == ["terminate", (2.0,)]


def given_out(*each):
    kept = []
    outlets = ScriptOutlets(OutletIdentity("0123", "P01"), kept.append, lambda: 7.0, publish=False)
    for values, text, time_s in each:
        outlets.give(values, text, time_s)
    assert list(outlets.queues) == []  # nothing is published
    outlets.close()
    return kept


def test_each_stream_begins_with_its_description_and_the_clock_once():
    kept = given_out(('{"a": 1}', "x", 3.0), ('{"a": 2}', "y", 0.0))
    assert [type(item) for item in kept] == [StreamUp, ClockOffset, Chunk, StreamUp, ClockOffset, Chunk, Chunk, Chunk]
    assert [(item.time_s, item.offset_s) for item in kept if isinstance(item, ClockOffset)] == [(7.0, 0.0)] * 2
    ids = [item.info.stream_id for item in kept if isinstance(item, StreamUp)]
    assert [kept[1].stream_id, kept[4].stream_id] == ids


def test_sixty_four_values_and_ten_thousand_characters_are_given_out():
    kept = given_out((json.dumps(dict.fromkeys(map(str, range(64)), 1)), "x" * 10_001, 1.0))
    values, text = (item.values for item in kept if isinstance(item, Chunk))
    assert values.shape == (1, 64)
    assert text[0, 0] == "x" * 10_000
    with pytest.raises(RtemoError) as refused:
        given_out((json.dumps(dict.fromkeys(map(str, range(65)), 1)), "", 1.0))
    assert str(refused.value) == "a script gives out 1 to 64 values; found 65; correct the script"


def test_one_that_does_not_end_when_it_is_asked_to_is_killed(monkeypatch, tmp_path):
    beside = Beside(monkeypatch, tmp_path)
    beside.deaf = True
    beside.process.close()
    assert beside.ended == ["terminate", (2.0,), "kill", ()]


def test_it_is_a_command_of_rtemo_that_ends_with_this_process_and_reads_nothing(monkeypatch, tmp_path):
    beside = Beside(monkeypatch, tmp_path, printed=b"own\n")
    assert beside.command == [sys.executable, "-m", "rtemo", "x", "--owner", str(os.getpid())]
    assert beside.files == {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    assert Path(beside.output) == tmp_path / "logs" / f"script-own-{os.getpid()}.log"


def test_a_log_of_before_is_begun_anew_and_its_folder_may_be_there(monkeypatch, tmp_path):
    for printed in (b"first\n", b"second\n"):
        beside = Beside(monkeypatch, tmp_path, printed=printed)
    beside.code = 1
    assert beside.look() == (OutputState.FAILED, "exit code 1; second")
    assert Path(beside.output).read_bytes() == b"second\n"


def test_what_is_no_text_is_shown_as_far_as_it_is_one(monkeypatch, tmp_path):
    beside = Beside(monkeypatch, tmp_path, printed=b"b\xffad\n")
    beside.code = 1
    assert beside.look() == (OutputState.FAILED, "exit code 1; b\ufffdad")


def test_what_is_taken_in_time_keeps_it_from_hanging(monkeypatch, tmp_path):
    beside = Beside(monkeypatch, tmp_path)
    for _ in range(3):
        assert beside.look(4.0) == (OutputState.WORKING, "")
        beside.process.alive()
    assert beside.look(5.1)[0] is OutputState.BEHIND


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (ScriptPlace(Path("a/own.py"), "lab"), ["--engine", "lab"]),
        (ScriptPlace(Path("a/own.py"), "lab", Path("there")), ["--engine", "lab", "--engine-at", "there"]),
        (
            ScriptPlace(Path("a/own.py"), "lab", None, ("P01", "P02")),
            ["--engine", "lab", "--participant", "P01", "--participant", "P02"],
        ),
    ],
)
def test_a_script_is_told_where_the_engine_is_and_who_takes_part(monkeypatch, place, words):
    made = []
    monkeypatch.setattr("rtemo.live.script.script_process.BesideProcess", lambda *given: made.append(given))
    script_process(place, print)
    assert made == [("script own.py", ["script", str(Path("a/own.py")), *words], print, 5.0)]


@pytest.mark.parametrize(("session", "words"), [("", []), ("own", ["--lsl-session", "own"])])
def test_the_screen_is_recorded_in_the_session_of_lsl_that_is_ours(monkeypatch, session, words):
    made = []
    monkeypatch.setattr("rtemo.live.script.script_process.BesideProcess", lambda *given: made.append(given))
    screen_process(Path("screen.mkv"), session, print)
    assert made == [("screen recording", ["screen", "screen.mkv", *words], print)]


def test_nothing_is_given_out_where_nothing_is_given():
    assert given_out(("", "", 1.0)) == []


def test_a_value_that_is_missing_is_no_number_and_names_keep_their_order():
    kept = given_out(('{"b": null, "a": true}', "", 1.0), ('{"a": 2, "b": 3}', "", 2.0))
    first, second = (item.values[0].tolist() for item in kept if isinstance(item, Chunk))
    assert (math.isnan(first[0]), first[1], second) == (True, 1.0, [3.0, 2.0])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("{}", "a script gives out 1 to 64 values; found 0; correct the script"),
        (
            "[]",
            "the values of a script are numbers by name; 'list' object has no attribute 'items'; correct the script",
        ),
        (
            '{"a": "x"}',
            "the values of a script are numbers by name; could not convert string to float: 'x'; correct the script",
        ),
    ],
)
def test_what_are_no_values_is_said(values, text):
    with pytest.raises(RtemoError) as refused:
        given_out((values, "", 1.0))
    assert str(refused.value) == text


@pytest.mark.parametrize("second", ['{"b": 1}', '{"a": 1}', '{"a": 1, "b": 1, "c": 1}'])
def test_other_values_than_the_first_time_are_refused(second):
    names = ", ".join(json.loads(second))
    with pytest.raises(RtemoError) as refused:
        given_out(('{"a": 1, "b": 2}', "", 1.0), (second, "", 2.0))
    found = f"{names} instead of a, b; give NaN for one that is missing"
    assert str(refused.value) == f"a script gives out the same values each time; {found}"


def test_what_is_published_has_a_queue_each(monkeypatch):
    made = []

    class Outlet:
        def __init__(self, *given, **options):
            self.names, self.info, self.queue = ("a",), EEG_LIKE, f"queue {len(made)}"
            made.append((given, options))

        def push(self, *given): ...

        def close(self):
            closed.append(self.queue)

    closed, kept = [], []
    for name in ("ValueOutlet", "TextOutlet"):
        monkeypatch.setattr(f"rtemo.live.script.script_outlets.{name}", Outlet)
    outlets = ScriptOutlets(OutletIdentity("0123"), kept.append, lambda: 7.0, publish=True, changed=print)
    outlets.give('{"a": 1}', "", 1.0)
    assert list(outlets.queues) == ["queue 0"]
    outlets.give("", "x", 1.0)
    assert list(outlets.queues) == ["queue 0", "queue 1"]
    assert [options for _, options in made] == [{"publish": True, "changed": print}] * 2
    assert made[0][0] == (("a",), OutletIdentity("0123"), kept.append)
    assert made[1][0] == (OutletIdentity("0123"), kept.append)
    outlets.close()
    assert closed == ["queue 0", "queue 1"]


EEG_LIKE = StreamInfo("v", "rtemo_values", "Values", "float32", 0.0, (Channel("a"),))
