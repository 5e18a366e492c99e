"""The supervisor states that a process does not answer, and kills it only where that lasts."""

from __future__ import annotations

import signal
import sys
import threading
from types import SimpleNamespace

import pytest

from rtemo.live import supervisor as module
from rtemo.live.supervisor import Supervisor
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.messages import Message

WAITS = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]


class Told(Supervisor):
    """Looks after two processes that only wait; what the recorder answers is given."""

    answer: Message | None = None

    def _ask(self, request, timeout_s):
        return self.answer

    def look(self, age_s, *, engine=True):
        self.answer = Message("state", {"engine": engine, "engine_age_s": age_s, "paths": ["x.xdf"]})
        self._look_after()


@pytest.fixture
def told(tmp_path):
    said = []
    found = Told(Endpoint("lab", tmp_path), WAITS, WAITS, said.append)
    found.said = said
    yield found
    found._engine.kill()
    found._recorder.kill()


def test_an_engine_that_does_not_answer_is_a_warning_long_before_it_is_killed(told):
    engine, said = told._engine.process, told.said
    told.look(0.6)
    assert said == []
    told.look(1.6)
    told.look(2.6)
    assert said == ["warning: the engine has not answered for 1.6 s; the recording goes on, predictions wait"]
    told.look(0.1)
    told.look(99.0, engine=False)  # none is attached: nobody is silent
    assert said[1:] == ["note: the engine answers again"]
    told.look(9.9)
    assert engine.poll() is None
    told.look(10.1)
    assert engine.poll() is not None
    told._restart_engine(-9)
    assert told._engine.process.args[-1] == "--again"  # what it finds is its own, though no recording may have begun
    told.look(0.0)  # the next one is not the one that did not answer
    assert [line.split(";")[0] for line in said[2:]] == [
        "warning: the engine has not answered for 9.9 s",
        "warning: the engine ended: killed by signal 9",
    ]
    told.look(19.9)  # on a computer that was too slow for the first one, the next one gets twice the time
    assert told._engine.process.poll() is None


def test_a_recorder_that_is_only_starting_gets_longer_than_one_that_has_answered(told, monkeypatch):
    now = SimpleNamespace(s=told._answered_s)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now.s, sleep=lambda _s: None))

    def after(seconds, *, answers=False):
        now.s += seconds
        told.answer = Message("state", {"paths": []}) if answers else None
        told._look_after()
        return told._recorder.process.poll() is None

    assert after(14.9)
    assert after(0.0, answers=True)
    assert after(4.9)
    assert not after(0.2)
    told._restart_recorder()
    assert after(14.9)
    assert after(0.0, answers=True)
    assert after(9.9)  # twice as long as the one before, which may have been slow and nothing else
    assert not after(0.2)


def test_an_engine_that_is_only_starting_is_not_left_behind_when_everything_is_asked_to_end(told):
    stop, hurry = threading.Event(), threading.Event()
    stop.set()
    hurry.set()
    told.answer = Message("ending", {"engine": False})
    engine = told._engine.process
    assert told.run(stop, hurry) == 130
    assert engine.poll() is not None


@pytest.mark.parametrize(("answered", "records"), [(False, True), (True, False), (True, True)])
def test_where_no_recorder_answers_an_engine_is_asked_only_where_one_may_record(told, answered, records):
    stop, hurry = threading.Event(), threading.Event()
    stop.set()
    hurry.set()
    told._recorder_answers, told._records = answered, records
    may_record = answered and records
    assert told.run(stop, hurry) == (1 if may_record else 130)
    assert told._engine.process.returncode == (-signal.SIGTERM if may_record else -signal.SIGKILL)
    assert told.said == []


def test_an_engine_that_has_left_its_recorder_writes_its_report(told, monkeypatch):
    monkeypatch.setattr(module, "END_S", 0.0)
    hurry = threading.Event()
    hurry.set()
    told.look(0.0)
    told.look(0.0, engine=False)
    told.answer = Message("state", {"paths": []})
    assert told._end(hurry) == 130
    assert told._engine.process.poll() is None


class Turns:
    """A stop that comes after so many turns."""

    def __init__(self, n):
        self.left = n

    def wait(self, _timeout_s):
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize(("code", "started_again"), [(None, []), (-9, ["killed by signal 9"]), (1, ["exit code 1"])])
def test_an_engine_is_started_again_where_it_has_ended_and_only_there(told, monkeypatch, code, started_again):
    first = told._engine.process
    monkeypatch.setattr(first, "poll", lambda: code)
    monkeypatch.setattr(told, "_end", lambda _hurry: 130)
    monkeypatch.setattr(told, "_quit", lambda: None)
    assert told.run(Turns(2), threading.Event()) == 130
    assert told.said == [
        f"warning: the engine ended: {how}; the recording goes on, predictions are restarted" for how in started_again
    ]
    assert (told._engine.process is first) == (not started_again)
    monkeypatch.undo()
    first.kill()
    first.wait()
