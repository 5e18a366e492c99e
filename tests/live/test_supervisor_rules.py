"""The supervisor's rules, on processes, answers and a clock that a test sets: what is started, killed and said."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from rtemo.core.errors import RtemoError
from rtemo.live import supervisor as module
from rtemo.live.supervisor import Supervisor
from rtemo.recorder.messages import Message

LONGEST_S = 2000.0  # on the clock that is set


class Process:
    """Runs until a test or the supervisor ends it; `lasts_s` after it was asked to end it has ended."""

    def __init__(self, world, command, streams):
        self.world, self.command, self.streams = world, command, streams
        self.returncode, self.done_s, self.terminated, self.waits = None, float("inf"), False, []

    def poll(self):
        if self.returncode is None and self.world.now_s >= self.done_s:
            self.returncode = self.code
        return self.returncode

    def ends(self, code, at_s):
        self.code, self.done_s = code, at_s

    def kill(self):
        self.returncode = -9

    def terminate(self):
        self.terminated = True

    def wait(self, timeout_s=None):
        self.waits.append(timeout_s)
        if self.poll() is None:
            assert timeout_s is not None, "it would wait for ever"
            assert self.world.now_s < LONGEST_S, "it does not end"
            self.world.now_s = min(self.world.now_s + timeout_s, max(self.done_s, self.world.now_s))
            if self.poll() is None:
                raise subprocess.TimeoutExpired(self.command, timeout_s)
        return self.returncode


class World:
    """A supervisor with all that it touches. `answer` is what the recorder answers: a message, none, or by request."""

    def __init__(self, monkeypatch, streams=None):
        self.now_s, self.started, self.said, self.asked, self.slept = 1000.0, [], [], [], []
        self.answer, self.turns, self.stop_s = state(), [], float("inf")
        world = self

        def popen(command, **options):
            made = Process(world, command, options)
            world.started.append(made)
            return made

        class Answered(Supervisor):
            def _ask(self, request, timeout_s):
                world.asked.append((request, timeout_s))
                return world.answer(request) if callable(world.answer) else world.answer

        clock = SimpleNamespace(monotonic=lambda: world.now_s, sleep=self.sleep)
        monkeypatch.setattr(module, "time", clock)
        fakes = {"Popen": popen, "DEVNULL": subprocess.DEVNULL, "TimeoutExpired": subprocess.TimeoutExpired}
        monkeypatch.setattr(module, "subprocess", SimpleNamespace(**fakes))
        self.supervisor = Answered(None, ["recorder"], ["engine"], self.said.append, streams)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_s += seconds

    def wait(self, seconds):
        """As the stop that the supervisor waits for."""
        assert self.now_s < LONGEST_S, "it does not end"
        self.now_s += seconds
        for at_s, act in [turn for turn in self.turns if turn[0] <= self.now_s]:
            self.turns.remove((at_s, act))
            act()
        return self.now_s >= self.stop_s

    def run(self, duration_s=None, *, hurry=False):
        event = threading.Event()
        if hurry:
            event.set()
        return self.supervisor.run(self, event, duration_s)

    @property
    def recorders(self):
        return [one for one in self.started if one.command[0] == "recorder"]

    @property
    def engines(self):
        return [one for one in self.started if one.command[0] == "engine"]


def state(*, engine=True, age_s=0.0, paths=("x.xdf",)):
    return Message("state", {"engine": engine, "engine_age_s": age_s, "paths": list(paths)})


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def test_the_recorder_is_started_first_and_both_apart_from_the_terminal(monkeypatch):
    world = World(monkeypatch, {"stdout": 7})
    assert [one.command for one in world.started] == [["recorder"], ["engine"]]
    options = {"stdin": subprocess.DEVNULL, "stdout": 7, "start_new_session": True}
    if sys.platform != "win32":
        assert [one.streams for one in world.started] == [options] * 2


@pytest.mark.parametrize("code", [0, 2, 3, 130])
def test_an_engine_that_knew_what_it_did_ends_everything_with_its_code(world, code):
    world.engines[0].ends(code, 1002.0)
    assert world.run() == code
    assert world.now_s == pytest.approx(1002.0, abs=0.2 + module.QUIT_S)
    assert (world.said, len(world.started)) == ([], 2)
    assert world.asked[-1] == ("quit", 1.0)
    assert world.recorders[0].waits == [1.0, None]
    assert world.recorders[0].returncode == -9  # it did not end though it was asked to


def test_a_recorder_that_closes_its_file_in_time_is_not_killed(world):
    world.engines[0].ends(0, 1000.0)
    world.recorders[0].ends(0, 1000.9)
    assert world.run() == 0
    assert (world.recorders[0].waits, world.recorders[0].returncode) == ([1.0], 0)


def test_a_recorder_that_has_ended_is_not_asked(world):
    world.recorders[0].ends(0, 1000.0)
    world.supervisor._quit()
    assert world.asked == []


def test_the_recorder_is_asked_once_a_second(world):
    world.stop_s = 1003.45
    world.answer = state(engine=False)
    world.supervisor._engine_began = False
    world.run()
    assert world.asked == [("state", 5.0)] * 3 + [("end", 0.5), ("quit", 1.0)]


def test_an_engine_that_ends_five_times_within_a_minute_is_given_up_and_the_recording_goes_on(world):
    world.answer = lambda request: state(engine=request != "end")

    def kills():
        world.engines[-1].ends(1 if len(world.engines) < 5 else -11, world.now_s)

    world.turns = [(1000.0 + 5.0 * k, kills) for k in range(1, 8)]
    world.stop_s = 1040.0
    assert world.run() != 0
    assert [one.command[1:] for one in world.engines] == [[], ["--again"], ["--again"], ["--again"],
                                                          ["--again", "--last-try"]]  # fmt: skip
    warning = "warning: the engine ended: exit code 1; the recording goes on, predictions are restarted"
    last = "killed by signal 11"
    assert world.said[:5] == [
        *[warning] * 4,
        f"error: the engine ended 5 times, the last time: {last}; no predictions; recording goes on",
    ]


def test_an_engine_that_ends_now_and_then_is_started_again_for_ever(world):
    for _ in range(12):
        world.now_s += 15.0  # of five starts the first one is just a minute ago
        world.supervisor._restart_engine(-9)
    assert not world.supervisor._engine_over
    assert all(one.command[1:] == ["--again"] for one in world.engines[1:])


def test_starts_of_a_minute_ago_do_not_count(world):
    assert world.supervisor._engine.tries_left == 4
    world.now_s = 1059.9
    assert world.supervisor._engine.tries_left == 4
    world.now_s = 1060.0
    assert world.supervisor._engine.tries_left == 5


def test_an_engine_that_asks_to_be_started_again_is_told_so(world):
    world.supervisor._restart_engine(75)
    assert world.said == [
        "warning: the engine ended: asked to be started again; the recording goes on, predictions are restarted"
    ]


@pytest.mark.parametrize(("duration_s", "ends_s"), [(20.0, 1020.05), (None, 1029.6)])
def test_a_recording_whose_engine_was_given_up_lasts_as_long_as_it_was_to(world, duration_s, ends_s):
    world.supervisor._engine_over = True
    world.engines[0].ends(1, 1000.0)
    world.turns = [(1029.0, lambda: setattr(world, "answer", state(engine=False, paths=())))]
    assert world.run(duration_s) == 1
    assert world.now_s - module.QUIT_S == pytest.approx(ends_s, abs=0.06 if duration_s else 0.55)
    assert len(world.engines) == 1


def test_a_recorder_that_ends_is_started_again_at_once_and_after_five_times_in_no_hurry(world):
    for n in range(1, 7):
        world.recorders[-1].returncode = -9 if n < 6 else 1
        world.supervisor._restart_recorder()
        assert len(world.recorders) == n + 1
    assert world.slept == [1.0] * 2  # before the sixth and the seventh
    assert all(one.command == ["recorder", "--resume"] for one in world.recorders[1:])
    texts = [f"warning: the recorder ended: {how}; it is started again and goes on in another file"
             for how in ["killed by signal 9"] * 5 + ["exit code 1"]]  # fmt: skip
    assert world.said == texts


def test_a_recorder_that_ends_while_the_engine_runs_is_started_again(world):
    world.recorders[0].ends(1, 1000.5)
    world.stop_s = 1001.0
    world.run()
    assert len(world.recorders) == 2


@pytest.mark.parametrize(("stood_s", "killed"), [(1.8, True), (2.0, False), (60.0, False)])
def test_a_computer_that_stood_still_is_no_recorder_that_hangs(world, stood_s, killed):
    """It has not answered for 4.9 s of its 5 when everything stops for a while."""
    world.supervisor._recorder_answers = True
    world.answer = None
    world.supervisor._answered_s = world.now_s - 4.9
    world.turns = [(1000.0, lambda: setattr(world, "now_s", world.now_s + stood_s))]
    world.stop_s = world.now_s + stood_s + 1.25
    recorder = world.recorders[0]
    world.supervisor._end = lambda _hurry: 0
    world.run()
    assert (len(world.recorders) == 2) == killed
    assert recorder.returncode == -9


@pytest.mark.parametrize(("age_s", "said"), [(1.5, []), (1.51, ["the engine has not answered for 1.5 s"])])
def test_an_engine_is_silent_after_more_than_a_second_and_a_half(world, age_s, said):
    world.answer = state(age_s=age_s)
    world.supervisor._look_after()
    assert [line.removeprefix("warning: ").split(";")[0] for line in world.said] == said


@pytest.mark.parametrize(("age_s", "killed"), [(10.0, False), (10.01, True)])
def test_an_engine_hangs_after_more_than_ten_seconds(world, age_s, killed):
    world.answer = state(age_s=age_s)
    world.supervisor._look_after()
    assert (world.engines[0].returncode == -9) == killed
    assert world.supervisor._engine_hangs_s == (20.0 if killed else 10.0)


def test_without_an_age_no_engine_is_silent(world):
    world.answer = Message("state", {"engine": True, "paths": []})
    world.supervisor._look_after()
    assert (world.said, world.supervisor._records) == ([], False)


@pytest.mark.parametrize(
    ("code", "given"), [(0, 0), (2, 2), (3, 3), (130, 130), (1, 1), (75, 1), (-9, 1)],
)  # fmt: skip
@pytest.mark.parametrize("hurry", [True, False])
def test_an_engine_that_ends_its_session_in_time_gives_its_code(world, code, given, hurry):
    world.stop_s = 1000.1
    world.engines[0].ends(code, 1000.1 + (1.9 if hurry else 7.9))
    assert world.run(hurry=hurry) == given
    assert world.said == []
    assert not world.engines[0].terminated
    assert world.asked == [("end", 0.5), ("quit", 1.0)]


@pytest.mark.parametrize(("hurry", "after_s"), [(True, 2.0), (False, 8.0)])
@pytest.mark.parametrize("silent", [True, False])
def test_an_engine_that_does_not_end_is_killed_and_the_recording_closed(world, hurry, after_s, silent):
    """It still records, or nobody knows."""
    world.stop_s = 1000.1
    world.answer = lambda request: None if silent and request == "state" else state()
    assert world.run(hurry=hurry) == 1
    assert world.engines[0].returncode == -9
    assert world.said == ["warning: the engine does not end; it is killed, and the recording is closed"]
    assert [request for request, _ in world.asked] == ["end", "state", "quit"]
    assert world.asked[1] == ("state", 0.5)
    assert world.now_s - 1000.1 - module.QUIT_S == pytest.approx(after_s, abs=0.15)


@pytest.mark.parametrize(("code", "given"), [(0, 0), (1, 1), (None, 130)])
def test_a_closed_session_has_ten_minutes_for_its_report(world, code, given):
    world.stop_s = 1000.1
    world.answer = state(paths=())
    if code is not None:
        world.engines[0].ends(code, 1600.0)
    assert world.run() == given
    assert world.engines[0].returncode == code
    assert world.said == []
    if code is None:
        assert world.now_s == pytest.approx(1000.1 + 8.0 + 600.0 + module.QUIT_S, abs=0.3)


def test_a_recorder_that_does_not_answer_at_the_end_is_killed_and_the_engine_told_otherwise(world):
    world.supervisor._recorder_answers = True  # it did before, and may record
    world.stop_s = 1000.1
    world.answer = None
    world.engines[0].ends(0, 1001.0)
    assert world.run() == 0
    assert world.engines[0].terminated
    assert world.recorders[0].returncode == -9
    assert [request for request, _ in world.asked] == ["end"]


def test_an_engine_that_once_read_is_waited_for_though_it_has_left_its_recorder(world):
    world.answer = state()
    world.supervisor._look_after()
    world.answer = state(engine=False)
    world.supervisor._look_after()
    world.engines[0].ends(0, 1001.0)
    assert world.supervisor._end(threading.Event()) == 0
    world.supervisor._restart_engine(1)
    assert world.supervisor._end(threading.Event()) == 130  # the next one is only starting
    assert world.engines[-1].returncode == -9


def answering(monkeypatch, found, error=None):
    """A supervisor whose recorder has this address, and what was asked of whom."""
    asked = []

    def ask(connection, request, timeout_s):
        asked.append((connection, request, timeout_s))
        if error is not None:
            raise error
        return "the answer"

    monkeypatch.setattr(module, "connect", lambda address, timeout_s: nullcontext((address, timeout_s)))
    monkeypatch.setattr(module, "ask", ask)
    monkeypatch.setattr(module, "_Child", lambda *_: None)
    return Supervisor(SimpleNamespace(find=lambda: found), [], [], print), asked


def test_the_recorder_is_asked_at_its_address(monkeypatch):
    supervisor, asked = answering(monkeypatch, "there")
    assert supervisor._ask("state", 5.0) == "the answer"
    assert asked == [(("there", 5.0), "state", 5.0)]


@pytest.mark.parametrize(
    ("error", "logged"),
    [(EOFError(), []), (ConnectionRefusedError(), []), (RtemoError("another version"), ["another version"])],
)
def test_a_recorder_that_cannot_be_asked_gives_no_answer(monkeypatch, caplog, error, logged):
    supervisor, _ = answering(monkeypatch, "there", error)
    assert supervisor._ask("state", 5.0) is None
    assert caplog.messages == logged
    nowhere, asked = answering(monkeypatch, None)
    assert (nowhere._ask("state", 5.0), asked) == (None, [])


@pytest.fixture
def in_eighths(world, monkeypatch):
    """A world whose clock goes by an eighth of a second, which is exact."""
    monkeypatch.setattr(module, "LOOK_S", 0.125)
    return world


def test_a_second_after_the_last_question_the_next_is_asked(in_eighths):
    world, at_s = in_eighths, []
    world.supervisor._ask = lambda *_: at_s.append(world.now_s) or state()
    world.supervisor._end = lambda _hurry: 0
    world.stop_s = 1003.5
    world.run()
    assert at_s[:3] == [1001.0, 1002.0, 1003.0]


def test_a_recording_without_an_engine_ends_when_its_time_is_over(in_eighths):
    world, ended_s = in_eighths, []
    world.supervisor._engine_over = True
    world.supervisor._quit = lambda: ended_s.append(world.now_s)
    assert world.run(20.0) == 1
    assert ended_s == [1020.0]


@pytest.mark.parametrize(("stood_s", "n_recorders"), [(1.875, 2), (2.0, 1)])
def test_two_seconds_between_two_looks_are_no_standstill(in_eighths, stood_s, n_recorders):
    world = in_eighths
    world.supervisor._recorder_answers, world.answer = True, None
    world.supervisor._answered_s = world.now_s - 4.0
    world.turns = [(1000.0, lambda: setattr(world, "now_s", world.now_s + stood_s))]
    world.supervisor._end = lambda _hurry: 0
    world.stop_s = 1000.0 + stood_s + 0.5
    world.run()
    assert len(world.recorders) == n_recorders


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize("after_s", [0.0, 0.001])
def test_a_recorder_hangs_after_more_than_its_time(world, answers, after_s):
    world.supervisor._recorder_answers, world.answer = answers, None
    world.now_s += (5.0 if answers else 15.0) + after_s
    world.supervisor._look_after()
    assert (world.recorders[0].returncode == -9) == (after_s > 0.0)
    assert world.supervisor._recorder_hangs_s == (10.0 if after_s else 5.0)


def test_what_has_ended_is_not_killed(world):
    world.recorders[0].returncode = 3
    world.supervisor._recorder.kill()
    assert (world.recorders[0].returncode, world.recorders[0].waits) == (3, [])
    world.supervisor._engine.kill()
    assert (world.engines[0].returncode, world.engines[0].waits) == (-9, [None])


def test_on_windows_no_signal_of_the_terminal_reaches_them(monkeypatch):
    flags = SimpleNamespace(CREATE_NO_WINDOW=8, CREATE_NEW_PROCESS_GROUP=2)
    monkeypatch.setattr(module, "subprocess", flags)
    monkeypatch.setattr(module, "sys", SimpleNamespace(platform="win32"))
    assert module.apart() == {"creationflags": 10}
    monkeypatch.setattr(module, "sys", SimpleNamespace(platform="linux"))
    assert module.apart() == {"start_new_session": True}


def test_an_engine_that_stays_silent_is_said_once_and_the_next_one_anew(world):
    for age_s in (2.0, 3.0):
        world.answer = state(age_s=age_s)
        world.supervisor._look_after()
    world.supervisor._restart_engine(-9)
    world.answer = state(age_s=1.75)
    world.supervisor._look_after()
    silent = [line for line in world.said if "has not answered" in line]
    assert silent == [
        f"warning: the engine has not answered for {age} s; the recording goes on, predictions wait"
        for age in ("2.0", "1.8")
    ]
