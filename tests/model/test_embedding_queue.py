"""The network behind the pipeline: the same pairs in the same order, bounded, and its failures are the caller's."""

from __future__ import annotations

import threading

import pytest

from rtemo.model.embedding_queue import MAX_WAITING, EmbeddingQueue


class Network:
    """Says which windows it was given; goes on when it is let."""

    def __init__(self):
        self.may, self.given = threading.Event(), []

    def embed_each(self, windows):
        assert self.may.wait(10.0)
        self.given.extend(windows)
        if "bad" in windows:
            raise RuntimeError("the graph failed")
        return [f"z{window}" for window in windows]


@pytest.fixture
def network():
    return Network()


def test_nothing_is_waited_for_until_it_is_asked_for(network):
    queue = EmbeddingQueue(network)
    queue.put([1, 2])
    queue.put([])
    queue.put([3])
    assert list(queue.take(wait=False)) == []
    network.may.set()
    assert list(queue.take(wait=True)) == [(1, "z1"), (2, "z2"), (3, "z3")]
    assert list(queue.take(wait=True)) == []


def test_the_pipeline_is_held_where_the_network_lags_too_far_behind(network):
    queue = EmbeddingQueue(network)
    for first in range(0, 2 * MAX_WAITING, 4):
        queue.put(range(first, first + 4))
    network.may.set()
    taken = [window for window, _ in queue.take(wait=False)]
    assert taken == list(range(len(taken)))
    assert len(taken) >= MAX_WAITING


def test_what_the_network_raises_comes_out_at_its_place(network):
    queue = EmbeddingQueue(network)
    queue.put([1])
    queue.put(["bad"])
    network.may.set()
    found = queue.take(wait=True)
    assert next(found) == (1, "z1")
    with pytest.raises(RuntimeError, match="the graph failed"):
        next(found)


class Unfinished:
    """A result that is not there yet; whoever asks for it has it all the same, and it is seen."""

    def __init__(self, windows):
        self.windows = windows

    def done(self):
        return False

    def result(self):
        return [f"z{window}" for window in self.windows]


@pytest.mark.parametrize(("n", "taken"), [(256, []), (257, [0]), (300, list(range(44)))])
def test_no_more_than_256_windows_lie_between_the_pipeline_and_the_network(network, monkeypatch, n, taken):
    queue = EmbeddingQueue(network)
    monkeypatch.setattr(queue._worker, "submit", lambda _embed, windows: Unfinished(windows))
    for window in range(n):
        queue.put([window])
    assert list(queue.take(wait=False)) == [(window, f"z{window}") for window in taken]
