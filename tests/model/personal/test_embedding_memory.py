"""Which windows a session keeps for a calibration, and which of them belong to a labelled stretch."""

from __future__ import annotations

import numpy as np
import pytest

from rtemo.model.embeddings import Embeddings
from rtemo.model.personal.embedding_memory import KEPT, EmbeddingMemory


@pytest.fixture
def memory(spec):
    return EmbeddingMemory(spec)


def z(value=1.0):
    return Embeddings(*(np.full(40, value + k, np.float32) for k in range(3)))


def ends(memory, begin_s=-100.0, end_s=1e9):
    return memory.clip(0, begin_s, end_s).times.tolist()


def test_the_first_settled_and_usable_window_of_each_second_is_kept(memory, window):
    broken = Embeddings(np.full(40, np.nan, np.float32), *[np.zeros(40, np.float32)] * 2)
    memory.take(window(4.0, settled=False), z())
    memory.take(window(4.25), z())
    memory.take(window(4.5), z())
    memory.take(window(5.0, eeg_coverage=0.0, gaze_coverage=0.0), z())
    memory.take(window(5.25), broken)
    memory.take(window(5.5, gaze_coverage=0.0), z())
    memory.take(window(6.0, eeg_coverage=0.0), z())
    clip = memory.clip(2, -100.0, 100.0)
    assert clip.times.tolist() == [4.25, 5.5, 6.0]
    assert clip.offers.tolist() == ["both", "eeg", "eye"]
    assert (clip.label, clip.begin_s, clip.end_s) == (2, -100.0, 100.0)
    assert {head: rows[0, 0] for head, rows in clip.z.items()} == {"eeg": 1.0, "eye": 2.0, "joint": 3.0}


def test_windows_lie_wholly_in_a_stretch(memory, window):
    for end_s in range(4, 30):
        memory.take(window(float(end_s)), z())
    assert ends(memory, 10.0, 17.0) == [14.0, 15.0, 16.0, 17.0]  # four seconds behind its begin
    assert ends(memory, 10.5, 16.9) == [15.0, 16.0]
    nothing = memory.clip(0, 100.0, 200.0)
    assert (len(nothing.times), nothing.z["joint"].shape) == (0, (0, 40))


def test_two_hours_are_kept(memory, window):
    assert KEPT == 7200
    one = window(0.0)
    for second in range(KEPT + 5):
        memory.take(type(one)(**{name: getattr(one, name) for name in one.__slots__} | {"end_s": float(second)}), z())
    found = ends(memory)
    assert (found[0], len(found)) == (5.0, 7200)
