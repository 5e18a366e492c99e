"""A stream that was lost and is back, as it was or changed: the session's predictions are those of the replay."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hand_fed import PROFILES, FedSession, setup_of
from joint_people import HOP_S, replayed, rows_of, timeless

from rtemo.core.types import Chunk, StreamDown, StreamState, StreamUp
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

LOST_S, BACK_S, SESSION_S = 7.0, 10.3, 19.0
CHANGED_S = (7.25, 12.25)  # within a hop
SMOOTHED = ("emotion", "smoothed", "set", "abstain", "valence", "arousal")  # depend on the windows before


@pytest.fixture(scope="module")
def person():
    return SimulatedSession(SimulationPlan.for_duration(4, 24, eeg_channels=4, eeg_rate_hz=250))


class Session:
    """Fed with what a person's streams send. `give` may be given something else."""

    def __init__(self, person, root):
        self.start_s = self.time_s = person.plan.start_s
        roles = StreamRoles(PROFILES)
        roles.choose(person.streams)
        setup = setup_of(roles, lambda: self.time_s, lambda *_: None, hop_s=HOP_S)
        self.session = FedSession(setup, SessionSettings(subject="P"), root)
        self.give = self.session.give
        for info in person.streams:
            self.give(StreamUp(info))
        self._items = person.items(block_s=0.1)

    def feed(self, until_s, change=lambda item: item):
        """change: what is given instead of an item; None: nothing."""
        for item in self._items:
            if isinstance(item, Chunk) and len(item):
                self.time_s = max(self.time_s, float(item.stamps[-1]))
            if (changed := change(item)) is not None:
                self.give(changed)
            if self.time_s >= self.start_s + until_s:
                return

    def end(self):
        """The rows of the session, and the events of its replay, which gives the same but for windows that were cut
        because a stream was late.
        """
        self.session.close()
        folder = self.session.outputs.folder
        rows = rows_of(folder)
        shown, events = replayed(folder.recording)[""]
        again = {row["time_s"]: row for row in timeless(shown)}
        forced_s = min((float(row["time_s"]) for row in rows if row["forced"] == "true"), default=math.inf)
        for row in timeless([row for row in rows if row["forced"] == "false"]):
            own = {key for key in row if float(row["time_s"]) < forced_s or not key.startswith(SMOOTHED)}
            assert {key: str(again[row["time_s"]][key]) for key in own} == {key: row[key] for key in own}
        return rows, events


@pytest.mark.parametrize("lost", ["eeg", "gaze"])
def test_what_a_lost_stream_kept_is_not_used_for_windows_that_were_given_out_without_it(person, lost, tmp_path):
    session, kept = Session(person, tmp_path), []

    def away(item):
        if getattr(item, "stream_id", "") != lost:
            return item
        kept.append(item)
        return None

    session.feed(LOST_S)
    session.give(StreamDown(lost, StreamState.LOST, "gone from the network"))
    session.feed(BACK_S, away)
    for item in (StreamUp(next(info for info in person.streams if info.stream_id == lost)), *kept):
        session.give(item)
    session.feed(SESSION_S)
    rows, events = session.end()
    coverage = {float(row["time_s"]) - session.start_s: float(row[f"{lost}_coverage"]) for row in rows}
    assert coverage[10.0] < 0.35
    assert min(share for at_s, share in coverage.items() if at_s > BACK_S + 5.0) > 0.9
    assert any(event.text.startswith("what came only after its windows were given out") for event in events)


@pytest.mark.parametrize("changed", ["eeg", "gaze"])
def test_a_device_that_is_changed_and_changed_back_is_followed_by_the_replay(person, changed, tmp_path):
    session = Session(person, tmp_path)
    usual = next(info for info in person.streams if info.stream_id == changed)
    before = usual
    session.feed(CHANGED_S[0])
    for until_s, form in zip((CHANGED_S[1], SESSION_S), ("double64", "float32"), strict=True):
        session.give(StreamDown(before.stream_id, StreamState.LOST, "its sender was started again"))
        now = replace(usual, stream_id=f"{changed} {form}", channel_format=form, xml=usual.xml.replace("float32", form))
        session.give(StreamUp(now, before.stream_id))
        before = now

        def as_now(item, now=now, form=form):
            if getattr(item, "stream_id", "") != changed:
                return item
            if isinstance(item, Chunk):
                item = replace(item, values=item.values.astype("f8" if form == "double64" else "f4"))
            return replace(item, stream_id=now.stream_id)

        session.feed(until_s, as_now)
    rows, _ = session.end()
    assert float(rows[-1][f"{changed}_coverage"]) > 0.9


@pytest.mark.parametrize("changed", ["eeg", "gaze"])
@pytest.mark.parametrize(
    ("lost_s", "noticed_s", "back_s"),
    [
        (7.25, 0.2, 7.25),  # at a window's end
        (7.25, 0.2, 7.3),
        (7.24, 0.1, 7.26),
        (7.13, 0.3, 7.5),
        (7.2, 0.6, 8.3),  # windows are given out without it
        (7.31, 0.1, 10.0),  # longer than a frame
        (7.02, 2.0, 13.9),  # longer than a window
        (7.25, 0.1, 7.0),  # what the new one measured before the old one's end
    ],
)
def test_a_device_that_is_changed_at_any_moment_is_followed_by_the_replay(
    person, changed, lost_s, noticed_s, back_s, tmp_path
):
    session = Session(person, tmp_path)
    usual = next(info for info in person.streams if info.stream_id == changed)
    now = replace(usual, stream_id="new", channel_format="double64", xml=usual.xml.replace("float32", "double64"))
    kept = []

    def part(item, begin_s, stop_s):
        if not isinstance(item, Chunk):
            return item
        own = (item.stamps >= session.start_s + begin_s) & (item.stamps < session.start_s + stop_s)
        return replace(item, stamps=item.stamps[own], values=item.values[own]) if own.any() else None

    def before(item):
        if getattr(item, "stream_id", "") != changed:
            return item
        if (late := part(item, back_s, math.inf)) is not None:
            kept.append(late)
        return part(item, -math.inf, lost_s)

    def after(item):
        if getattr(item, "stream_id", "") != changed:
            return item
        if (own := part(item, back_s, math.inf)) is None:
            return None
        own = replace(own, stream_id="new")
        return replace(own, values=own.values.astype("f8")) if isinstance(own, Chunk) else own

    session.feed(lost_s + noticed_s, before)
    session.give(StreamDown(changed, StreamState.LOST, "its sender was started again"))
    session.feed(max(lost_s + noticed_s, back_s), before)
    session.give(StreamUp(now, changed))
    for item in kept:
        session.give(after(item))
    session.feed(SESSION_S, after)
    rows, _ = session.end()
    coverage = {float(row["time_s"]) - session.start_s: float(row[f"{changed}_coverage"]) for row in rows}
    assert coverage[7.0] > 0.9
    assert min(share for at_s, share in coverage.items() if at_s > back_s + 5.0) > 0.9
