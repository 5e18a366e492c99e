"""How long a queue waits, what it says of itself, and what its limits are; without threads where none is needed."""

from __future__ import annotations

import errno
import threading
from types import SimpleNamespace

import pytest
from hand_fed import wait_for

from rtemo.live.output import output_queue
from rtemo.live.output.output_queue import OutputQueue, OutputState, QueuedSink, close_all


def unstarted(**options):
    """A queue whose thread does nothing."""
    queue = OutputQueue("a place", lambda _entry: None, **options)
    queue._thread = SimpleNamespace(join=lambda timeout_s: joined.append(timeout_s))
    joined = queue.joined = []
    return queue


class Waiting:
    """A condition whose waits take no time."""

    def __init__(self):
        self.waited = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def wait_for(self, until, timeout_s):
        assert not until()
        self.waited.append(timeout_s)


@pytest.mark.parametrize(
    ("longest_s", "waits"), [(None, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]), (1.5, [0.5, 1.0, 1.5, 1.5])]
)
def test_a_broken_output_is_tried_again_after_twice_the_time_up_to_a_longest(longest_s, waits):
    queue = unstarted(longest_retry_s=longest_s)
    queue._wake = waiting = Waiting()
    for _ in waits:
        queue._pause()
    assert waiting.waited == waits
    queue._worked()
    queue._pause()
    assert waiting.waited[-1] == 0.5


def test_two_thousand_entries_wait_and_no_more():
    queue = unstarted()
    for entry in range(2000):
        queue.put(entry)
    assert (queue.status().n_dropped, queue.status().n_waiting) == (0, 2000)
    queue.put(2000)
    status = queue.status()
    assert (status.name, status.state, status.error) == ("a place", OutputState.BEHIND, "it takes less than what comes")
    assert (status.n_dropped, status.n_waiting, status.n_written, status.for_good) == (1, 2000, 0, False)
    assert queue._entries[0] == 1


def test_an_end_that_takes_longer_than_its_time_says_how_long_it_waited():
    queue = unstarted()
    queue.put(1)
    queue.close()
    status = queue.status()
    assert queue.joined == [2.0]
    assert (status.state, status.error) == (OutputState.BEHIND, "it did not take the rest within 2 s")
    assert (status.n_dropped, status.n_waiting) == (1, 0)
    queue.put(2)  # nothing more is taken
    queue.close(0.5)  # nor waited for
    assert (queue.joined, queue.status().n_dropped, queue.status().n_waiting) == ([2.0], 2, 0)


def test_several_have_the_time_of_one(monkeypatch):
    now, given = [10.0], []
    monkeypatch.setattr(output_queue, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def closing(takes_s):
        def close(timeout_s):
            given.append(timeout_s)
            now[0] += takes_s

        return SimpleNamespace(end=lambda: given.append("end"), close=close)

    close_all([closing(1.5), closing(1.5), closing(0.0)])
    assert given == ["end", "end", "end", 2.0, 0.5, 0.0]


def test_its_thread_has_its_name_begins_with_the_first_entry_and_holds_up_no_program():
    seen = []
    queue = OutputQueue("a place", lambda _entry: seen.append(threading.current_thread()))
    assert queue._thread is None
    queue.put(1)
    queue.close()
    assert [(thread.name, thread.daemon) for thread in seen] == [("rtemo-output a place", True)]


def test_a_queue_without_an_entry_closes_its_output_too():
    closed = []
    queue = OutputQueue("a place", None, lambda: closed.append(1))
    queue.close()
    assert (closed, queue.status().state) == ([1], OutputState.CLOSED)


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(("error", "shown"), [(OSError(errno.ENOSPC, "full"), False), (ValueError("no"), True)])
def test_a_failure_is_logged_once_with_its_traceback_where_it_is_the_programs(caplog, error, shown):
    tried = []

    def write(_entry):
        tried.append(1)
        raise error

    queue = OutputQueue("a place", write)
    for _ in range(3):
        queue.put(1)
    wait_for(lambda: len(tried) >= 3)
    queue.close()
    found = [record for record in caplog.records if record.name == "rtemo.output"]
    assert [(record.getMessage(), bool(record.exc_info)) for record in found] == [("a place cannot be written", shown)]


def test_whoever_is_told_and_fails_is_logged(caplog):
    def tell(_status):
        raise ValueError("not my day")

    queue = unstarted(limit=1, changed=tell)
    queue.put(1)
    queue.put(2)
    (record,) = caplog.records
    assert (record.getMessage(), record.exc_info[0]) == ("the state of a place was not taken", ValueError)


def test_nobody_needs_to_be_told():
    queue = unstarted(limit=1)
    for entry in (1, 2, 3):
        queue.put(entry)
    assert queue.status().n_dropped == 2


def test_a_file_behind_a_queue_is_written_discarded_and_closed():
    done = []
    sink = SimpleNamespace(
        put=lambda entry: done.append(("put", entry)),
        close=lambda: done.append("close"),
        discard=lambda: done.append("discard"),
    )
    told = []
    queued = QueuedSink(sink, "a file", told.append)
    queued.put(1)
    queued.put(2)
    queued.close()
    queued.discard()
    assert done == [("put", 1), ("put", 2), "close", "discard"]
    assert (queued.queue.name, queued.queue.status().n_written, told) == ("a file", 2, [])
    assert queued.queue._changed is not None


def failing(times, error):
    """Writes that fail so often, and what was tried."""
    tried = []

    def write(entry):
        tried.append(entry)
        if len(tried) <= times:
            raise error

    return write, tried


@pytest.mark.usefixtures("quick_retries")
def test_at_the_end_of_a_broken_output_what_waits_is_not_tried():
    write, tried = failing(10**6, OSError("full"))
    queue = OutputQueue("a place", write)
    for entry in range(5):
        queue.put(entry)
    wait_for(lambda: tried)
    queue.close()
    assert set(tried) == {0}
    assert queue.status().n_dropped == 5


@pytest.mark.parametrize(
    ("error", "tried"), [(OSError("full"), [0, 0, 0, 1]), (ValueError("no"), [0, 1, 2])]
)  # the next entry is tried where this one is at fault
def test_after_each_failure_there_is_a_pause(error, tried):
    write, found = failing(2, error)
    queue, paused = OutputQueue("a place", write), []
    queue._pause = lambda: paused.append(len(found))
    for entry in range(tried[-1] + 1):
        queue.put(entry)
    wait_for(lambda: queue.status().n_waiting == 0)
    queue.close()
    assert (found, paused) == (tried, [1, 2])
