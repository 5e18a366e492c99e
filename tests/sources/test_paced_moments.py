"""When a moment of a recording is due on the wall clock."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtemo.sources.paced import PacedSource


@pytest.mark.parametrize(("speed", "due_s"), [(1.0, 52.0), (2.0, 51.0), (0.5, 54.0)])
def test_a_moment_is_due_after_its_share_of_the_speed(speed, due_s):
    recording = SimpleNamespace(begin_s=0.0, exhausted=True)
    source = PacedSource(recording, speed, clock=lambda: 50.0, wait=lambda seconds: None)
    assert source.read(0.0) == []
    assert source.wall_s(2.0) == due_s


def test_the_part_before_the_begin_is_taken_as_played():
    recording = SimpleNamespace(begin_s=30.0, exhausted=True)
    source = PacedSource(recording, 2.0, clock=lambda: 50.0, wait=lambda seconds: None)
    source.read(0.0)
    assert source.wall_s(30.0) == 50.0


def test_before_the_first_read_no_moment_is_known():
    source = PacedSource(SimpleNamespace(begin_s=0.0, exhausted=False), clock=lambda: 50.0)
    with pytest.raises(ValueError, match="nothing has been read yet"):
        source.wall_s(0.0)
