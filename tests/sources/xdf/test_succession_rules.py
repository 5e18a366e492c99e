"""Which stream took a lost one's place: by the recorder's log and, without one, by names, senders, clocks and times."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from xdf_build import stream

from rtemo.core.types import StreamNotice, StreamState
from rtemo.sources.xdf.recording_log import LogEntry
from rtemo.sources.xdf.succession import entries_of, from_log, from_times

NUMBERS = frozenset({1, 2, 3})


def up(number, replaces):
    return LogEntry("up", number, replaces=replaces)


@pytest.mark.parametrize(("entries", "replaced"), [
    ([up(2, 1)], {2: 1}),
    ([up(2, 1), up(3, 2)], {2: 1, 3: 2}),
    ([up(2, 0)], {}),
    ([up(2, 9)], {}), ([up(9, 1)], {}),  # no stream of the file
    ([up(1, 1)], {}),
    ([up(2, 1), up(2, 3)], {2: 1}),  # it has taken one place already
    ([up(2, 1), up(3, 1)], {2: 1}),  # whose place is taken
    ([up(2, 1), up(1, 2)], {2: 1}),  # a circle of two
    ([up(2, 1), up(3, 2), up(1, 3)], {2: 1, 3: 2}),  # of three
])  # fmt: skip
def test_a_stream_takes_the_place_of_one_other_once_and_in_no_circle(entries, replaced):
    assert from_log(entries, NUMBERS).replaced == replaced


def test_the_log_gives_reasons_and_notices_in_the_order_of_their_places():
    entries = [
        LogEntry("notice", 1, 30, text="late", trusted=False),
        LogEntry("notice", 1, 10, text="early", trusted=True),
        LogEntry("notice", 1, 10, text="at the same place", trusted=None),
        LogEntry("notice", 9, 1, text="of nobody"),
        LogEntry("down", 2, 5, state=StreamState.LOST, text="first"),
        LogEntry("down", 2, 7, state=StreamState.LOST, text="gone"),
        LogEntry("annotation", 1, text="no notice"),
    ]
    found = from_log(entries, NUMBERS)
    assert found.reasons == {2: "gone"}
    early, same, late = (
        StreamNotice("1", text, trusted)
        for text, trusted in (("early", True), ("at the same place", None), ("late", False))
    )
    assert found.notices == {1: ((10, early), (10, same), (30, late))}
    assert found.replaced == {}


def test_rows_of_a_log_that_hold_no_entry_are_left_out():
    entry = LogEntry("up", 1)
    assert entries_of([(), ("no entry",), (entry.document(),), (entry.document(), "more")]) == [entry, entry]


def checked(*spans, origins=(0, 0, 0, 0)):
    """spans: of the streams 1, 2, … each with its first and its last second and what its description holds."""
    found = [
        SimpleNamespace(first_s=first, last_s=last, stream=SimpleNamespace(number=k, info=stream(str(k), **more)))
        for k, (first, last, more) in enumerate(spans, 1)
    ]
    return SimpleNamespace(spans=found, origins=dict(enumerate(origins, 1)))


@pytest.mark.parametrize(("one", "other", "follows"), [
    ({}, {}, True),
    ({"name": "a"}, {"name": "b"}, False),
    ({"kind": "EEG"}, {"kind": "Gaze"}, False),
    ({"name": ""}, {"name": ""}, False),  # nothing names either
    ({"name": "", "source_id": "s"}, {"name": ""}, True),
    ({"name": "a", "source_id": "s"}, {"name": "b", "source_id": "s"}, True),  # one sender
    ({"name": "a", "source_id": "s"}, {"name": "b", "source_id": "t"}, False),
    ({"name": "a", "source_id": "s", "hostname": "x"}, {"name": "b", "source_id": "s", "hostname": "y"}, False),
    ({"name": "a", "source_id": "s"}, {"name": "b", "source_id": "s", "kind": "Gaze"}, False),
    ({"fmt": "string"}, {"fmt": "string"}, False), ({"fmt": "string"}, {}, False), ({}, {"fmt": "string"}, False),
])  # fmt: skip
def test_streams_of_one_name_and_type_or_of_one_sender_follow_each_other(one, other, follows):
    assert from_times(checked((0.0, 10.0, one), (12.0, 20.0, other))) == ({2: 1} if follows else {})


@pytest.mark.parametrize(("spans", "replaced"), [
    ([(0.0, 10.0), (10.0, 20.0)], {2: 1}),  # it begins at the very end
    ([(0.0, 10.0), (9.99, 20.0)], {}),
    ([(12.0, 20.0), (0.0, 10.0)], {1: 2}),  # whatever their order in the file
    ([(0.0, 5.0), (1.0, 10.0), (12.0, 20.0)], {3: 2}),  # of two that have ended, the later one
    ([(0.0, 10.0), (12.0, 20.0), (13.0, 21.0)], {2: 1}),  # whose place is taken
    ([(0.0, 10.0), (12.0, 20.0), (22.0, 30.0)], {2: 1, 3: 2}),
])  # fmt: skip
def test_a_stream_follows_the_one_that_ended_last_before_it(spans, replaced):
    assert from_times(checked(*((*span, {}) for span in spans))) == replaced


def test_streams_of_different_clocks_do_not_follow_each_other():
    assert from_times(checked((0.0, 10.0, {}), (12.0, 20.0, {}), origins=(0, 1))) == {}
