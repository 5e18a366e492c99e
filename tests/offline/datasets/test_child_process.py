from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from offline.datasets import child_process
from offline.datasets.child_process import ChildProcess, ProcessDied


@pytest.fixture
def started(monkeypatch):
    """The settings of each child that is started; calls run here, and `die` takes the child with it."""
    children = []

    class Executor:
        def __init__(self, **settings):
            children.append(settings)

        def submit(self, function, *arguments):
            done = Future()
            try:
                done.set_result(function(*arguments))
            except BrokenProcessPool as error:
                done.set_exception(error)
            return done

    monkeypatch.setattr(child_process, "ProcessPoolExecutor", Executor)
    return children


def die(text):
    raise BrokenProcessPool(text)


def test_one_child_serves_all_calls_and_ends_after_a_minute_without_one(started):
    child = ChildProcess()
    assert started == []
    assert [child.run(divmod, k, 3) for k in (7, 9)] == [(2, 1), (3, 0)]
    assert started == [{"max_workers": 1, "timeout": 60.0}]


def test_a_child_that_died_is_named_in_200_letters_on_one_line_and_replaced(started):
    child = ChildProcess()
    with pytest.raises(ProcessDied) as caught:
        child.run(die, "killed\n  by " + 300 * "x")
    assert str(caught.value) == "killed by " + 190 * "x"
    assert child.run(abs, -2) == 2
    assert len(started) == 2
