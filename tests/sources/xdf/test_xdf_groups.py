"""Streams that overlap in time, or nearly, share a clock: the limit itself."""

from types import SimpleNamespace

import pytest

from rtemo.sources.xdf.checks import APART_S, _groups


def spans(*pairs):
    return [
        SimpleNamespace(first_s=first, last_s=last, stream=SimpleNamespace(offset_times=())) for first, last in pairs
    ]


@pytest.mark.parametrize(("apart_s", "n"), [(0.0, 1), (APART_S, 1), (APART_S + 1.0, 2)])
def test_streams_that_are_apart_for_longer_do_not_belong_together(apart_s, n):
    assert len(_groups(spans((100.0, 200.0), (200.0 + apart_s, 300.0 + apart_s)))) == n


def test_what_bridges_two_streams_joins_them_and_order_does_not_matter():
    far = 10 * APART_S
    early, late, bridge = spans((0.0, 1.0), (far, far + 1.0), (0.5, far))
    assert [len(group) for group in _groups([late, early])] == [1, 1]
    assert [len(group) for group in _groups([late, early, bridge])] == [3]
    assert _groups([]) == []
